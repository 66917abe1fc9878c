//! What `hookbell accounts` is told.

use std::ffi::OsString;
use std::time::Duration;

use super::{ours, set};
use crate::cli::parse::Takes::{Switch, Value};
use crate::cli::parse::{Flag, boolean, text};
use crate::node::units;

/// For how long a test is followed where nothing else is said.
pub const WAIT: Duration = Duration::from_secs(60);

/// `hookbell accounts`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsArgs {
    /// What to do.
    pub act: AccountsAct,
    /// Whom a test goes to.
    pub to: Option<String>,
    /// For how long it is followed.
    pub wait: Option<Duration>,
    /// How the world reaches us.
    pub url: Option<String>,
    /// Whether the secret in it is shown.
    pub show: bool,
    /// JSON instead of a table.
    pub json: bool,
    /// Where the daemon is found, or its outbox.
    pub state_dir: Option<OsString>,
}

/// What `hookbell accounts` is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccountsAct {
    /// List accounts and how they stand.
    #[default]
    List,
    /// Send a test by this one.
    Test(String),
    /// Have the provider of this one call us.
    Setup(String),
    /// List the dialects in the program, or print this one.
    Dialects(Option<String>),
    /// List the providers that accounts can have.
    Providers,
}

/// The flags of `hookbell accounts`.
pub const ACCOUNTS: &[Flag<AccountsArgs>] = &[
    ours("to", Value("CONTACT"), "test", "the contact or phone number that gets it", "", |args, v| {
        set(&mut args.to, text(v))
    }),
    ours("wait", Value("TIME"), "test", "for how long it is followed, at most 15m", "1m", |args, v| {
        set(&mut args.wait, text(v).and_then(|typed| units::duration(&typed)))
    }),
    ours(
        "url",
        Value("URL"),
        "setup",
        "how the world reaches us: https://HOST",
        "-public-url of the daemon",
        |args, v| set(&mut args.url, text(v)),
    ),
    ours("show", Switch, "setup", "show the callback URL with its secret", "false", |args, v| {
        args.show = boolean(v)?;
        Ok(())
    }),
    ours("format", Value("FORMAT"), "all", "text or json", "text", |args, v| {
        args.json = match v.to_str() {
            Some("text") => false,
            Some("json") => true,
            _ => return Err("write text or json".to_owned()),
        };
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
