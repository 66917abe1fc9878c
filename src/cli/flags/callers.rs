//! What the commands for programs that call us are told: `hookbell omprog` and `hookbell zabbix-media`.

use std::ffi::OsString;

use super::{ours, set};
use crate::cli::parse::{Flag, Takes, boolean, text};
use Takes::{Switch, Value};

/// `hookbell omprog`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OmprogArgs {
    /// The hook to call through the daemon of this host.
    pub hook: Option<String>,
    /// The hook to call wherever it is.
    pub url: Option<String>,
    /// Where its token stands.
    pub token_file: Option<OsString>,
    /// Certificate authorities for it.
    pub ca_file: Option<OsString>,
    /// Whether rsyslog's `#012` becomes a line break again.
    pub unescape: bool,
    /// Where the daemon is found.
    pub state_dir: Option<OsString>,
}

/// The flags of `hookbell omprog`.
pub const OMPROG: &[Flag<OmprogArgs>] = &[
    ours("hook", Value("ID"), "on this host", "call this hook through the control socket", "", |args, v| {
        set(&mut args.hook, text(v))
    }),
    ours("state-dir", Value("DIR"), "on this host", "where the daemon is found", "the first that exists", |args, v| {
        set(&mut args.state_dir, Ok(v.to_owned()))
    }),
    ours("url", Value("URL"), "on another", "call this hook: http://HOST:9000/hooks/ID", "", |args, v| {
        set(&mut args.url, text(v))
    }),
    ours("token-file", Value("FILE"), "on another", "where the hook's token stands; read for every line", "", {
        |args, v| set(&mut args.token_file, Ok(v.to_owned()))
    }),
    ours("ca-file", Value("FILE"), "on another", "certificate authorities to trust besides the system's", "", {
        |args, v| set(&mut args.ca_file, Ok(v.to_owned()))
    }),
    ours("unescape", Switch, "lines", "make a line break of rsyslog's #012, a tab of #011, and so on", "false", {
        |args, v| {
            args.unescape = boolean(v)?;
            Ok(())
        }
    }),
];

/// `hookbell zabbix-media`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZabbixMediaArgs {
    /// The hook that Zabbix is to call.
    pub url: Option<String>,
    /// The generated secret that it shows.
    pub token: Option<String>,
    /// Where generated secrets are.
    pub state_dir: Option<OsString>,
}

/// The flags of `hookbell zabbix-media`.
pub const ZABBIX_MEDIA: &[Flag<ZabbixMediaArgs>] = &[
    ours("url", Value("URL"), super::VERB, "the hook to call", "$HOOKBELL_PUBLIC_URL/hooks/zabbix", |args, v| {
        set(&mut args.url, text(v))
    }),
    ours("token", Value("NAME"), super::VERB, "fill in the generated secret NAME", "the macro {$HOOKBELL.TOKEN}", {
        |args, v| set(&mut args.token, text(v))
    }),
    ours("state-dir", Value("DIR"), super::VERB, super::STATE_DIR, "the first that exists", |args, v| {
        set(&mut args.state_dir, Ok(v.to_owned()))
    }),
];
