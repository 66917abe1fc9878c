//! What proves who calls must not stand in a log: which parts of a call that is, and how they are shown.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{LOCATION, REFERER};
use http::{HeaderName, HeaderValue, Uri};

use super::parameter::{Parameter, Source};
use super::value::Value;
use super::{Head, HookRequest, Reading};
use crate::url::{Broken, masked_query, masked_url};

/// What is shown in place of a secret.
pub const SHOWN: &str = "[secret]";

/// Words that make a name a secret's wherever they stand in it.
const WORDS: [&str; 9] =
    ["token", "secret", "passw", "passphrase", "signature", "authorization", "cookie", "apikey", "credential"];

/// Names that are a secret's only when they are whole, or end another one behind a dash or the like.
const ENDS: [&str; 6] = ["key", "sig", "auth", "pwd", "pass", "hmac"];

/// A shorter value stands in too many other words to be looked for inside of a text.
const SHORTEST: usize = 4;

/// The same for what a rule compares: `push` and `main` are no secrets, and would leave holes in every output.
const SHORTEST_GUARDED: usize = 8;

/// The last part of names under which forges and registries tell what happened, which rules compare. No secret has one.
const OPEN: [&str; 14] = [
    "ref",
    "base_ref",
    "branch",
    "default_branch",
    "tag",
    "action",
    "event",
    "event_name",
    "object_kind",
    "full_name",
    "name",
    "state",
    "status",
    "type",
];

/// Whether what a rule compares may prove who calls, and so stands in no log: not `ref`, `repository.full_name`, nor
/// `X-GitHub-Event`.
pub fn may_prove(compared: &Parameter) -> bool {
    let name = compared.name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    !OPEN.contains(&last) && !last.ends_with("-event")
}

/// Whether a parameter or header of this name is likely to prove who calls: `token`, `X-Hub-Signature-256`, `api_key`.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has_end = |end: &&str| {
        name.strip_suffix(*end).is_some_and(|before| before.is_empty() || before.ends_with(['-', '_', '.']))
    };
    WORDS.iter().any(|word| name.contains(word)) || ENDS.iter().any(has_end)
}

/// A request target as it may stand in a log.
pub fn target(uri: &Uri) -> String {
    Mask::default().target(uri)
}

/// An authority without what stands before an `@`: it may be a password.
pub fn host(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// More secrets than this are no accident, and to look for them all would take for ever: nothing of such a call is shown.
const MOST: usize = 256;

/// What is searched of a body for its secrets, in bytes times secrets.
const SEARCHED: usize = 64 << 20;

/// The secrets of one call, to be taken out of whatever is logged about it.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Texts that are secrets when they stand alone.
    whole: Vec<String>,
    /// Those that are looked for inside of others. The longest first: one may stand in another.
    inside: Vec<String>,
    /// Keys of the query whose values are secrets, besides those that are named so.
    keys: Vec<String>,
    /// Headers of that kind, in small letters.
    headers: Vec<String>,
    /// Whether the body has a secret in escapes, so that a text with escapes may be that body.
    escaped: bool,
    /// Whether there are too many of them.
    all: bool,
}

impl Mask {
    /// The mask of a call: the values of whatever is named like a secret in its headers, its query and its payload, and
    /// those of `guarded` parameters.
    pub fn of(request: &HookRequest, guarded: &[Parameter]) -> Mask {
        let is_named = |it: &&Parameter| it.source.needs_name() || it.source == Source::String;
        let named: Vec<&Parameter> = guarded.iter().filter(is_named).collect();
        let names = |source: Source| named.iter().filter(move |it| it.source == source).map(|it| it.name.as_str());
        let values = |source: Source| {
            let of_source = named.iter().filter(move |it| it.source == source);
            of_source.filter_map(|parameter| parameter.resolve(request).ok()).collect::<BTreeSet<_>>()
        };
        let mut mask = Mask {
            keys: names(Source::Url).map(str::to_owned).collect(),
            headers: names(Source::Header).map(str::to_ascii_lowercase).collect(),
            ..Mask::default()
        };
        let mut found = BTreeSet::new();
        gather(&request.whole_payload(), false, &mut found);
        mask.all = found.len() > MOST;
        if mask.all {
            return mask;
        }
        mask.hide(&found, SHORTEST);
        mask.hide(&values(Source::Payload), SHORTEST_GUARDED);
        mask.escaped = !mask.finds_all_in(&request.body);
        let mut found = BTreeSet::new();
        gather(&request.headers, false, &mut found);
        gather(&request.query, false, &mut found);
        mask.all = found.len() > MOST;
        mask.hide(&found, SHORTEST);
        // The method and the address of a call are in its log anyway.
        for source in [Source::Header, Source::Url, Source::String] {
            mask.hide(&values(source), SHORTEST_GUARDED);
        }
        mask.inside.sort_by_key(|value| std::cmp::Reverse(value.len()));
        mask
    }

    /// Whether the secrets so far stand in the body as they are, where it is they that came in it.
    fn finds_all_in(&self, body: &[u8]) -> bool {
        if self.whole.is_empty() || body.is_empty() {
            return true;
        }
        if self.whole.len().saturating_mul(body.len()) > SEARCHED {
            return false;
        }
        let body = String::from_utf8_lossy(body);
        self.whole.iter().all(|secret| body.contains(secret.as_str()) || body.contains(&in_json(secret)))
    }

    /// The same before the body is read.
    pub fn of_head(head: Head<'_>, guarded: &[Parameter]) -> Mask {
        let reading = Reading { broken: Broken::Kept, ..Reading::default() };
        Mask::of(&HookRequest::read(head, Bytes::new(), &reading), guarded)
    }

    fn hide(&mut self, secrets: &BTreeSet<Vec<u8>>, shortest: usize) {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let text = String::from_utf8_lossy(secret).into_owned();
            if secret.len() >= shortest {
                // As it stands in a payload that is passed on whole.
                let json = in_json(&text);
                self.inside.extend((json != text).then_some(json));
                self.inside.push(text.clone());
            }
            self.whole.push(text);
        }
    }

    /// A header's value as it may stand in a log.
    pub fn header(&self, name: &HeaderName, value: &HeaderValue) -> String {
        let text = String::from_utf8_lossy(value.as_bytes());
        if is_secret_name(name.as_str()) || self.headers.iter().any(|header| header == name.as_str()) {
            return SHOWN.to_owned();
        }
        // They may be a URL of ours, token and all.
        let shown = match *name {
            LOCATION | REFERER => masked_url(&text, |key| self.is_secret_key(key)),
            _ => text.into_owned(),
        };
        self.text(&shown).into_owned()
    }

    /// A request target as it may stand in a log.
    pub fn target(&self, uri: &Uri) -> String {
        let origin = match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{}", host(authority.as_str())),
            _ => String::new(),
        };
        let query = uri.query().map(|query| masked_query(query, |key| self.is_secret_key(key)));
        let shown = format!("{origin}{}{}", uri.path(), query.map(|query| format!("?{query}")).unwrap_or_default());
        self.text(&shown).into_owned()
    }

    fn is_secret_key(&self, key: &str) -> bool {
        is_secret_name(key) || self.keys.iter().any(|guarded| guarded == key)
    }

    /// The text without the secrets.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.all || self.whole.iter().any(|secret| secret == text) {
            return SHOWN.into();
        }
        let mut shown = Cow::Borrowed(text);
        for value in self.inside.iter().filter(|value| text.contains(value.as_str())) {
            shown = shown.replace(value.as_str(), SHOWN).into();
        }
        shown
    }

    /// What it costs to keep it.
    pub fn bytes(&self) -> usize {
        self.whole.iter().chain(&self.inside).map(String::len).sum()
    }

    /// The same of what a command got or gave, which may be the body as it came, with its escapes.
    pub fn passed<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        if self.escaped && text.iter().any(|byte| b"\\%&+".contains(byte)) {
            return SHOWN.as_bytes().into();
        }
        self.plain(text)
    }

    /// Bytes without the secrets; they stay as they are where there is none in them.
    fn plain<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let lossy = String::from_utf8_lossy(text);
        match self.text(&lossy) {
            shown if shown == lossy => Cow::Borrowed(text),
            shown => Cow::Owned(shown.into_owned().into_bytes()),
        }
    }

    /// A value without the secrets: wherever one is a text of its own or part of one, and wherever a name is a secret's.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::Text(text) => Value::of_text(self.plain(text)),
            Value::List(values) => Value::List(values.iter().map(|value| self.value(value)).collect()),
            Value::Map(map) => {
                Value::Map(map.mapped(|key, value| match is_secret_name(&String::from_utf8_lossy(key)) {
                    true => Value::of_text(SHOWN.as_bytes()),
                    false => self.value(value),
                }))
            }
            plain => plain.clone(),
        }
    }
}

/// A text as it stands in JSON, without its quotes.
fn in_json(text: &str) -> String {
    let json = Value::of_text(text.as_bytes()).to_json();
    String::from_utf8_lossy(json.get(1..json.len().saturating_sub(1)).unwrap_or_default()).into_owned()
}

/// All texts in `value` that a name makes a secret, until there are too many; with `all` every text.
fn gather(value: &Value, all: bool, found: &mut BTreeSet<Vec<u8>>) {
    match value {
        _ if found.len() > MOST => {}
        Value::Map(map) => {
            for (key, value) in map.iter() {
                gather(value, all || is_secret_name(&String::from_utf8_lossy(key)), found);
            }
        }
        Value::List(values) => values.iter().for_each(|value| gather(value, all, found)),
        Value::Null | Value::Boolean(_) => {}
        value if all => {
            found.insert(value.to_text());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    fn read(query: &str, body: &str) -> HookRequest {
        let uri: Uri = format!("/hooks/x?{query}").parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("x-hub-signature-256", HeaderValue::from_static("sha256=abcdef"));
        let head = Head { method: &Method::POST, uri: &uri, headers: &headers, remote: "@" };
        HookRequest::read(head, body.to_owned().into(), &Reading::default())
    }

    #[test]
    fn what_forges_tell_in_the_open_proves_nothing() {
        let compared = |name: &str| Parameter { source: Source::Payload, name: name.to_owned() };
        for name in ["ref", "repository.full_name", "Action", "X-GitHub-Event", "changes.0.new.name"] {
            assert!(!may_prove(&compared(name)), "{name}");
        }
        for name in ["who", "token", "eventual", "reference", "state.code"] {
            assert!(may_prove(&compared(name)), "{name}");
        }
    }

    #[test]
    fn names_tell_what_is_a_secret() {
        for name in
            ["token", "Access_Token", "X-Hub-Signature", "x-sig", "api-key", "key", "X-Auth", "password", "Cookie"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["msg", "monkey", "author", "compass", "design", "X-Event", "keyboard"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_text_loses_the_secrets_of_its_call() {
        let request =
            read("token=hush1&q=plain&k=hush1-longer&key=ab", r#"{"a": {"secret": ["hush2", 12345]}, "b": "plain"}"#);
        let mask = Mask::of(&request, &[Parameter { source: Source::Url, name: "k".into() }]);
        let text = "hush1 hush1-longer hush2 12345 plain ab sha256=abcdef";
        assert_eq!(mask.text(text), "[secret] [secret] [secret] [secret] plain ab [secret]");
        assert!(matches!(mask.text("nothing"), Cow::Borrowed(_)));
        // A short one is hidden where it stands alone.
        assert_eq!((mask.text("ab"), mask.text("cab"), mask.text("")), (SHOWN.into(), "cab".into(), "".into()));
        let compared = [Parameter { source: Source::Url, name: "q".into() }];
        let mask = Mask::of(&request, &compared);
        assert_eq!((mask.text("plain"), mask.text("plainly")), (SHOWN.into(), "plainly".into()));
    }

    #[test]
    fn a_secret_in_escapes_hides_what_may_be_the_body() {
        for (body, hidden) in [
            (r#"{"token": "a\/bcd", "n": 1}"#, true),
            (r#"{"token": "a/bcd", "n": "\/"}"#, false),
            (r#"{"token": "a\"bcd", "n": 1}"#, false),
            (r#"{"n": "\/"}"#, false),
        ] {
            let shown = Mask::of(&read("", body), &[]).passed(body.as_bytes()).into_owned();
            let shown = String::from_utf8(shown).unwrap();
            assert_eq!((shown == SHOWN, shown.contains("bcd")), (hidden, false), "{body}");
        }
    }

    #[test]
    fn a_call_full_of_secrets_is_not_searched_for_each() {
        let secrets = |count: usize| {
            let body =
                format!("{{\"token\": [{}0]}}", (0..count).map(|it| format!("\"{it:08}\",")).collect::<String>());
            Mask::of(&read("", &body), &[]).text("plain 00000007").into_owned()
        };
        assert_eq!(secrets(100), "plain [secret]");
        assert_eq!(secrets(100_000), SHOWN);
    }

    #[test]
    fn bytes_that_are_no_text_lose_their_secrets_too() {
        let mask = Mask::of(&read("token=hush1", ""), &[]);
        assert_eq!(&*mask.passed(b"a\xff hush1"), "a\u{fffd} [secret]".as_bytes());
        assert_eq!(&*mask.passed(b"a\xff hush"), b"a\xff hush");
    }

    #[test]
    fn a_payload_is_shown_without_its_secrets() {
        let request = read("", r#"{"k": "v hush!", "pa\u0073sword": "hu\u0073h!", "n": [1.50, "hush!"]}"#);
        let shown = Mask::of(&request, &[]).value(&request.payload).to_json();
        assert_eq!(
            String::from_utf8(shown).unwrap(),
            r#"{"k":"v [secret]","n":[1.50,"[secret]"],"password":"[secret]"}"#
        );
    }

    #[test]
    fn a_target_keeps_all_but_its_secrets() {
        for (uri, shown) in [
            ("/hooks/a%20b?msg=%d0%9f&to%6ben=x&y", "/hooks/a%20b?msg=%d0%9f&to%6ben=[secret]&y"),
            ("http://user:word@other:80/hooks/a?a=b", "http://other:80/hooks/a?a=b"),
        ] {
            assert_eq!(target(&uri.parse().unwrap()), shown);
        }
    }
}
