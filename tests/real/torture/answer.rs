//! What the two providers are asked, and what they answer, in their own words.

use serde_json::{Value, json};

use super::faults::Fate;
use super::house::ACCOUNTS;
use super::talk::Heard;

/// A request, as far as it matters.
pub(crate) struct Read {
    pub(crate) account: &'static str,
    pub(crate) address: String,
    pub(crate) text: String,
    pub(crate) late: bool,
    /// What Meta is asked to give back.
    pub(crate) key: String,
}

/// What is asked. The error tells what nobody can read.
pub(crate) fn read(heard: &Heard) -> Result<Read, String> {
    let wrong = |what: &str| format!("a request to the provider has {what}: {}", heard.first);
    let account = account(heard.second()).ok_or_else(|| wrong("an unknown path"))?;
    let body: Value = serde_json::from_slice(&heard.body).map_err(|_| wrong("no JSON"))?;
    let address = ["to", "chat_id"].iter().find_map(|key| digits(&body[key])).ok_or_else(|| wrong("no address"))?;
    let places = ["/text/body", "/template/components/0/parameters/0/text", "/text"];
    let text = places.iter().find_map(|place| body.pointer(place)?.as_str()).ok_or_else(|| wrong("no text"))?;
    let (text, late) = without_time(text);
    let key = body["biz_opaque_callback_data"].as_str().unwrap_or_default().to_owned();
    Ok(Read { account, address, text: text.to_owned(), late, key })
}

/// The account that a path is for.
fn account(path: &str) -> Option<&'static str> {
    let number = match path.strip_prefix("/bot") {
        Some(rest) => rest.strip_suffix("/sendMessage")?.split(':').next()?,
        None => path.strip_suffix("/messages")?.rsplit('/').next()?,
    };
    let number: u64 = number.parse().ok()?;
    ACCOUNTS.iter().find(|(.., own)| *own == number).map(|(name, ..)| *name)
}

/// The digits of a number or chat, however it stands in a body.
fn digits(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
}

/// A text without the time of its acceptance, and whether it had one: a late one has.
fn without_time(text: &str) -> (&str, bool) {
    let late = text.strip_prefix('[').and_then(|rest| rest.split_once("Z] "));
    late.map_or((text, false), |(_, text)| (text, true))
}

/// The answer to a request, byte for byte.
pub(crate) fn written(heard: &Heard, number: usize, fate: Fate) -> Vec<u8> {
    let (status, body) = if heard.second().starts_with("/bot") { telegram(number, fate) } else { meta(number, fate) };
    let after = match fate {
        Fate::AddressWaits(seconds) | Fate::AccountWaits(seconds) => format!("Retry-After: {seconds}\r\n"),
        _ => String::new(),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\n{after}");
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Meta's id of what it took.
pub(crate) fn id(number: usize) -> String {
    format!("wamid.HBgL{number:08}")
}

fn meta(number: usize, fate: Fate) -> (u16, String) {
    let fault = |code: i64| json!({ "error": { "message": format!("(#{code}) refused"), "code": code } }).to_string();
    match fate {
        Fate::Taken => {
            let id = id(number);
            (200, json!({ "messaging_product": "whatsapp", "messages": [{ "id": id }] }).to_string())
        }
        Fate::AddressWaits(_) => (429, fault(131_056)),
        Fate::AccountWaits(_) => (429, fault(130_429)),
        Fate::Broken => (500, fault(131_000)),
        Fate::Unauthorized => (401, fault(190)),
        Fate::NoSuchAddress => (400, fault(131_026)),
        Fate::BadText => (400, fault(131_009)),
        other => elsewhere(other),
    }
}

fn telegram(number: usize, fate: Fate) -> (u16, String) {
    let fault = |code: u16, words: &str, parameters: Value| {
        (code, json!({ "ok": false, "error_code": code, "description": words, "parameters": parameters }).to_string())
    };
    match fate {
        Fate::Taken => (200, json!({ "ok": true, "result": { "message_id": number + 1 } }).to_string()),
        Fate::AddressWaits(seconds) => fault(429, "Too Many Requests", json!({ "retry_after": seconds })),
        Fate::Broken => fault(500, "Internal Server Error", json!({})),
        Fate::Unauthorized => fault(401, "Unauthorized", json!({})),
        Fate::NoSuchAddress => fault(400, "Bad Request: chat not found", json!({})),
        Fate::BadText => fault(400, "Bad Request: message text is wrong", json!({})),
        other => elsewhere(other),
    }
}

/// What does not come from the provider itself, but from somebody in front of it.
fn elsewhere(fate: Fate) -> (u16, String) {
    let page = |status: u16| (status, "<html>It works!</html>".to_owned());
    match fate {
        Fate::AccountWaits(_) => page(429),
        Fate::Unavailable => page(503),
        _ => page(200),
    }
}

#[test]
fn a_late_text_is_told_from_its_time() {
    assert_eq!(without_time("[2026-11-20T23:15Z] full"), ("full", true));
    assert_eq!(without_time("[3] full"), ("[3] full", false));
}
