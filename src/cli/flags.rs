//! The flag tables: one row = a flag's name, value, heading, help, default, and what it notes.
//!
//! A row notes exactly what was typed; `app::settings` makes something of it.

pub mod accounts;
pub mod callers;
pub mod check;
pub mod first;
pub mod link;
pub mod messages;
pub mod send;

use std::ffi::OsString;
use std::time::Duration;

use super::parse::{Apply, Flag, Takes, boolean, integer, text};
use crate::app::settings::log::LogFormat;
use crate::app::settings::{DEFAULT_CERT, DEFAULT_KEY, RawSettings};
use crate::node::units;
use Takes::{Switch, Value};

const LISTEN: &str = "where it listens";
const TLS: &str = "how it speaks TLS";
const HOOKS: &str = "what it serves";
const LOG: &str = "what it tells";
const PROCESS: &str = "how it runs";

/// The flags of the daemon.
pub const SERVE: &[Flag<RawSettings>] = &[
    peer("ip", Value("ADDRESS"), LISTEN, "address or name to listen on; IPv6 in brackets", "0.0.0.0", |raw, v| {
        set(&mut raw.ip, text(v))
    }),
    peer("port", Value("PORT"), LISTEN, "port to listen on", "9000", |raw, v| set(&mut raw.port, integer(v))),
    peer(
        "socket",
        Value("PATH"),
        LISTEN,
        "listen on this Unix socket instead; @NAME is an abstract one",
        "",
        |raw, v| set(&mut raw.socket, Ok(v.to_owned())),
    ),
    peer("urlprefix", Value("PREFIX"), LISTEN, "serve hooks at /PREFIX/ID", "hooks", |raw, v| {
        set(&mut raw.url_prefix, text(v))
    }),
    ours("callbacks", Value("ADDRESS:PORT"), LISTEN, "hear providers' calls there, and nowhere else", "", |raw, v| {
        set(&mut raw.callbacks, Ok(v.to_owned()))
    }),
    ours("admin", Value("ADDRESS:PORT"), LISTEN, "answer operators and monitors there", "", |raw, v| {
        set(&mut raw.admin, Ok(v.to_owned()))
    }),
    ours("admin-token-file", Value("FILE"), LISTEN, "file with the token that operators show there", "", |raw, v| {
        set(&mut raw.admin_token_file, Ok(v.to_owned()))
    }),
    ours("public-url", Value("URL"), LISTEN, "how the world reaches us: for links in messages", "", |raw, v| {
        set(&mut raw.public_url, text(v))
    }),
    peer("secure", Switch, TLS, "serve by TLS: https:// instead of http://", "false", |raw, v| {
        raw.secure = boolean(v)?;
        Ok(())
    }),
    peer(
        "cert",
        Value("FILE"),
        TLS,
        "certificate and its chain, PEM; noticed when it changes",
        DEFAULT_CERT,
        |raw, v| set(&mut raw.cert, Ok(v.to_owned())),
    ),
    peer("key", Value("FILE"), TLS, "its private key, PEM, without a password", DEFAULT_KEY, |raw, v| {
        set(&mut raw.key, Ok(v.to_owned()))
    }),
    peer("tls-min-version", Value("VERSION"), TLS, "least version of TLS: 1.2 or 1.3", "1.2", |raw, v| {
        set(&mut raw.tls_min_version, text(v))
    }),
    peer("cipher-suites", Value("LIST"), TLS, "suites for TLS 1.2, comma-separated; none given: all", "", |raw, v| {
        set(&mut raw.cipher_suites, text(v))
    }),
    peer("list-cipher-suites", Switch, TLS, "print the suites for -tls-min-version and exit", "false", |raw, v| {
        raw.list_cipher_suites = boolean(v)?;
        Ok(())
    }),
    peer(
        "hooks",
        Value("FILE"),
        HOOKS,
        "file, or folder of files, that says what to serve; repeatable",
        "hooks.json",
        {
            |raw, v| {
                raw.hooks.push(v.to_owned());
                Ok(())
            }
        },
    ),
    peer("hotreload", Switch, HOOKS, "notice edits of the files without a signal", "true", |raw, v| {
        set(&mut raw.hot_reload, boolean(v))
    }),
    peer("template", Switch, HOOKS, "lists of hooks are Go templates: {{ getenv \"X\" | js }}", "false", |raw, v| {
        raw.template = boolean(v)?;
        Ok(())
    }),
    peer("nopanic", Switch, HOOKS, "start even where there is no hook", "false", |raw, v| {
        raw.no_panic = boolean(v)?;
        Ok(())
    }),
    ours("strict", Switch, HOOKS, "don't start with anything wrong or doubtful in the files", "false", |raw, v| {
        raw.strict = boolean(v)?;
        Ok(())
    }),
    peer(
        "http-methods",
        Value("LIST"),
        HOOKS,
        "methods of hooks that name none, comma-separated; none given: any",
        "",
        |raw, v| set(&mut raw.http_methods, text(v)),
    ),
    peer(
        "max-multipart-mem",
        Value("BYTES"),
        HOOKS,
        "memory for a form in parts, besides 10 MiB",
        "1048576",
        |raw, v| set(&mut raw.form_memory, integer(v)),
    ),
    peer("header", Value("NAME=VALUE"), HOOKS, "header of every answer; repeatable", "", |raw, v| {
        let typed = text(v)?;
        let pair = typed.split_once('=').ok_or("header flag must be in name=value format")?;
        raw.headers.push((pair.0.to_owned(), pair.1.to_owned()));
        Ok(())
    }),
    peer("verbose", Switch, LOG, "log every call and every command", "false", |raw, v| {
        raw.verbose = boolean(v)?;
        Ok(())
    }),
    peer("debug", Switch, LOG, "log every request and answer in full as well", "false", |raw, v| {
        raw.debug = boolean(v)?;
        Ok(())
    }),
    peer("logfile", Value("FILE"), LOG, "append the log to FILE, not to stderr; implies -verbose", "", |raw, v| {
        set(&mut raw.log_file, Ok(v.to_owned()))
    }),
    ours("log-format", Value("FORMAT"), LOG, "text or json", "text", |raw, v| {
        raw.log_format = match v.to_str() {
            Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            _ => return Err("write text or json".to_owned()),
        };
        Ok(())
    }),
    peer("x-request-id", Switch, LOG, "name each call in the log by its X-Request-Id header", "false", |raw, v| {
        raw.x_request_id = boolean(v)?;
        Ok(())
    }),
    peer("x-request-id-limit", Value("BYTES"), LOG, "take no more of that header; 0: all of it", "0", |raw, v| {
        raw.x_request_id_limit = integer(v)?;
        Ok(())
    }),
    peer("version", Switch, LOG, "print the version and exit", "false", |raw, v| {
        raw.version = boolean(v)?;
        Ok(())
    }),
    peer("pidfile", Value("FILE"), PROCESS, "write the process id to FILE", "", |raw, v| {
        set(&mut raw.pidfile, Ok(v.to_owned()))
    }),
    peer("setuid", Value("UID"), PROCESS, "become this user once the port is open; with -setgid", "", |raw, v| {
        raw.uid = integer(v)?;
        Ok(())
    }),
    peer("setgid", Value("GID"), PROCESS, "become this group once the port is open; with -setuid", "", |raw, v| {
        raw.gid = integer(v)?;
        Ok(())
    }),
    ours("state-dir", Value("DIR"), PROCESS, STATE_DIR, "$STATE_DIRECTORY or ./hookbell-state", |raw, v| {
        set(&mut raw.state_dir, Ok(v.to_owned()))
    }),
    ours("drain", Value("TIME"), PROCESS, "how long a stop waits for what is under way", "30s", |raw, v| {
        set(&mut raw.drain, units::duration(&text(v)?))
    }),
    ours("keep", Value("TIME"), PROCESS, "how long messages are kept once they ended; 0: for ever", "30d", |raw, v| {
        let typed = text(v)?;
        set(&mut raw.keep, if typed.trim() == "0" { Ok(Duration::ZERO) } else { units::duration(&typed) })
    }),
];

const STATE_DIR: &str = "folder of messages and generated secrets";
const VERB: &str = "flags";

/// `hookbell token`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenArgs {
    /// The name of the generated secret.
    pub name: String,
    /// Whether it is printed as a header.
    pub header: bool,
    /// Where generated secrets are.
    pub state_dir: Option<OsString>,
}

/// The flags of `hookbell token`.
pub const TOKEN: &[Flag<TokenArgs>] = &[
    ours("header", Switch, VERB, "as a header for curl: … | curl -H @-", "false", |args, v| {
        args.header = boolean(v)?;
        Ok(())
    }),
    ours("state-dir", Value("DIR"), VERB, STATE_DIR, "the first that exists", |args, v| {
        set(&mut args.state_dir, Ok(v.to_owned()))
    }),
];

/// A flag that the peer has, too: its name, meaning and default are not ours to choose.
const fn peer<T>(
    name: &'static str,
    takes: Takes,
    group: &'static str,
    help: &'static str,
    default: &'static str,
    apply: Apply<T>,
) -> Flag<T> {
    Flag { name, takes, help, default, group, ours: false, apply }
}

/// A flag of our own; the environment may stand in for the daemon's.
const fn ours<T>(
    name: &'static str,
    takes: Takes,
    group: &'static str,
    help: &'static str,
    default: &'static str,
    apply: Apply<T>,
) -> Flag<T> {
    Flag { name, takes, help, default, group, ours: true, apply }
}

fn set<T>(slot: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    *slot = Some(value?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse::{Stop, flags};
    use super::*;

    fn typed(line: &[&str]) -> Result<RawSettings, Stop> {
        let args: Vec<OsString> = line.iter().map(Into::into).collect();
        let mut raw = RawSettings::default();
        flags(SERVE, &args, &mut raw).map(|_| raw)
    }

    #[test]
    fn the_peers_command_line_is_understood() {
        let line = ["-hooks=a", "--hooks", "b", "-debug", "-ip=127.0.0.1", "-port", "0x10", "-header", "a=b=c"];
        let raw = typed(&line).unwrap();
        assert_eq!(raw.hooks, ["a", "b"]);
        assert_eq!((raw.debug, raw.ip.as_deref(), raw.port), (true, Some("127.0.0.1"), Some(16)));
        assert_eq!(raw.headers, [("a".to_owned(), "b=c".to_owned())]);
        assert_eq!(typed(&["-hotreload=false"]).unwrap().hot_reload, Some(false));
    }

    #[test]
    fn rows_refuse_what_they_cannot_take() {
        let header = typed(&["-header", "x\"y"]).unwrap_err();
        let said = "invalid value \"x\\\"y\" for flag -header: header flag must be in name=value format";
        assert_eq!(header, Stop::Wrong(said.to_owned()));
        assert!(typed(&["-log-format", "xml"]).is_err());
        assert!(typed(&["-keep"]).is_err() && typed(&["-keep", "30"]).is_err() && typed(&["-admin"]).is_err());
        assert_eq!(typed(&["-keep", "0"]).unwrap().keep, Some(Duration::ZERO));
    }

    #[test]
    fn names_are_unique_and_each_row_says_what_it_does() {
        fn guard<T>(table: &[Flag<T>]) {
            for (at, flag) in table.iter().enumerate() {
                let name = flag.name;
                assert!(table[..at].iter().all(|other| other.name != name), "-{name} stands twice");
                assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-')), "-{name}");
                assert_eq!(flag.help.is_empty(), flag.takes == Takes::NotYet, "-{name}");
                assert!(!flag.help.ends_with('.') && flag.help.len() <= 70, "-{name}: {}", flag.help);
            }
        }
        guard(SERVE);
        guard(check::CHECK);
        guard(TOKEN);
        guard(send::SEND);
        guard(link::LINK);
        guard(accounts::ACCOUNTS);
        guard(messages::MESSAGES);
        guard(callers::OMPROG);
        guard(callers::ZABBIX_MEDIA);
        guard(first::INIT);
        guard(first::IMPORT);
    }

    #[test]
    fn variables_are_derived_and_only_ours_have_one() {
        let variables: Vec<String> =
            SERVE.iter().filter(|f| f.takes != Takes::NotYet).filter_map(Flag::variable).collect();
        assert_eq!(variables[..3], ["HOOKBELL_CALLBACKS", "HOOKBELL_ADMIN", "HOOKBELL_ADMIN_TOKEN_FILE"]);
        assert_eq!(variables[3..6], ["HOOKBELL_PUBLIC_URL", "HOOKBELL_STRICT", "HOOKBELL_LOG_FORMAT"]);
        assert_eq!(variables[6..], ["HOOKBELL_STATE_DIR", "HOOKBELL_DRAIN", "HOOKBELL_KEEP"]);
    }
}
