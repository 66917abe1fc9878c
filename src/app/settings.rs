//! What flags and environment say: read once at the start, fixed for the life of the process.
//!
//! `RawSettings` is exactly what was typed. `Settings` is what the program needs, compiled once.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use crate::go::header;

/// The hooks file of whoever names none.
pub const DEFAULT_HOOKS: &str = "hooks.json";
/// Every interface, of both address families.
pub const DEFAULT_IP: &str = "0.0.0.0";
/// The peer's port.
pub const DEFAULT_PORT: i64 = 9000;
/// The peer's first piece of the path.
pub const DEFAULT_URL_PREFIX: &str = "hooks";
/// How long a stop waits for what is under way.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(30);
/// Where state is kept by whoever is not told.
pub const DEFAULT_STATE_DIR: &str = "hookbell-state";

/// The flags as they were typed; `None` where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawSettings {
    /// `-hooks`, as often as given. An empty value is a file without hooks.
    pub hooks: Vec<OsString>,
    /// `-ip`: an address or a name; IPv6 in brackets.
    pub ip: Option<String>,
    /// `-port`, in whatever range an integer has.
    pub port: Option<i64>,
    /// `-socket`: a path, or `@name` in the abstract namespace.
    pub socket: Option<OsString>,
    /// `-urlprefix`
    pub url_prefix: Option<String>,
    /// `-header`, split at the first `=`, as often as given.
    pub headers: Vec<(String, String)>,
    /// `-http-methods`: a comma list.
    pub http_methods: Option<String>,
    /// `-verbose`
    pub verbose: bool,
    /// `-debug`
    pub debug: bool,
    /// `-logfile`
    pub log_file: Option<OsString>,
    /// `-log-format`
    pub log_format: LogFormat,
    /// `-hotreload`
    pub hot_reload: Option<bool>,
    /// `-nopanic`
    pub no_panic: bool,
    /// `-version`
    pub version: bool,
    /// `-state-dir`
    pub state_dir: Option<OsString>,
    /// `-drain`
    pub drain: Option<Duration>,
    /// `-strict`
    pub strict: bool,
}

/// The settings of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The hooks files, in order; none is a daemon without hooks.
    pub hooks: Vec<PathBuf>,
    /// Where calls are heard, unless systemd hands over a socket.
    pub listen: Listen,
    /// What stands between the first slash of a path and the hook's id; may be empty.
    pub url_prefix: String,
    /// Headers of every answer, each name once.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The methods of hooks that name none of their own; `None`: any. An empty list refuses every method.
    pub methods: Option<Vec<Method>>,
    /// The log.
    pub log: LogSettings,
    /// Whether edits of the files are noticed without a signal.
    pub hot_reload: bool,
    /// Whether a start without any hook goes on.
    pub no_panic: bool,
    /// Where state is kept once there is some; need not exist.
    pub state_dir: PathBuf,
    /// How long a stop waits for what is under way.
    pub drain: Duration,
    /// Whether a finding of any kind in the files prevents the start.
    pub strict: bool,
    /// What was asked for and has no effect: to be logged at the start.
    pub warnings: Vec<String>,
}

/// Where calls are heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Tcp {
        /// A name or address; one of IPv6 in brackets.
        host: String,
        /// The port; 0 for any that is free.
        port: u16,
    },
    /// The path of a Unix socket, or `@name` in the abstract namespace.
    Unix(PathBuf),
}

/// How much is logged, how, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// How much.
    pub detail: LogDetail,
    /// How.
    pub format: LogFormat,
    /// Appended to instead of stderr.
    pub file: Option<PathBuf>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogDetail {
    /// Start, reloads, ends of messages, failures.
    #[default]
    Plain,
    /// The peer's lines as well (`-verbose`).
    Verbose,
    /// Its dumps of requests and answers as well (`-debug`).
    Debug,
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl RawSettings {
    /// Compiles what was typed. `state_directory` is `$STATE_DIRECTORY` as systemd sets it. The error says what to do.
    pub fn compile(self, state_directory: Option<OsString>) -> Result<Settings, String> {
        // No `..`: a flag without an effect does not build.
        let RawSettings {
            hooks,
            ip,
            port,
            socket,
            url_prefix,
            headers,
            http_methods,
            verbose,
            debug,
            log_file,
            log_format,
            hot_reload,
            no_panic,
            version: _, // answered before anything is compiled
            state_dir,
            drain,
            strict,
        } = self;
        let mut warnings = Vec::new();
        let log_file = given(log_file).map(PathBuf::from);
        Ok(Settings {
            hooks: hooks_files(hooks),
            listen: match given(socket) {
                Some(path) => Listen::Unix(path.into()),
                None => tcp(ip.as_deref().unwrap_or(DEFAULT_IP), port.unwrap_or(DEFAULT_PORT))?,
            },
            url_prefix: compile_prefix(url_prefix)?,
            headers: compile_headers(headers, &mut warnings),
            methods: http_methods.filter(|list| !list.is_empty()).map(|list| compile_methods(&list, &mut warnings)),
            log: LogSettings {
                detail: match (debug, verbose || log_file.is_some()) {
                    (true, _) => LogDetail::Debug,
                    (false, true) => LogDetail::Verbose,
                    (false, false) => LogDetail::Plain,
                },
                format: log_format,
                file: log_file,
            },
            hot_reload: hot_reload.unwrap_or(true),
            no_panic,
            state_dir: compile_state_dir(state_dir, state_directory),
            drain: drain.unwrap_or(DEFAULT_DRAIN),
            strict,
            warnings,
        })
    }
}

/// The state directory: as given, else the first of systemd's, else one in the working directory.
pub fn compile_state_dir(explicit: Option<OsString>, state_directory: Option<OsString>) -> PathBuf {
    let of_systemd = || first_directory(state_directory);
    given(explicit).map(PathBuf::from).or_else(of_systemd).unwrap_or_else(|| DEFAULT_STATE_DIR.into())
}

/// The first of the directories in a variable of systemd's; a unit may name several.
pub fn first_directory(variable: Option<OsString>) -> Option<PathBuf> {
    std::env::split_paths(&variable?).find(|path| !path.as_os_str().is_empty())
}

/// An empty value means what a missing flag means.
fn given(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

/// upstream: `-hooks ""` is a file with no hooks in it, and no reason to read hooks.json.
fn hooks_files(hooks: Vec<OsString>) -> Vec<PathBuf> {
    if hooks.is_empty() {
        return vec![DEFAULT_HOOKS.into()];
    }
    hooks.into_iter().filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// upstream: a part in braces is a wildcard for any one segment of the path.
fn compile_prefix(prefix: Option<String>) -> Result<String, String> {
    let prefix = prefix.unwrap_or_else(|| DEFAULT_URL_PREFIX.to_owned());
    if prefix.contains('{') {
        return Err(format!("-urlprefix {prefix:?}: wildcards in braces are not in this version"));
    }
    Ok(prefix)
}

/// Says what the resolver would only fail on.
fn tcp(ip: &str, port: i64) -> Result<Listen, String> {
    let port = u16::try_from(port)
        .map_err(|_| format!("error listening on port: {port} is no port: give -port a number from 0 to 65535"))?;
    if ip.contains(':') && !ip.starts_with('[') {
        return Err(format!("error listening on port: write an IPv6 address in brackets: -ip '[{ip}]'"));
    }
    // upstream: an empty host is every interface, in Go; the resolver here knows none.
    let ip = if ip.is_empty() { DEFAULT_IP } else { ip };
    Ok(Listen::Tcp { host: ip.to_owned(), port })
}

/// upstream: a later header of the same name wins; Go writes line breaks as blanks and drops a name that is none.
fn compile_headers(raw: Vec<(String, String)>, warnings: &mut Vec<String>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (name, value) in raw {
        let (Ok(name), Some(value)) = (name.parse::<HeaderName>(), header::sent(&value)) else {
            warnings.push(format!("-header {name}={value:?} is left out: it can't be an HTTP header"));
            continue;
        };
        headers.retain(|(earlier, _)| *earlier != name);
        headers.push((name, value));
    }
    headers
}

/// upstream: all blanks are removed and letters made capital; what is no method then matches no request.
fn compile_methods(list: &str, warnings: &mut Vec<String>) -> Vec<Method> {
    let names = list.split(',').map(|name| name.replace(' ', "").to_uppercase());
    let methods: Vec<Method> = names.filter_map(|name| Method::from_bytes(name.as_bytes()).ok()).collect();
    if methods.is_empty() {
        warnings
            .push(format!("-http-methods {list:?} names no method: hooks without their own list refuse every call"));
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp_at(host: &str, port: u16) -> Listen {
        Listen::Tcp { host: host.to_owned(), port }
    }

    fn settings(raw: RawSettings) -> Settings {
        raw.compile(None).unwrap()
    }

    #[test]
    fn nothing_typed_means_the_peers_defaults() {
        let it = settings(RawSettings::default());
        assert_eq!(it.hooks, [PathBuf::from("hooks.json")]);
        assert_eq!(it.listen, tcp_at("0.0.0.0", 9000));
        assert_eq!((it.url_prefix.as_str(), it.methods, it.hot_reload), ("hooks", None, true));
        assert_eq!((it.state_dir, it.drain), (PathBuf::from("hookbell-state"), Duration::from_secs(30)));
        assert!(it.headers.is_empty() && it.warnings.is_empty());
    }

    #[test]
    fn an_empty_hooks_file_is_no_hooks_file() {
        assert!(settings(RawSettings { hooks: vec!["".into()], ..Default::default() }).hooks.is_empty());
    }

    #[test]
    fn addresses_are_joined_textually_and_bad_ones_are_refused_with_advice() {
        let listen = |ip: &str, port| tcp(ip, port);
        assert_eq!(listen("[::1]", 80), Ok(tcp_at("[::1]", 80)));
        assert_eq!(listen("", 0), Ok(tcp_at("0.0.0.0", 0)));
        assert!(listen("::1", 80).unwrap_err().ends_with("-ip '[::1]'"));
        assert!(listen("localhost", 65_536).unwrap_err().contains("65536 is no port"));
        assert!(listen("localhost", -1).is_err());
    }

    #[test]
    fn a_socket_wins_over_ip_and_port() {
        let raw = RawSettings { socket: Some("@bell".into()), port: Some(-7), ..Default::default() };
        assert_eq!(settings(raw).listen, Listen::Unix("@bell".into()));
    }

    #[test]
    fn methods_lose_their_blanks_and_a_comma_alone_refuses_everything() {
        let methods = |list: &str| settings(RawSettings { http_methods: Some(list.into()), ..Default::default() });
        assert_eq!(methods(" Post , g et").methods, Some(vec![Method::POST, Method::GET]));
        assert_eq!(methods("").methods, None);
        let refusing = methods(",");
        assert_eq!((refusing.methods, refusing.warnings.len()), (Some(vec![]), 1));
    }

    #[test]
    fn a_later_header_wins_and_an_impossible_one_is_told() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![pair("X-A", "1"), pair("x-a", "2\n3"), pair("", "x"), pair("x-b", "")];
        let it = settings(RawSettings { headers, ..Default::default() });
        let seen: Vec<_> = it.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(seen, [("x-a", "2 3"), ("x-b", "")]);
        assert_eq!(it.warnings.len(), 1);
    }

    #[test]
    fn a_log_file_implies_verbose_and_debug_goes_beyond_it() {
        let log = |raw: RawSettings| settings(raw).log.detail;
        assert_eq!(log(RawSettings { log_file: Some("x".into()), ..Default::default() }), LogDetail::Verbose);
        assert_eq!(log(RawSettings { debug: true, verbose: true, ..Default::default() }), LogDetail::Debug);
        assert_eq!(log(RawSettings { log_file: Some("".into()), ..Default::default() }), LogDetail::Plain);
    }

    #[test]
    fn of_several_state_directories_the_first_is_taken_and_the_flag_wins() {
        let dir = |flag: Option<&str>, env: &str| compile_state_dir(flag.map(Into::into), Some(env.into()));
        assert_eq!(dir(None, "/var/lib/a:/var/lib/b"), PathBuf::from("/var/lib/a"));
        assert_eq!(dir(Some("/x"), "/var/lib/a"), PathBuf::from("/x"));
        assert_eq!(dir(None, ""), PathBuf::from("hookbell-state"));
    }
}
