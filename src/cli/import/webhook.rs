//! A command line of adnanh/webhook: its flags are ours, and its files are read.

use std::ffi::OsString;
use std::path::Path;

use super::classic::{self, beside};
use super::translation::Translation;
use crate::app::settings::{DEFAULT_HOOKS, RawSettings};
use crate::cli::flags::SERVE;
use crate::cli::parse::{self, Stop};

/// Translates the arguments. `directory` is where webhook runs.
pub(super) fn translate(args: &[String], place: &str, directory: Option<&Path>, into: &mut Translation) {
    let args: Vec<OsString> = args.iter().map(Into::into).collect();
    let mut raw = RawSettings::default();
    let ignored = match parse::flags(SERVE, &args, &mut raw) {
        Ok(ignored) => ignored,
        Err(Stop::Help) => return into.left(place, "it only asks for help", ""),
        Err(Stop::Wrong(what)) => {
            return into.left(place, format!("webhook does not start so: {}", what.replace('\n', "; ")), "");
        }
    };
    if let Some(first) = ignored.first() {
        let what = format!("{first:?} and what follows it is ignored by webhook, and is left out");
        into.left(place, what, "a file is given as -hooks FILE, and flags stand before all other words");
    }
    let mut files: Vec<String> = raw.hooks.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    if files.is_empty() {
        files.push(DEFAULT_HOOKS.to_owned());
    }
    for file in files.iter().filter(|file| !file.is_empty()) {
        let path = beside(directory, file);
        match std::fs::read_to_string(&path) {
            Ok(text) => classic::hooks(&path, &text, raw.template, into),
            Err(error) => {
                into.left(place, format!("{} can't be read: {error}", path.display()), "import it where it can be read")
            }
        }
    }
    flags(&raw, place, directory, into);
}

/// The flags of the daemon that say the same.
fn flags(raw: &RawSettings, place: &str, directory: Option<&Path>, into: &mut Translation) {
    let path = |path: &OsString| beside(directory, &path.to_string_lossy()).display().to_string();
    let mut add = |name: &str, value: Option<String>| {
        into.flags.extend(value.into_iter().flat_map(|value| [format!("-{name}"), value]));
    };
    add("ip", raw.ip.clone());
    add("port", raw.port.map(|port| port.to_string()));
    add(
        "socket",
        raw.socket.as_ref().map(|socket| match socket.as_encoded_bytes().starts_with(b"@") {
            true => socket.to_string_lossy().into_owned(),
            false => path(socket),
        }),
    );
    add("urlprefix", raw.url_prefix.clone());
    for (name, value) in &raw.headers {
        add("header", Some(format!("{name}={value}")));
    }
    add("http-methods", raw.http_methods.clone());
    add("max-multipart-mem", raw.form_memory.map(|bytes| bytes.to_string()));
    add("logfile", raw.log_file.as_ref().map(path));
    add("tls-min-version", raw.tls_min_version.clone());
    add("cipher-suites", raw.cipher_suites.clone());
    add("x-request-id-limit", Some(raw.x_request_id_limit).filter(|limit| *limit > 0).map(|limit| limit.to_string()));
    if raw.secure {
        into.flags.push("-secure".to_owned());
        for (name, file) in [("-cert", &raw.cert), ("-key", &raw.key)] {
            let default = OsString::from(if name == "-cert" { "cert.pem" } else { "key.pem" });
            into.flags.extend([name.to_owned(), path(file.as_ref().unwrap_or(&default))]);
        }
    }
    let switches = [
        ("-verbose", raw.verbose),
        ("-debug", raw.debug),
        ("-x-request-id", raw.x_request_id),
        ("-nopanic", raw.no_panic),
    ];
    into.flags.extend(switches.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()));
    match raw.hot_reload {
        Some(true) => into.covered(place, "-hotreload: edits are taken without it"),
        Some(false) => into.flags.push("-hotreload=false".to_owned()),
        None => {}
    }
    if raw.template && into.kept_files.is_empty() {
        into.covered(place, "-template: what it fills in stands in the hooks as { \"env\": … } and the like");
    }
    if raw.pidfile.is_some() {
        into.covered(place, "-pidfile: systemd knows the process");
    }
    if raw.uid != 0 || raw.gid != 0 {
        into.left(
            place,
            format!("-setuid {} and -setgid {}", raw.uid, raw.gid),
            "under systemd the unit says it: User= and Group=",
        );
    }
}
