//! What `hookbell send` is told.

use std::ffi::{OsStr, OsString};

use super::{VERB, ours, set};
use crate::cli::parse::{Flag, Takes, boolean, text};
use crate::message::TextFormat;
use Takes::{Switch, Value};

/// `hookbell send`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendArgs {
    /// Contacts, lists and phone numbers; at least one.
    pub to: Vec<String>,
    /// Accounts, in order of preference.
    pub via: Vec<String>,
    /// A heading.
    pub title: Option<String>,
    /// What goes along: a file, or a link.
    pub file: Option<OsString>,
    /// How the text's characters are meant.
    pub format: TextFormat,
    /// Whether it is only shown what would be sent.
    pub dry_run: bool,
    /// The files that a dry run reads; none means the default one.
    pub hooks: Vec<OsString>,
    /// Where the daemon is found.
    pub state_dir: Option<OsString>,
    /// What to send.
    pub text: Text,
}

/// Where the text of a message comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// From the command line. What is not UTF-8 has become U+FFFD: an alarm is not refused for its accents.
    Given(String),
    /// `-`: from standard input.
    Stdin,
}

impl Default for Text {
    fn default() -> Text {
        Text::Given(String::new())
    }
}

/// The flags of `hookbell send`.
pub const SEND: &[Flag<SendArgs>] = &[
    ours("to", Value("NAME|PHONE"), VERB, "a contact, a list or a phone number; repeatable", "", |args, v| {
        args.to.push(text(v)?);
        Ok(())
    }),
    ours(
        "via",
        Value("ACCOUNT"),
        VERB,
        "an account; repeatable, in order of preference",
        "the contact's",
        |args, v| {
            args.via.push(text(v)?);
            Ok(())
        },
    ),
    ours("title", Value("TITLE"), VERB, "a heading", "none", |args, v| {
        set(&mut args.title, Ok(v.to_string_lossy().into_owned()))
    }),
    ours(
        "file",
        Value("FILE|URL"),
        VERB,
        "a picture or another file that goes along, or a link to one",
        "none",
        |args, v| set(&mut args.file, Ok(v.to_owned())),
    ),
    ours(
        "format",
        Value("FORMAT"),
        VERB,
        "plain, or markup: *bold*, _italic_, ~strike~ and `code`",
        "plain",
        |args, v| {
            args.format = format(v)?;
            Ok(())
        },
    ),
    ours("dry-run", Switch, VERB, "show what would be sent, and to whom; send nothing", "false", |args, v| {
        args.dry_run = boolean(v)?;
        Ok(())
    }),
    ours("hooks", Value("FILE"), VERB, "with -dry-run: the hooks file to read; repeatable", "", |args, v| {
        args.hooks.push(v.to_owned());
        Ok(())
    }),
    ours("state-dir", Value("DIR"), VERB, "where the daemon is found", "the first that exists", |args, v| {
        set(&mut args.state_dir, Ok(v.to_owned()))
    }),
];

fn format(value: &OsStr) -> Result<TextFormat, String> {
    value.to_str().and_then(TextFormat::named).ok_or_else(|| "it must be plain or markup".to_owned())
}
