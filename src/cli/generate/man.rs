//! The man page hookbell(1), in roff.

use std::fmt::Write as _;

use crate::cli::flags::SERVE;
use crate::cli::help::{TOPICS, VERBS, about, verb_flags};
use crate::cli::parse::{Shown, shown};

const DESCRIPTION: &[&str] = &[
    "hookbell is a daemon that other programs call by HTTP. A called hook runs a command, or sends a message to people: by \
     WhatsApp, Telegram, mail or any program. Messages are kept on disk until they are sent.",
    "Without a command it serves the hooks of its files until it is told to stop. Flags may be written with one dash or \
     two, and as -name value or -name=value; a switch is given a value by = only. Called as webhook it has the command \
     line of adnanh/webhook.",
    "The files are JSON or YAML. What they say, and how to call a hook, is in /usr/share/doc/hookbell/README.md.",
];

const FILES: &[(&str, &str)] = &[
    ("/etc/hookbell/hooks.json", "what the service serves"),
    ("/var/lib/hookbell", "messages (outbox.db), generated secrets, and the last good copies of the files"),
    ("/run/hookbell/control.sock", "where hookbell send, messages and accounts find the daemon"),
    ("/usr/lib/systemd/system/hookbell.service", "the service; its comments say how to let hooks do more"),
    ("/usr/lib/systemd/system/hookbell.socket", "the port of the service"),
    ("/usr/lib/hookbell", "drop-ins for the service: for containers, for hooks that call sudo, and more"),
    ("/usr/share/doc/hookbell/examples", "files for hookbell's side and for the caller's"),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("Look for mistakes in a file:", "hookbell check /etc/hookbell/hooks.json"),
    ("Ring:", "curl -fsS -G --data-urlencode \"msg=disk is full\" http://localhost:9000/hooks/wp-admin"),
    ("What became of messages in the last two hours:", "hookbell messages -since 2h"),
    ("Which accounts are out of order, and a test by one:", "hookbell accounts\nhookbell accounts test wa -to ivan"),
    ("The token of a hook that has a generated one:", "hookbell token wp-phone"),
];

const SEE_ALSO: &str = "curl(1), journalctl(1), systemctl(1), systemd.unit(5)";

/// The page.
pub fn page() -> String {
    let mut page = format!(".TH HOOKBELL 1 \"\" \"hookbell {}\"\n", env!("CARGO_PKG_VERSION"));
    // Neither hyphens nor wide blanks: what stands here is copied.
    page += ".nh\n.ad l\n.SH NAME\nhookbell \\- a hook is called, a bell rings\n.SH SYNOPSIS\n.B hookbell\n[flags]\n";
    for verb in VERBS {
        write!(page, ".br\n.B hookbell {}\n{}\n", verb.name, line(verb.arguments)).ok();
    }
    page += ".SH DESCRIPTION\n";
    page += &DESCRIPTION.iter().map(|paragraph| line(paragraph)).collect::<Vec<_>>().join("\n.PP\n");
    page += "\n.SH FLAGS\n";
    flags(&mut page, &shown(SERVE), true);
    page += ".SH COMMANDS\n";
    for verb in VERBS {
        let arguments = line(&format!("{} {}", verb.name, verb.arguments));
        write!(page, ".SS hookbell {arguments}\n{}.\n", line(&capital(verb.help))).ok();
        if !verb.more.is_empty() {
            block(&mut page, verb.more);
        }
        flags(&mut page, &verb_flags(verb.name), false);
    }
    for (topic, ..) in TOPICS {
        writeln!(page, ".SH {}", line(&topic.to_uppercase().replace('-', " "))).ok();
        block(&mut page, &about(topic).unwrap_or_default());
    }
    page += ".SH FILES\n";
    for (path, what) in FILES {
        write!(page, ".TP\n.I {}\n{}\n", line(path), line(what)).ok();
    }
    page += ".SH EXAMPLES\n";
    for (at, (what, command)) in EXAMPLES.iter().enumerate() {
        let gap = if at == 0 { "" } else { ".PP\n" };
        writeln!(page, "{gap}{}", line(what)).ok();
        block(&mut page, command);
    }
    writeln!(page, ".SH SEE ALSO\n{}", line(SEE_ALSO)).ok();
    page
}

/// A paragraph for each flag, under headings if the table has them.
fn flags(page: &mut String, table: &[Shown], headings: bool) {
    let mut group = "";
    for flag in table {
        if headings && flag.group != group {
            group = flag.group;
            writeln!(page, ".SS {}", line(&capital(group))).ok();
        }
        let value = flag.value.map(|value| format!(" \\fI{}\\fR", inline(value))).unwrap_or_default();
        let call = format!("\\fB\\-{}\\fR{value}", inline(flag.name));
        write!(page, ".TP\n{call}\n{}\n", line(&format!("{}{}", flag.help, flag.notes()))).ok();
    }
}

/// Lines as they are, set in.
fn block(page: &mut String, text: &str) {
    // Behind a heading there is a gap already.
    let heading = page.lines().last().is_some_and(|last| last.starts_with(".SH") || last.starts_with(".SS"));
    page.push_str(if heading { ".EX\n" } else { ".PP\n.EX\n" });
    for text in text.lines() {
        writeln!(page, "{}", line(text)).ok();
    }
    page.push_str(".EE\n");
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Text that stands as a line of its own: it must not look like a request.
fn line(text: &str) -> String {
    let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{}", inline(text))
}

/// Text for which roff has no meaning of its own, in ASCII.
fn inline(text: &str) -> String {
    let mut roff = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => roff.push_str("\\e"),
            '-' => roff.push_str("\\-"),
            '\'' => roff.push_str("\\(aq"),
            '`' => roff.push_str("\\(ga"),
            '^' => roff.push_str("\\(ha"),
            '~' => roff.push_str("\\(ti"),
            _ if character.is_ascii() => roff.push(character),
            _ => {
                write!(roff, "\\[u{:04X}]", u32::from(character)).ok();
            }
        }
    }
    roff
}
