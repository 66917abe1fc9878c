//! What proves who calls must not stand in a log: which parts of a call that is, and how they are shown.

use std::borrow::Cow;
use std::collections::BTreeSet;

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
}

impl Mask {
    /// The mask of a call: the values of whatever is named like a secret in its headers, its query and its payload, and
    /// those of `guarded` parameters.
    pub fn of(request: &HookRequest, guarded: &[Parameter]) -> Mask {
        let mut found = BTreeSet::new();
        for value in [&request.headers, &request.query, &request.payload] {
            gather(value, false, &mut found);
        }
        let is_named = |it: &&Parameter| it.source.needs_name() || it.source == Source::String;
        let named: Vec<&Parameter> = guarded.iter().filter(is_named).collect();
        // The method and the address of a call are in its log anyway.
        let proofs = named.iter().filter(|it| it.source != Source::Request);
        let proofs: BTreeSet<_> = proofs.filter_map(|parameter| parameter.resolve(request).ok()).collect();
        let names = |source: Source| named.iter().filter(move |it| it.source == source).map(|it| it.name.as_str());
        let mut mask = Mask {
            keys: names(Source::Url).map(str::to_owned).collect(),
            headers: names(Source::Header).map(str::to_ascii_lowercase).collect(),
            ..Mask::default()
        };
        mask.hide(&found, SHORTEST);
        mask.hide(&proofs, SHORTEST_GUARDED);
        mask.inside.sort_by_key(|value| std::cmp::Reverse(value.len()));
        mask
    }

    /// The same before the body is read.
    pub fn of_head(head: Head<'_>, guarded: &[Parameter]) -> Mask {
        let reading = Reading { broken: Broken::Kept, ..Reading::default() };
        Mask::of(&HookRequest::read(head, Vec::new(), &reading), guarded)
    }

    fn hide(&mut self, secrets: &BTreeSet<Vec<u8>>, shortest: usize) {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let text = String::from_utf8_lossy(secret).into_owned();
            if secret.len() >= shortest {
                // As it stands in a payload that is passed on whole.
                let json = Value::Text(secret.clone()).to_json();
                let json = String::from_utf8_lossy(json.get(1..json.len().saturating_sub(1)).unwrap_or_default());
                let json = json.into_owned();
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
        if self.whole.iter().any(|secret| secret == text) {
            return SHOWN.into();
        }
        let mut shown = Cow::Borrowed(text);
        for value in self.inside.iter().filter(|value| text.contains(value.as_str())) {
            shown = shown.replace(value.as_str(), SHOWN).into();
        }
        shown
    }

    /// A value without the secrets: wherever one is a text of its own or part of one, and wherever a name is a secret's.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::Text(text) => {
                let lossy = String::from_utf8_lossy(text);
                match self.text(&lossy) {
                    shown if shown == lossy => Value::Text(text.clone()),
                    shown => Value::Text(shown.into_owned().into_bytes()),
                }
            }
            Value::List(values) => Value::List(values.iter().map(|value| self.value(value)).collect()),
            Value::Map(map) => {
                let shown = map.iter().map(|(key, value)| {
                    let is_secret = is_secret_name(&String::from_utf8_lossy(key));
                    let shown = if is_secret { Value::Text(SHOWN.into()) } else { self.value(value) };
                    (key.clone(), shown)
                });
                Value::Map(shown.collect())
            }
            plain => plain.clone(),
        }
    }
}

/// All texts in `value` that a name makes a secret; with `all` every text.
fn gather(value: &Value, all: bool, found: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::Map(map) => {
            for (key, value) in map {
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
        HookRequest::read(head, body.as_bytes().to_vec(), &Reading::default())
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
