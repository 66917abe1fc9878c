//! Method and path → what is meant.

use std::borrow::Cow;

use http::Method;

use super::prefix::Prefix;
use crate::go::path::clean;
use crate::hook::HookId;
use crate::url::{decode_path, encode_segment, encode_segment_bytes};

/// What a request target means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`: the sign of life.
    Root,
    /// A hook.
    Hook(HookId),
    /// `/messages/<id>`: where a message stands.
    Message(String),
    /// `/messages/<id>/media`: what a message brought.
    Media(String),
    /// `/callbacks/<account>/<secret>`: a provider calls; what follows the first word. It holds a secret.
    Callback(String),
    /// `/pull/v1/<call>`: a device fetches, or tells; what follows.
    Pull(String),
    /// The same path in clean form is elsewhere.
    Redirect(String),
    /// `*`: the server itself, which only OPTIONS asks for.
    Server,
    /// Nothing.
    Nowhere,
    /// A broken escape.
    Malformed,
}

/// What is known of a hook's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// There is no such hook.
    No,
    /// It only runs a command, or is broken.
    Runs,
    /// It sends.
    Sends,
}

/// The paths that a server knows.
#[derive(Clone, Debug)]
pub(super) struct Router {
    prefix: Prefix,
}

impl Router {
    /// The router for hooks under `prefix`.
    pub(super) fn new(prefix: Prefix) -> Router {
        Router { prefix }
    }

    /// What `path` means. Hook ids win over our own routes; `known` tells which there are.
    ///
    /// upstream: gorilla/mux with its path cleaning, on the decoded path. A hook that sends is served all the same, for a
    /// caller that follows no redirect (curl) would lose its alarm and never know.
    pub(super) fn route(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        known: impl Fn(&HookId) -> Known,
    ) -> Route {
        if path == "*" && method == Method::OPTIONS {
            return Route::Server;
        }
        let decoded = match decode_path(path) {
            None => return Route::Malformed,
            // Without an escape it is the text that it was.
            Some(Cow::Borrowed(_)) => Cow::Borrowed(path),
            Some(Cow::Owned(decoded)) => match String::from_utf8(decoded) {
                Ok(text) => Cow::Owned(text),
                Err(bytes) => return self.route_of_bytes(bytes.as_bytes(), query),
            },
        };
        let decoded = &*decoded;
        let cleaned = cleaned(decoded);
        let id_of = |path: &str| self.prefix.id_in(path).map(HookId::new);
        if cleaned != decoded {
            if let Some(id) = id_of(&cleaned).filter(|id| known(id) == Known::Sends) {
                return Route::Hook(id);
            }
            return redirect(cleaned.split('/').map(encode_segment), query);
        }
        if decoded == "/" {
            return Route::Root;
        }
        let id = id_of(decoded);
        let message = decoded.strip_prefix("/messages/").and_then(|rest| match rest.split_once('/') {
            None => Some(Route::Message(rest.to_owned())),
            Some((id, "media")) => Some(Route::Media(id.to_owned())),
            Some(_) => None,
        });
        let ours = message
            .or_else(|| decoded.strip_prefix("/callbacks/").map(|rest| Route::Callback(rest.to_owned())))
            .or_else(|| decoded.strip_prefix("/pull/v1/").map(|rest| Route::Pull(rest.to_owned())));
        match (id, ours) {
            (Some(id), Some(ours)) if known(&id) == Known::No => ours,
            (Some(id), _) => Route::Hook(id),
            (None, Some(ours)) => ours,
            (None, None) => Route::Nowhere,
        }
    }

    /// The same of a path that is no text. It names nothing that there is, and where it is to be cleaned it goes back byte by
    /// byte: each stands for a letter meanwhile, for cleaning looks at slashes and dots alone.
    fn route_of_bytes(&self, path: &[u8], query: Option<&str>) -> Route {
        let letters: String = path.iter().copied().map(char::from).collect();
        let cleaned = cleaned(&letters);
        if cleaned != letters {
            let bytes =
                |segment: &str| segment.chars().filter_map(|letter| u8::try_from(letter).ok()).collect::<Vec<_>>();
            return redirect(cleaned.split('/').map(|segment| encode_segment_bytes(&bytes(segment))), query);
        }
        let id = self.prefix.id_in(&String::from_utf8_lossy(path)).map(HookId::new);
        id.map_or(Route::Nowhere, Route::Hook)
    }
}

fn redirect(segments: impl Iterator<Item = String>, query: Option<&str>) -> Route {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Route::Redirect(format!("{}{query}", segments.collect::<Vec<_>>().join("/")))
}

/// A trailing slash is kept: it is part of an id.
fn cleaned(path: &str) -> Cow<'_, str> {
    if is_clean(path) {
        return Cow::Borrowed(path);
    }
    let rooted = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let mut cleaned = clean(&rooted);
    if rooted.ends_with('/') && cleaned != "/" {
        cleaned.push('/');
    }
    Cow::Owned(cleaned)
}

/// Whether a path is clean as it is, as nearly all are.
fn is_clean(path: &str) -> bool {
    let path = path.as_bytes();
    let inside = path.strip_prefix(b"/").map(|rest| rest.strip_suffix(b"/").unwrap_or(rest));
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    path == b"/" || inside.is_some_and(|inside| inside.split(|byte| *byte == b'/').all(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_they_mean_to_the_peer() {
        let hook = |id: &str| Route::Hook(HookId::new(id));
        let redirect = |to: &str| Route::Redirect(to.to_owned());
        let message = |id: &str| Route::Message(id.to_owned());
        for (prefix, target, route) in [
            ("hooks", "/", Route::Root),
            ("hooks", "/hooks", Route::Nowhere),
            ("hooks", "/hooks/", hook("")),
            ("hooks", "/hooks/a%2Fb", hook("a/b")),
            ("hooks", "/hooks/a%20b", hook("a b")),
            ("hooks", "/hooks/%C3%BC", hook("ü")),
            ("hooks", "/hooks/trail/", hook("trail/")),
            ("hooks", "/HOOKS/p", Route::Nowhere),
            ("hooks", "/hooks/p%0A", Route::Nowhere),
            ("hooks", "/hooks/p%zz", Route::Malformed),
            ("hooks", "/hooks/./p?x=1&y=%20", redirect("/hooks/p?x=1&y=%20")),
            ("hooks", "//hooks//ü", redirect("/hooks/%C3%BC")),
            ("hooks", "/hooks/%c3//%bc6?x", redirect("/hooks/%C3/%BC6?x")),
            ("hooks", "/hooks/%ff", hook("\u{fffd}")),
            ("hooks", "//hooks/alarm?msg=x", hook("alarm")),
            ("hooks", "/messages/01J", message("01J")),
            ("hooks", "/messages/01J/media", Route::Media("01J".to_owned())),
            ("hooks", "/messages/01J/text", Route::Nowhere),
            ("hooks", "/callbacks/wa/s%2F1", Route::Callback("wa/s/1".to_owned())),
            ("hooks", "/callbacks", Route::Nowhere),
            ("", "/callbacks/wa/s1", Route::Callback("wa/s1".to_owned())),
            ("", "/callbacks/taken", hook("callbacks/taken")),
            ("hooks", "/pull/v1/lease", Route::Pull("lease".to_owned())),
            ("hooks", "/pull/v2/lease", Route::Nowhere),
            ("", "/pull/v1/items/1/ack", Route::Pull("items/1/ack".to_owned())),
            ("", "/pull/v1/taken", hook("pull/v1/taken")),
            ("", "/a", hook("a")),
            ("", "/messages/taken", hook("messages/taken")),
            ("", "/messages/01J", message("01J")),
            ("a/b", "/a/b/c", hook("c")),
            ("/foo", "/foo/a", Route::Nowhere),
        ] {
            let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
            let known = |id: &HookId| match id.as_str() {
                "messages/taken" | "callbacks/taken" | "pull/v1/taken" => Known::Runs,
                "alarm" => Known::Sends,
                _ => Known::No,
            };
            let found =
                Router::new(Prefix::new(prefix).unwrap_or(Prefix::Never)).route(&Method::GET, path, query, known);
            assert_eq!(found, route, "{prefix} {target}");
        }
    }
}
