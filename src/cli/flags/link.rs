//! What `hookbell link` is told.

use std::ffi::OsString;

use super::{VERB, ours, set};
use crate::cli::parse::{Flag, Takes, text};
use Takes::Value;

/// `hookbell link`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkArgs {
    /// A contact, a list or a phone number; none: whoever follows the link chooses.
    pub to: Option<String>,
    /// What stands in the chat, ready to be sent.
    pub text: Option<String>,
    /// The files that contacts are looked for in; none means the default one.
    pub hooks: Vec<OsString>,
}

/// The flags of `hookbell link`.
pub const LINK: &[Flag<LinkArgs>] = &[
    ours(
        "to",
        Value("NAME|PHONE"),
        VERB,
        "a contact, a list or a phone number",
        "whom the reader chooses",
        |args, v| set(&mut args.to, text(v)),
    ),
    ours("text", Value("TEXT"), VERB, "what stands in the chat, ready to be sent", "nothing", |args, v| {
        set(&mut args.text, Ok(v.to_string_lossy().into_owned()))
    }),
    ours("hooks", Value("FILE"), VERB, "the hooks file with the contacts; repeatable", "hooks.json", |args, v| {
        args.hooks.push(v.to_owned());
        Ok(())
    }),
];
