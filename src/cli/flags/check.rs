//! The flags of `hookbell check`.

use std::ffi::OsString;

use super::{STATE_DIR, VERB, ours, set};
use crate::cli::parse::Takes::{Switch, Value};
use crate::cli::parse::{Flag, boolean, text};

/// `hookbell check`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckArgs {
    /// Whether warnings are findings, too.
    pub strict: bool,
    /// Whether lists of hooks are templates.
    pub template: bool,
    /// Whether it is told what differs from adnanh/webhook.
    pub compat: bool,
    /// Whether providers are asked.
    pub online: bool,
    /// Whether what is found is told as JSON.
    pub json: bool,
    /// As whom access to files is judged.
    pub user: Option<String>,
    /// The unit that the service runs as.
    pub unit: Option<String>,
    /// Where generated secrets are.
    pub state_dir: Option<OsString>,
    /// The files; none means the default one.
    pub files: Vec<OsString>,
}

/// The flags of `hookbell check`.
pub const CHECK: &[Flag<CheckArgs>] = &[
    ours("hooks", Value("FILE"), VERB, "a FILE, as the daemon takes it; may be repeated", "", |args, v| {
        args.files.push(v.to_owned());
        Ok(())
    }),
    ours("strict", Switch, VERB, "a warning is a finding, too", "false", |args, v| {
        args.strict = boolean(v)?;
        Ok(())
    }),
    ours("template", Switch, VERB, "as for the daemon: lists of hooks are Go templates", "false", |args, v| {
        args.template = boolean(v)?;
        Ok(())
    }),
    ours("compat", Switch, VERB, "also tell what adnanh/webhook would do otherwise", "false", |args, v| {
        args.compat = boolean(v)?;
        Ok(())
    }),
    ours("online", Switch, VERB, "ask providers whether accounts would work; nothing is sent", "false", |args, v| {
        args.online = boolean(v)?;
        Ok(())
    }),
    ours(
        "user",
        Value("NAME"),
        VERB,
        "judge access to files as this user",
        "the unit's for root, else you",
        |args, v| set(&mut args.user, text(v)),
    ),
    ours(
        "unit",
        Value("NAME|PATH"),
        VERB,
        "the unit whose user and sandbox count",
        "hookbell.service for root",
        |args, v| set(&mut args.unit, text(v)),
    ),
    ours("format", Value("FORMAT"), VERB, "text or json", "text", |args, v| {
        args.json = match v.to_str() {
            Some("text") => false,
            Some("json") => true,
            _ => return Err("write text or json".to_owned()),
        };
        Ok(())
    }),
    ours("state-dir", Value("DIR"), VERB, STATE_DIR, "the first that exists", |args, v| {
        set(&mut args.state_dir, Ok(v.to_owned()))
    }),
];
