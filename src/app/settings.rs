//! What flags and environment say: read once at the start, fixed for the life of the process.
//!
//! `RawSettings` is exactly what was typed. `Settings` is what the program needs, compiled once.

mod addresses;
mod lists;
pub mod log;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

pub use self::addresses::{DEFAULT_IP, Listen};
use self::addresses::{apart, compile_public_url, tcp};
use self::lists::{compile_headers, compile_methods};
use self::log::{LogDetail, LogFormat, LogSettings};
use super::privileges::Identity;
use crate::http::prefix::Prefix;
use crate::http::request_id::RequestIds;
use crate::http::site::CallbackFace;
use crate::http::tls::certificate::CertificateFiles;
use crate::http::tls::policy::{MinVersion, Policy};

/// The hooks file of whoever names none.
pub const DEFAULT_HOOKS: &str = "hooks.json";
/// The peer's port.
pub const DEFAULT_PORT: i64 = 9000;
/// The peer's first piece of the path.
pub const DEFAULT_URL_PREFIX: &str = "hooks";
/// The peer's certificate.
pub const DEFAULT_CERT: &str = "cert.pem";
/// The peer's key.
pub const DEFAULT_KEY: &str = "key.pem";
/// How long a stop waits for what is under way.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(30);
/// For how long messages that ended are kept.
pub const DEFAULT_KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
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
    /// `-max-multipart-mem`, in bytes.
    pub form_memory: Option<i64>,
    /// `-verbose`
    pub verbose: bool,
    /// `-debug`
    pub debug: bool,
    /// `-logfile`
    pub log_file: Option<OsString>,
    /// `-log-format`
    pub log_format: LogFormat,
    /// `-x-request-id`
    pub x_request_id: bool,
    /// `-x-request-id-limit`, in bytes; none where it is not above zero.
    pub x_request_id_limit: i64,
    /// `-hotreload`
    pub hot_reload: Option<bool>,
    /// `-template`
    pub template: bool,
    /// `-nopanic`
    pub no_panic: bool,
    /// `-version`
    pub version: bool,
    /// `-state-dir`
    pub state_dir: Option<OsString>,
    /// `-drain`
    pub drain: Option<Duration>,
    /// `-keep`; zero: for ever.
    pub keep: Option<Duration>,
    /// `-strict`
    pub strict: bool,
    /// `-callbacks`
    pub callbacks: Option<OsString>,
    /// `-admin`
    pub admin: Option<OsString>,
    /// `-admin-token-file`
    pub admin_token_file: Option<OsString>,
    /// `-public-url`
    pub public_url: Option<String>,
    /// `-pidfile`
    pub pidfile: Option<OsString>,
    /// `-setuid`; 0: not given.
    pub uid: i64,
    /// `-setgid`; 0: not given.
    pub gid: i64,
    /// `-secure`
    pub secure: bool,
    /// `-cert`
    pub cert: Option<OsString>,
    /// `-key`
    pub key: Option<OsString>,
    /// `-tls-min-version`
    pub tls_min_version: Option<String>,
    /// `-cipher-suites`: a comma list.
    pub cipher_suites: Option<String>,
    /// `-list-cipher-suites`
    pub list_cipher_suites: bool,
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
    /// Memory for a form in parts besides 10 MiB, in bytes, where it is said.
    pub form_memory: Option<i64>,
    /// The log.
    pub log: LogSettings,
    /// How calls are named in it.
    pub request_ids: RequestIds,
    /// Whether edits of the files are noticed without a signal.
    pub hot_reload: bool,
    /// Whether classic files are templates.
    pub template: bool,
    /// Whether a start without any hook goes on.
    pub no_panic: bool,
    /// Where state is kept once there is some; need not exist.
    pub state_dir: PathBuf,
    /// How long a stop waits for what is under way.
    pub drain: Duration,
    /// For how long messages that ended are kept; `None`: for ever.
    pub keep: Option<Duration>,
    /// Whether a finding of any kind in the files prevents the start.
    pub strict: bool,
    /// Where providers' calls are heard, if apart from others.
    pub callbacks: Option<Listen>,
    /// Where operators and monitors are heard, if anywhere.
    pub admin: Option<Listen>,
    /// Where the token is that operators show.
    pub admin_token_file: Option<PathBuf>,
    /// How the world reaches the main listener, without a slash at its end; for links.
    pub public_url: Option<String>,
    /// Where the process id is written.
    pub pidfile: Option<PathBuf>,
    /// Whom the process becomes once it listens.
    pub identity: Option<Identity>,
    /// TLS, if it is spoken.
    pub tls: Option<TlsSettings>,
    /// What was asked for and has no effect: to be logged at the start.
    pub warnings: Vec<String>,
}

/// How TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where certificate and key are.
    pub files: CertificateFiles,
    /// What is offered.
    pub policy: Policy,
}

impl Settings {
    /// Where providers find us: as the world does; else at an address of `-callbacks` that others can open.
    pub(super) fn callback_face(&self) -> CallbackFace {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let own = match &self.callbacks {
            Some(Listen::Tcp { host, port }) if *port != 0 && !matches!(&**host, "0.0.0.0" | "[::]") => {
                Some(format!("{scheme}://{host}:{port}"))
            }
            _ => None,
        };
        CallbackFace { apart: self.callbacks.is_some(), base: self.public_url.clone().or(own) }
    }
}

impl RawSettings {
    /// What of it the log needs, which must begin also where the rest makes no sense.
    pub fn log(&self) -> LogSettings {
        let file = given(self.log_file.clone()).map(PathBuf::from);
        let detail = match (self.debug, self.verbose || file.is_some()) {
            (true, _) => LogDetail::Debug,
            (false, true) => LogDetail::Verbose,
            (false, false) => LogDetail::Plain,
        };
        LogSettings { detail, format: self.log_format, file }
    }

    /// Compiles what was typed. `state_directory` is `$STATE_DIRECTORY` as systemd sets it. The error says what to do.
    pub fn compile(self, state_directory: Option<OsString>) -> Result<Settings, String> {
        let log = self.log();
        // No `..`: a flag without an effect does not build.
        let RawSettings {
            hooks,
            ip,
            port,
            socket,
            url_prefix,
            headers,
            http_methods,
            form_memory,
            verbose: _, // these four are in the log's settings
            debug: _,
            log_file: _,
            log_format: _,
            x_request_id,
            x_request_id_limit,
            hot_reload,
            template,
            no_panic,
            version: _, // answered before anything is compiled
            state_dir,
            drain,
            keep,
            strict,
            callbacks,
            admin,
            admin_token_file,
            public_url,
            pidfile,
            uid,
            gid,
            secure,
            cert,
            key,
            tls_min_version,
            cipher_suites,
            list_cipher_suites: _, // answered, too
        } = self;
        let mut warnings = Vec::new();
        let identity = Identity::named(uid, gid)?;
        let files = CertificateFiles { cert: file_or(cert, DEFAULT_CERT), key: file_or(key, DEFAULT_KEY) };
        let url_prefix = url_prefix.unwrap_or_else(|| DEFAULT_URL_PREFIX.to_owned());
        warnings.extend(Prefix::new(&url_prefix).err());
        Ok(Settings {
            hooks: hooks_files(hooks),
            listen: match given(socket) {
                Some(path) => Listen::Unix(path.into()),
                None => tcp(ip.as_deref().unwrap_or(DEFAULT_IP), port.unwrap_or(DEFAULT_PORT))?,
            },
            url_prefix,
            headers: compile_headers(headers, &mut warnings),
            methods: http_methods.filter(|list| !list.is_empty()).map(|list| compile_methods(&list, &mut warnings)),
            form_memory,
            log,
            request_ids: RequestIds {
                from_caller: x_request_id,
                limit: usize::try_from(x_request_id_limit).ok().filter(|limit| *limit > 0),
            },
            hot_reload: hot_reload.unwrap_or(true),
            template,
            no_panic,
            state_dir: compile_state_dir(state_dir, state_directory),
            drain: drain.unwrap_or(DEFAULT_DRAIN),
            keep: Some(keep.unwrap_or(DEFAULT_KEEP)).filter(|keep| !keep.is_zero()),
            strict,
            callbacks: apart("-callbacks", given(callbacks))?,
            admin: apart("-admin", given(admin))?,
            admin_token_file: given(admin_token_file).map(PathBuf::from),
            public_url: compile_public_url(public_url)?,
            pidfile: given(pidfile).map(PathBuf::from),
            identity,
            tls: secure.then(|| tls(files, tls_min_version, cipher_suites, &mut warnings)).transpose()?,
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

/// upstream: versions and suites that mean nothing are told only where TLS is spoken.
fn tls(
    files: CertificateFiles,
    min: Option<String>,
    suites: Option<String>,
    warnings: &mut Vec<String>,
) -> Result<TlsSettings, String> {
    let min = MinVersion::named(&min.unwrap_or_default(), warnings)?;
    let policy = Policy::named(min, &suites.unwrap_or_default(), warnings)?;
    Ok(TlsSettings { files, policy })
}

fn file_or(typed: Option<OsString>, default: &str) -> PathBuf {
    typed.map_or_else(|| default.into(), PathBuf::from)
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
    fn a_socket_wins_over_ip_and_port() {
        let raw = RawSettings { socket: Some("@bell".into()), port: Some(-7), ..Default::default() };
        assert_eq!(settings(raw).listen, Listen::Unix("@bell".into()));
    }

    #[test]
    fn no_methods_typed_is_no_list_of_methods() {
        let methods = |list: &str| settings(RawSettings { http_methods: Some(list.into()), ..Default::default() });
        assert_eq!((methods("").methods, methods(",").methods), (None, Some(vec![])));
    }

    #[test]
    fn tls_is_asked_for_by_secure_alone() {
        let raw = RawSettings { tls_min_version: Some("9".into()), ..Default::default() };
        assert_eq!(settings(raw.clone()).tls, None);
        assert!(RawSettings { secure: true, ..raw }.compile(None).is_err());
        let tls = settings(RawSettings { secure: true, key: Some("k".into()), ..Default::default() }).tls.unwrap();
        assert_eq!((tls.files.cert, tls.files.key), ("cert.pem".into(), "k".into()));
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
