//! What `hookbell messages` is told.

use std::ffi::OsString;

use super::{ours, set};
use crate::cli::parse::{Flag, Takes, boolean, integer, text};
use Takes::{Switch, Value};

/// `hookbell messages`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessagesArgs {
    /// What to do.
    pub act: Act,
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this hook.
    pub hook: Option<String>,
    /// Only those to this contact.
    pub to: Option<String>,
    /// Only those by this account.
    pub account: Option<String>,
    /// Only those since then.
    pub since: Option<String>,
    /// How many at most.
    pub limit: Option<i64>,
    /// Refused calls instead of messages.
    pub refused: bool,
    /// JSON instead of a table.
    pub json: bool,
    /// Retry also what may have arrived.
    pub force: bool,
    /// What a purge counts as old.
    pub older_than: Option<String>,
    /// Where the daemon is found, or its outbox.
    pub state_dir: Option<OsString>,
}

/// What `hookbell messages` is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// List deliveries, or refused calls.
    #[default]
    List,
    /// Show one message with its tries.
    Show(String),
    /// Put its ended deliveries back to the queue.
    Retry(String),
    /// Take its queued deliveries back.
    Cancel(String),
    /// Forget old messages.
    Purge,
    /// Show canaries, and hooks that are expected to be called.
    Expected,
}

/// The flags of `hookbell messages`.
pub const MESSAGES: &[Flag<MessagesArgs>] = &[
    ours("state", Value("STATE"), "list", "only queued, sending, sent, delivered, read, failed, …", "", |args, v| {
        set(&mut args.state, text(v))
    }),
    ours("hook", Value("ID"), "list", "only messages of this hook", "", |args, v| set(&mut args.hook, text(v))),
    ours("to", Value("CONTACT"), "list", "only messages to this contact", "", |args, v| set(&mut args.to, text(v))),
    ours("account", Value("NAME"), "list", "only messages by this account", "", |args, v| {
        set(&mut args.account, text(v))
    }),
    ours("since", Value("TIME"), "list", "only so new: 2h, 7d, or 2026-11-20T23:15Z", "", |args, v| {
        set(&mut args.since, text(v))
    }),
    ours("limit", Value("COUNT"), "list", "at most so many, the newest", "50", |args, v| {
        set(&mut args.limit, integer(v))
    }),
    ours("refused", Switch, "list", "calls that were refused instead of messages", "false", |args, v| {
        args.refused = boolean(v)?;
        Ok(())
    }),
    ours("force", Switch, "retry", "also what may have arrived already", "false", |args, v| {
        args.force = boolean(v)?;
        Ok(())
    }),
    ours("older-than", Value("TIME"), "purge", "ended so long ago or longer: 30d", "", |args, v| {
        set(&mut args.older_than, text(v))
    }),
    ours("json", Switch, "all", "JSON for programs instead of a table", "false", |args, v| {
        args.json = boolean(v)?;
        Ok(())
    }),
    ours(
        "state-dir",
        Value("DIR"),
        "all",
        "where the daemon or its outbox is found",
        "the first that exists",
        |args, v| set(&mut args.state_dir, Ok(v.to_owned())),
    ),
];
