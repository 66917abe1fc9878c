//! Rows for a terminal, from the JSON that programs get.

use serde_json::Value;

use crate::cli::rows::{NOTHING, aligned, plain, text, time};
use crate::message::media::size;

/// A list: a line a delivery, or a line a refused call.
pub(super) fn listed(listed: &Value) -> String {
    if let Some(refused) = listed["refused"].as_array() {
        let rows = refused.iter().map(|row| {
            let untold = row["untold"].as_i64().filter(|untold| *untold > 0);
            let untold = untold.map(|untold| format!(" (and {untold} more before it)")).unwrap_or_default();
            let reason = format!("{}{untold}", text(&row["reason"]));
            vec![time(&row["at"]), text(&row["status"]), text(&row["hook"]), text(&row["address"]), reason]
        });
        return aligned(&["AT", "ANSWER", "HOOK", "CALLER", "REASON"], rows.collect());
    }
    let rows = listed["deliveries"].as_array().into_iter().flatten().map(|row| {
        vec![
            time(&row["accepted"]),
            text(&row["id"]),
            state(row),
            text(&row["contact"]),
            text(&row["account"]),
            text(&row["hook"]),
            text(&row["attempts"]),
            text(&row["reason"]),
        ]
    });
    aligned(&["ACCEPTED", "ID", "STATE", "TO", "BY", "HOOK", "TRIES", "REASON"], rows.collect())
}

/// One message: its head, its deliveries, every try, and its text.
pub(super) fn message(message: &Value) -> String {
    let mut out = String::new();
    for (name, key) in [
        ("message", "id"),
        ("hook", "hook"),
        ("caller", "caller"),
        ("priority", "priority"),
        ("accepted", "accepted"),
        ("expires", "expires"),
        ("title", "title"),
    ] {
        let value = text(&message[key]);
        if value != NOTHING {
            out += &format!("{name:<9} {value}\n");
        }
    }
    let media = &message["media"];
    if !media.is_null() {
        let size = media["bytes"].as_u64().map_or_else(|| text(&media["link"]), size);
        out += &format!(
            "{:<9} {} {}, {}, {size}\n",
            "media",
            text(&media["kind"]),
            text(&media["name"]),
            text(&media["type"])
        );
    }
    for delivery in message["deliveries"].as_array().into_iter().flatten() {
        let (who, address) = (text(&delivery["contact"]), text(&delivery["address"]));
        out += &format!("\n{who} by {} ({address}): {}", text(&delivery["account"]), state(delivery));
        if !delivery["reason"].is_null() {
            out += &format!(": {}", text(&delivery["reason"]));
        }
        out += "\n";
        let tries = delivery["tries"].as_array().into_iter().flatten().map(|attempt| {
            let code = Some(text(&attempt["code"])).filter(|code| code != NOTHING);
            let class = code.map_or(text(&attempt["class"]), |code| format!("{} {code}", text(&attempt["class"])));
            let (began, ended) = (time(&attempt["began"]), time(&attempt["ended"]));
            vec![began, ended, text(&attempt["account"]), class, text(&attempt["detail"])]
        });
        out += &aligned(&["  BEGAN", "ENDED", "BY", "RESULT", "DETAIL"], tries.map(indented).collect());
    }
    let lines = message["text"].as_str().unwrap_or_default().lines();
    lines.fold(out + "\n", |out, line| out + "| " + &plain(line) + "\n")
}

/// What became of the deliveries of a message.
pub(super) fn touched(touched: &Value) -> String {
    let rows = touched["deliveries"].as_array().into_iter().flatten();
    let line = |row: &Value| {
        let why = row["why"].as_str().map(|why| format!(": unchanged, {}", plain(why))).unwrap_or_default();
        format!("{} {}: {}{why}\n", text(&touched["id"]), text(&row["contact"]), text(&row["state"]))
    };
    rows.map(line).collect()
}

/// Canaries, and hooks that are expected to be called.
pub(super) fn expected(expected: &Value) -> String {
    let canaries = expected["canaries"].as_array().into_iter().flatten().map(|row| {
        let state = match (&row["lost-since"], &row["back-by"]) {
            (Value::Null, Value::Null) if row["sent"].is_null() => "not sent yet".to_owned(),
            (Value::Null, Value::Null) => "well".to_owned(),
            (Value::Null, by) => format!("under way, back by {}", time(by)),
            (since, _) => format!("LOST since {}", time(since)),
        };
        vec![text(&row["account"]), time(&row["sent"]), time(&row["back"]), time(&row["next"]), state]
    });
    let hooks = expected["hooks"].as_array().into_iter().flatten().map(|row| {
        let state = match (&row["silent-since"], &row["due"]) {
            (Value::Null, Value::Null) => "broken: it can't be called".to_owned(),
            (Value::Null, _) => "well".to_owned(),
            (since, _) => format!("SILENT, told {}", time(since)),
        };
        vec![text(&row["hook"]), text(&row["every"]), time(&row["called"]), time(&row["due"]), state]
    });
    let canaries = aligned(&["CANARY OF", "LAST SENT", "LAST BACK", "NEXT", "STATE"], canaries.collect());
    let hooks = aligned(&["HOOK", "EVERY", "LAST CALL", "DUE", "STATE"], hooks.collect());
    let between = if canaries.is_empty() || hooks.is_empty() { "" } else { "\n" };
    format!("{canaries}{between}{hooks}")
}

fn state(delivery: &Value) -> String {
    let late = if delivery["late"] == true { ", late" } else { "" };
    let twice = if delivery["possible-duplicate"] == true { ", perhaps twice" } else { "" };
    format!("{}{late}{twice}", text(&delivery["state"]))
}

fn indented(mut row: Vec<String>) -> Vec<String> {
    if let Some(first) = row.first_mut() {
        first.insert_str(0, "  ");
    }
    row
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_straight_and_nothing_moves_the_cursor() {
        let row = |id: &str, contact: &str, reason: Value| {
            json!({ "accepted": "2026-11-20T23:15:00.123Z", "id": id, "state": "failed", "contact": contact,
                    "account": "wa", "hook": "", "attempts": 2, "late": false, "possible-duplicate": true, "reason": reason })
        };
        let rows = [row("01A", "Жанна", json!("no\u{1b}[2J\nluck")), row("01B", "bo", Value::Null)];
        let shown = listed(&json!({ "deliveries": rows }));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "ACCEPTED              ID   STATE                  TO     BY  HOOK  TRIES  REASON");
        assert_eq!(lines[1], "2026-11-20T23:15:00Z  01A  failed, perhaps twice  Жанна  wa  -     2      no [2J luck");
        assert_eq!(lines[2], "2026-11-20T23:15:00Z  01B  failed, perhaps twice  bo     wa  -     2      -");
        assert_eq!(listed(&json!({ "deliveries": [] })), "");
    }
}
