//! `command`: any program that sends one message, such as `yowsup-cli` or a script of one's own.

use regex::Regex;
use serde::Serialize;

use crate::account::{AddressKind, Limits, Takes};
use crate::message::delivery::{Class, Receipt, SendError};
use crate::node::{Node, Placed, Property, Reader, Shape, needed, property, rows, usual};
use crate::provider::capabilities::Capabilities;
use crate::provider::markup::{PLAIN, render};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::text::one_line;
use crate::provider::{Answer, Command, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request, account};
use crate::template::{Template, TemplateError, Words};

/// The row of the table.
pub(super) const KIND: Kind = Kind {
    name: "command",
    limits: Limits::NONE,
    can: Capabilities::TEXT,
    help: "Any program that sends one message, such as a script of one's own.",
    properties: || rows(PROPERTIES),
    open: Open::Local(open),
};

/// What the templates of an account may name.
const NAMES: [&str; 3] = ["to", "title", "msg"];

#[derive(Default)]
struct Properties {
    command: Option<Words>,
    stdin: Option<Template>,
    address: Option<AddressKind>,
    success_codes: Option<Vec<i32>>,
    success_pattern: Option<Regex>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "command",
        Shape::Program,
        "The command line, split once by words; each word is a template over to, title, msg. No shell is \
         involved.",
        |p, node, reader| p.command = command(node, reader),
    ),
    property(
        "stdin",
        Shape::TextOrFile,
        "What the program reads: a template over to, title, msg. Default: nothing.",
        |p, node, reader| p.stdin = stdin(node, reader),
    ),
    usual(
        "address",
        Shape::Text,
        "phone",
        "The kind of address that it takes; a kind that is named here may stand in contacts.",
        |p, node, reader| p.address = address(node, reader),
    ),
    property(
        "success-codes",
        Shape::OneOrMore(&Shape::Integer(0, 255)),
        "The exit codes that mean: sent. Default: 0.",
        |p, node, reader| p.success_codes = Some(reader.one_or_more(node, |reader, node| exit_code(node, reader))),
    ),
    property(
        "success-pattern",
        Shape::Text,
        "A regular expression that must match in the program's output, too.",
        |p, node, reader| p.success_pattern = pattern(node, reader),
    ),
];

fn open(node: &Node, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { command, stdin, address, success_codes, success_pattern } =
        account::own(node, PROPERTIES, reader)?;
    let Some(command) = command else {
        if reader.findings.len() == earlier {
            reader.error(&node.place, "no \"command\", such as \"send-alarm {{ to }} {{ msg }}\"");
        }
        return None;
    };
    let takes = Takes::Kinds(vec![address.unwrap_or_else(|| AddressKind::new("phone"))]);
    let success_codes = success_codes.unwrap_or_else(|| vec![0]);
    Some(Opened { takes, provider: Box::new(Program { command, stdin, success_codes, success_pattern }) })
}

fn command(node: &Node, reader: &mut Reader<'_>) -> Option<Words> {
    let text = reader.placed_text(node)?;
    parsed(Words::parse_with(&text.value, &NAMES), &text, reader)
}

fn stdin(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let text = reader.text_or_file(node)?;
    parsed(Template::parse_with(&text.value, &NAMES), &text, reader)
}

fn parsed<T>(outcome: Result<T, TemplateError>, text: &Placed<String>, reader: &mut Reader<'_>) -> Option<T> {
    match outcome {
        Ok(parsed) => Some(parsed),
        Err(why) => reader.wrong(&text.place, why.to_string()),
    }
}

fn address(node: &Node, reader: &mut Reader<'_>) -> Option<AddressKind> {
    let kind = reader.text(node)?;
    if kind.trim().is_empty() { reader.wrong(&node.place, "no kind of address") } else { Some(AddressKind::new(&kind)) }
}

fn exit_code(node: &Node, reader: &mut Reader<'_>) -> Option<i32> {
    let code = reader.integer(node)?;
    match u8::try_from(code) {
        Ok(code) => Some(code.into()),
        Err(_) => reader.wrong(&node.place, "an exit code is a number from 0 to 255"),
    }
}

fn pattern(node: &Node, reader: &mut Reader<'_>) -> Option<Regex> {
    let text = reader.text(node)?;
    match Regex::new(&text) {
        Ok(pattern) => Some(pattern),
        Err(error) => reader.wrong(&node.place, one_line(&error.to_string())),
    }
}

struct Program {
    command: Words,
    stdin: Option<Template>,
    success_codes: Vec<i32>,
    success_pattern: Option<Regex>,
}

#[derive(Serialize)]
struct Values<'a> {
    to: &'a str,
    title: Option<&'a str>,
    msg: String,
}

impl<'a> Values<'a> {
    fn of(out: &'a Outgoing) -> Values<'a> {
        let msg = render(&out.text, out.format, &PLAIN);
        Values { to: &out.address.text, title: out.title.as_deref(), msg }
    }
}

impl Provider for Program {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        match answers {
            [.., Answer::Exec { code, output }] => self.judge(out, *code, output),
            _ => match self.ask(out) {
                Ok(command) => Ok(Next::Ask(Request::Exec(command))),
                // The text is one that the templates can't take.
                Err(detail) => Err(SendError { class: Class::Content, code: "template".to_owned(), detail }),
            },
        }
    }

    fn probe(&self, _: &Inquiry, _: &[Answer]) -> Result<Probe, SendError> {
        let words = match self.program() {
            Some(program) => format!("runs {program}, which was not tried"),
            None => "runs a program that the message names".to_owned(),
        };
        Ok(Probe::Done(Learned::well(words)))
    }

    fn program(&self) -> Option<&str> {
        self.command.program()
    }
}

impl Program {
    fn ask(&self, out: &Outgoing) -> Result<Command, String> {
        let values = Values::of(out);
        let stdin = self.stdin.as_ref().map(|stdin| stdin.render(&values)).transpose()?.unwrap_or_default();
        Ok(Command { argv: self.argv(&values)?, stdin: stdin.into_bytes() })
    }

    /// The words, of which none is an option that the file did not write: a word that begins with a dash only because
    /// the message does gets a blank in front. A blank, for it is not seen by who reads the message, and no program
    /// takes such a word for an option; `--` is not known to all programs, and can still be written into the command.
    /// Addresses are left alone: they come from the file, and chats have ids with a minus.
    fn argv(&self, values: &Values<'_>) -> Result<Vec<String>, String> {
        let words = self.command.render(values)?;
        if !words.iter().any(|word| word.starts_with('-')) {
            return Ok(words);
        }
        // With another beginning of the texts, a dash that stays is the file's own.
        let title = values.title.map(|title| format!("x{title}"));
        let others = Values { to: values.to, title: title.as_deref(), msg: format!("x{}", values.msg) };
        let others = self.command.render(&others)?;
        let guarded = |(word, other): (String, String)| match word.starts_with('-') && !other.starts_with('-') {
            true => format!(" {word}"),
            false => word,
        };
        Ok(words.into_iter().zip(others).map(guarded).collect())
    }

    /// What the program's end means. Its output is not told: many repeat the text that they were to send, and what is
    /// told here stands in the log.
    fn judge(&self, out: &Outgoing, code: Option<i32>, output: &str) -> Result<Next, SendError> {
        let matches = self.success_pattern.as_ref().is_none_or(|pattern| pattern.is_match(output));
        let (word, how) = match code {
            Some(code) if !self.success_codes.contains(&code) => (code.to_string(), format!("ended with code {code}")),
            Some(_) if matches => return Ok(Next::Done(Receipt::default())),
            Some(_) => ("pattern".to_owned(), "ended well, but success-pattern is not in its output".to_owned()),
            None => ("signal".to_owned(), "was ended by a signal".to_owned()),
        };
        let name = self.argv(&Values::of(out)).ok().and_then(|argv| argv.into_iter().next()).unwrap_or_default();
        Err(SendError { class: Class::Fault, code: word, detail: format!("{name} {how}") })
    }
}
