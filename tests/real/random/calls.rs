//! Requests of a hook that was made before.

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use ring::hmac;

use super::bodies::{Body, body, form};
use super::hooks::Hook;
use super::{rules, words};
use crate::dice::Dice;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    /// In chunks of some size, not by length.
    chunks: Option<usize>,
}

const METHODS: &[&str] =
    &["POST", "POST", "POST", "POST", "GET", "GET", "PUT", "DELETE", "PATCH", "BREW", "get", "Post", "HEAD", "OPTIONS"];

pub(crate) fn request(dice: &mut Dice, hook: &Hook, prefix: &str) -> Request {
    let method = dice.pick(METHODS).to_owned();
    let mut headers = dice.some(3, |dice| (dice.pick(words::HEADERS).to_owned(), header_value(dice)));
    let Body { content_type, bytes } =
        if dice.chance(75) { body(dice) } else { Body { content_type: String::new(), bytes: Vec::new() } };
    if !content_type.is_empty() {
        headers.push(("Content-Type".to_owned(), content_type.clone().into_bytes()));
        if dice.chance(5) {
            headers.push((dice.pick(&["Content-Type", "content-type"]).to_owned(), b"application/json".to_vec()));
        }
    }
    let mut query = form(dice);
    if let Some((length, secret)) = hook.marks.signatures.first() {
        let signed: &[u8] = if content_type.starts_with("multipart/form-data;") { b"" } else { &bytes };
        let signature = signature(dice, length, secret, signed);
        match dice.below(4) {
            0 => query = format!("{query}&sig={}", signature.replace(' ', "+")),
            _ => headers.insert(0, ("X-Sig".to_owned(), signature.into_bytes())),
        }
    }
    if hook.marks.scalr {
        headers.extend(scalr(dice, &bytes));
    }
    let query = if dice.chance(60) { format!("?{query}") } else { String::new() };
    let chunks = (!bytes.is_empty() && dice.chance(8)).then(|| 1 + dice.below(200));
    Request { method, target: format!("{}{query}", path(dice, &hook.id, prefix)), headers, body: bytes, chunks }
}

fn header_value(dice: &mut Dice) -> Vec<u8> {
    let text = words::text(dice);
    let mut value: Vec<u8> =
        text.bytes().filter(|byte| (b' '..0x7f).contains(byte) || *byte >= 0x80 || *byte == b'\t').take(2000).collect();
    if dice.chance(5) {
        value.insert(0, 0xff);
    }
    value
}

fn path(dice: &mut Dice, id: &str, prefix: &str) -> String {
    let mut path = if prefix.is_empty() { "/".to_owned() } else { format!("/{prefix}/") };
    for byte in id.bytes() {
        let plain = byte.is_ascii_alphanumeric() || (b"/+-._~!$'()*,:;=@".contains(&byte) && dice.chance(80));
        if plain && dice.chance(97) { path.push(char::from(byte)) } else { path.push_str(&format!("%{byte:02x}")) }
    }
    if dice.chance(4) {
        // A letter of two bytes is not torn apart.
        let at = if id.is_ascii() { dice.below(path.len() + 1) } else { path.len() };
        path.insert_str(
            at,
            dice.pick(&[
                "/", "/./", "/../", "%", "%zz", "%0A", "%00", "+", ".", "//", "%2F", "%2e%2e/", "é", "%C3", "\\", "|",
                "^", "[", ";x", "{",
            ]),
        );
    }
    if path.starts_with('/') { path } else { format!("/{path}") }
}

fn signature(dice: &mut Dice, length: &str, secret: &str, body: &[u8]) -> String {
    let algorithm = match length {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        _ => hmac::HMAC_SHA512,
    };
    let secret = if dice.chance(90) { secret } else { rules::SECRETS[0] };
    let good = HEXLOWER.encode(hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body).as_ref());
    match dice.below(24) {
        0..=5 => good,
        6..=13 => format!("{length}={good}"),
        14 => good.to_uppercase(),
        15 => format!("{}={good}", length.to_uppercase()),
        16 => format!("{length}={length}={good}"),
        17 => format!("sha256={good}"),
        18 => format!("{length}=00,{length}={good}"),
        19 => format!("{length}=00, {length}={good}"),
        20 => format!("00,{good}"),
        21 => format!("{good},"),
        22 => format!("{length}={good},"),
        _ => "00".to_owned(),
    }
}

/// Scalr's headers: the signature is over the body and the date's text.
fn scalr(dice: &mut Dice, body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let ago = dice.below(5) as u64 * 200;
    let then = super::now().checked_sub(Duration::from_secs(ago)).unwrap()
        + Duration::from_secs(if dice.chance(30) { 200 } else { 0 });
    let date = httpdate::fmt_http_date(then);
    let date = match dice.below(8) {
        0 => date,
        1 => date.replace(',', "").replace("GMT", "XYZ"),
        2 => "yesterday".to_owned(),
        _ => date.replace(',', "").replace("GMT", "UTC"),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, dice.pick(rules::SECRETS).as_bytes());
    let signature = HEXLOWER.encode(hmac::sign(&key, &[body, date.as_bytes()].concat()).as_ref());
    let mut headers = vec![("X-Signature".to_owned(), signature.into_bytes()), ("Date".to_owned(), date.into_bytes())];
    if dice.chance(10) {
        headers.remove(dice.below(2));
    }
    headers
}

impl Request {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\nHost: hooks.example.org\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            out.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.chunks.is_some() {
            out.extend(b"Transfer-Encoding: chunked\r\n");
        } else if !self.body.is_empty() {
            out.extend(format!("Content-Length: {}\r\n", self.body.len()).into_bytes());
        }
        out.extend(b"Connection: close\r\n\r\n");
        let Some(size) = self.chunks else { return [out, self.body.clone()].concat() };
        for chunk in self.body.chunks(size) {
            out.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        }
        out.extend(b"0\r\n\r\n");
        out
    }

    pub(crate) fn is_multipart(&self) -> bool {
        let types = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        types.map(|(_, value)| value).next().is_some_and(|value| value.starts_with(b"multipart/form-data;"))
    }

    /// Whether a content type has this word.
    pub(crate) fn says(&self, word: &str) -> bool {
        let types = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        types.map(|(_, value)| String::from_utf8_lossy(value)).any(|value| value.contains(word))
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// As a fixture has it.
    pub(crate) fn fixture(&self) -> serde_json::Value {
        let lines = || {
            let mut lines = vec![self.shown()];
            for (name, value) in &self.headers {
                lines.push(format!("{name}: {}", std::str::from_utf8(value).ok()?));
            }
            if !self.body.is_empty() {
                let plain = std::str::from_utf8(&self.body).ok().filter(|text| !text.starts_with("base64:"));
                let body = plain.map_or_else(|| format!("base64:{}", BASE64.encode(&self.body)), str::to_owned);
                lines.extend([String::new(), body]);
            }
            Some(lines)
        };
        match lines().filter(|_| self.chunks.is_none()) {
            Some(lines) => lines.into(),
            None => serde_json::json!({ "base64": BASE64.encode(&self.bytes()) }),
        }
    }

    /// What it becomes with one thing left out.
    pub(crate) fn smaller(&self) -> Vec<Request> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Request)| {
            let mut smaller = self.clone();
            change(&mut smaller);
            all.push(smaller);
        };
        if let Some((path, _)) = self.target.split_once('?') {
            with(&|smaller| path.clone_into(&mut smaller.target));
        }
        if self.chunks.is_some() {
            with(&|smaller| smaller.chunks = None);
        }
        for at in 0..self.headers.len() {
            with(&|smaller| drop(smaller.headers.remove(at)));
        }
        let half = self.body.len() / 2;
        if !self.body.is_empty() {
            with(&|smaller| smaller.body.clear());
            with(&|smaller| smaller.body.truncate(half));
            with(&|smaller| drop(smaller.body.drain(..half)));
            with(&|smaller| smaller.body.truncate(smaller.body.len() - 1));
        }
        if let Some((path, query)) = self.target.split_once('?') {
            let pairs: Vec<&str> = query.split('&').collect();
            for at in 0..pairs.len() {
                let rest: Vec<&str> =
                    pairs.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, pair)| *pair).collect();
                with(&|smaller| smaller.target = format!("{path}?{}", rest.join("&")));
            }
        }
        all
    }
}
