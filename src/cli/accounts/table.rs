//! Accounts for a terminal, from the JSON that programs get.

use serde_json::Value;

use crate::cli::rows::{NOTHING, aligned, text, time};

/// A line an account. What is wrong with it is told last, for that may be long.
pub(super) fn listed(listed: &Value) -> String {
    let rows = listed["accounts"].as_array().into_iter().flatten().map(|row| {
        vec![
            text(&row["account"]),
            text(&row["provider"]),
            text(&row["queued"]),
            text(&row["sending"]),
            text(&row["oldest-age"]),
            text(&row["windows"]),
            hears(row),
            limits(row),
            time(&row["sent"]),
            state(row),
        ]
    });
    let heads =
        ["ACCOUNT", "PROVIDER", "QUEUED", "SENDING", "OLDEST", "WINDOWS", "HEARS BY", "LIMITS", "LAST SENT", "STATE"];
    aligned(&heads, rows.collect())
}

fn hears(row: &Value) -> String {
    let ways: Vec<_> = row["hears"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if ways.is_empty() { NOTHING.to_owned() } else { ways.join("+") }
}

fn limits(row: &Value) -> String {
    let named = [("rate", ""), ("per-recipient", " each"), ("per-group", " a group")];
    let all = named.iter().filter_map(|(key, about)| Some(format!("{}{about}", row[*key].as_str()?)));
    let all: Vec<_> = all.collect();
    if all.is_empty() { NOTHING.to_owned() } else { all.join(", ") }
}

fn state(row: &Value) -> String {
    let why = row["why"].as_str().map(|_| format!(": {}", text(&row["why"]))).unwrap_or_default();
    match row["state"].as_str().unwrap_or_default() {
        "ok" => "ok".to_owned(),
        "out of order" => {
            let next = row["until"].as_str().map(|_| format!(" (tried again {})", time(&row["until"])));
            format!("OUT OF ORDER since {}{}{why}", time(&row["since"]), next.unwrap_or_default())
        }
        "holding" => format!("holding until {}{why}", time(&row["until"])),
        "gone" => "GONE: not in the configuration".to_owned(),
        _ => format!("MISTAKEN{why}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_an_account_is_told_at_the_end_of_its_line() {
        let row = |account: &str, state: Value| {
            let mut row = json!({ "account": account, "provider": "whatsapp-cloud", "queued": 3, "sending": 0,
                                  "oldest-age": "4m", "windows": 2, "hears": ["callback"], "rate": "80/s",
                                  "per-recipient": "1/6s burst 45", "sent": "2026-11-20T23:15:00.123Z" });
            row.as_object_mut().unwrap().extend(state.as_object().unwrap().clone());
            row
        };
        let shown = listed(&json!({ "accounts": [
            row("a", json!({ "state": "ok" })),
            row("b", json!({ "state": "out of order", "since": "2026-11-20T23:14:00.5Z", "why": "no\u{1b} token",
                             "until": "2026-11-20T23:19:00Z" })),
            row("c", json!({ "state": "holding", "until": "2026-11-20T23:19:00Z", "why": null, "hears": [] })),
        ] }));
        let lines: Vec<&str> = shown.lines().collect();
        let head = "whatsapp-cloud  3       0        4m      2        callback  80/s, 1/6s burst 45 each  2026-11-20T23:15:00Z  ";
        assert_eq!(lines[1], format!("a        {head}ok"));
        let broken = "OUT OF ORDER since 2026-11-20T23:14:00Z (tried again 2026-11-20T23:19:00Z): no  token";
        assert_eq!(lines[2], format!("b        {head}{broken}"));
        assert!(lines[3].ends_with("  holding until 2026-11-20T23:19:00Z") && lines[3].contains("  -  "), "{shown}");
        assert_eq!(listed(&json!({ "accounts": [] })), "");
    }
}
