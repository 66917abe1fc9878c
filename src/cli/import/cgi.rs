//! `-cgi` of shell2http: what commands learn of the call by variables, and by standard input.

use super::json::Json;
use super::scripts::{names, variables};
use super::translation::Translation;

/// One path that is served.
pub(super) struct Served<'s> {
    /// With its slash.
    pub path: &'s str,
    /// Its only method; empty: any.
    pub method: &'s str,
    /// `-host`
    pub host: &'s str,
    /// `-port`
    pub port: i64,
    /// Whether fields are taken from the body, so that standard input is empty.
    pub form: bool,
}

/// The variables that a command uses, as `pass-environment-to-command`.
pub(super) fn passed(served: &Served<'_>, texts: &[String], place: &str, into: &mut Translation) -> Vec<Json> {
    let mut passed = Vec::new();
    let mut pass = |envname: &str, source: &str, name: &str| {
        let entry = [("envname", Json::text(envname)), ("source", Json::text(source)), ("name", Json::text(name))];
        passed.push(Json::object(entry));
    };
    for name in variables(texts, "HTTP_") {
        pass(&format!("HTTP_{name}"), "header", &name.replace('_', "-"));
    }
    let port = served.port.to_string();
    let fixed = [
        ("PATH_INFO", served.path),
        ("SCRIPT_NAME", served.path),
        ("SERVER_NAME", served.host),
        ("SERVER_PORT", &port),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", "shell2http"),
    ];
    let uses = |name: &str| {
        texts.iter().any(|text| text.contains(&format!("${name}")) || text.contains(&format!("${{{name}")))
    };
    for (name, value) in fixed.iter().filter(|(name, _)| uses(name)) {
        pass(name, "string", value);
    }
    for (name, key) in [("REQUEST_METHOD", "method"), ("REMOTE_ADDR", "remote-addr")] {
        if uses(name) {
            pass(name, "request", key);
        }
    }
    if uses("REMOTE_ADDR") {
        into.differs(place, "$REMOTE_ADDR ends with the port", "${REMOTE_ADDR%:*} is the address");
    }
    for name in ["QUERY_STRING", "REQUEST_URI", "REMOTE_PORT"] {
        if uses(name) {
            into.left(
                place,
                format!("${name} is not handed over"),
                "hand over what is needed of it by \"pass-environment-to-command\"",
            );
        }
    }
    let writes = |head: &str| texts.iter().any(|text| text.contains(head));
    if ["Content-Type:", "Location:", "Status:"].into_iter().any(writes) {
        let advice = "write \"response-headers\" into the hook, and take the lines out of the command";
        into.left(place, "headers that the command prints are text of the answer", advice);
    }
    let takes_body = !served.form && !matches!(served.method, "GET" | "HEAD" | "DELETE");
    let reads =
        |text: &String| ["cat", "read", "jq", "tee"].iter().any(|program| names(text, program)) || text.contains("@-");
    if takes_body && texts.iter().any(reads) {
        let advice = "\"pass-file-to-command\" with the source \"raw-request-body\" hands it over as a file";
        into.left(place, "the body is not on standard input", advice);
    }
    passed
}
