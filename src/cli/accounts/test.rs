//! A test message, followed on its way.

use std::time::Duration;

use serde_json::Value;
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep};

use crate::cli::exit::{Exit, print, say};
use crate::cli::flags::accounts::{AccountsArgs, WAIT};
use crate::cli::operator::{Operator, PROVIDER_PATIENCE};
use crate::cli::rows::{plain, text, time};
use crate::url::{encode_segment, encode_value};

/// From one look to the next: a person sees no difference, and the daemon does not notice.
const BETWEEN: Duration = Duration::from_millis(250);

/// Asks the account's provider whether it works, sends a message by it, and follows that.
pub(super) fn test(name: &str, args: &AccountsArgs, operator: Operator<'_>) -> anyhow::Result<Exit> {
    let to = encode_value(args.to.as_deref().unwrap_or_default().as_bytes());
    let target = |verb: &str| format!("accounts/{}/{verb}?to={to}", encode_segment(name));
    let Some(asked) = operator.tell(&target("probe"), PROVIDER_PATIENCE)? else { return Ok(Exit::TryAgain) };
    print(&format!("{name}: {}\n", text(&asked["says"])));
    faults(&asked);
    let Some(queued) = operator.tell(&target("test"), PROVIDER_PATIENCE)? else { return Ok(Exit::TryAgain) };
    let whom = format!("{} by {name} ({})", text(&queued["contact"]), text(&queued["address"]));
    let Some(id) = queued["id"].as_str() else {
        print(&format!("sent to {whom}, not stored: the outbox can't store now\n"));
        return Ok(Exit::Fine);
    };
    print(&format!("queued {id} for {whom}\n"));
    let until = if queued["until"] == "delivered" { Until::Delivered } else { Until::Sent };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follow(id, until, args.wait.unwrap_or(WAIT), operator))
}

/// What a provider complains of, to whoever sits at the terminal.
pub(super) fn faults(asked: &Value) {
    for fault in asked["faults"].as_array().into_iter().flatten() {
        let word = if fault["error"] == true { "error" } else { "warning" };
        say(&format!("{word}: {}", text(&fault["message"])));
        if let Some(help) = fault["help"].as_str() {
            say(&format!("help: {}", plain(help)));
        }
    }
    // Of a message that failed more is to be said than of a question.
    if let Some(class @ ("account" | "network")) = asked["class"].as_str() {
        say(&format!("help: {}", advice(class).unwrap_or_default()));
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Sent,
    Delivered,
}

/// Tells each step as it happens, until the end, the time or Ctrl-C.
async fn follow(id: &str, until: Until, wait: Duration, operator: Operator<'_>) -> anyhow::Result<Exit> {
    let deadline = Instant::now() + wait;
    let mut told = Told::default();
    loop {
        let Some(message) = operator.read(&format!("messages/{id}"))? else { return Ok(Exit::TryAgain) };
        let delivery = &message["deliveries"][0];
        told.steps(delivery).iter().for_each(|step| print(step));
        if let Some(exit) = end(delivery, until) {
            return Ok(exit);
        }
        let goes_on = format!("it goes on without you: hookbell messages show {id}");
        if Instant::now() >= deadline {
            say(&format!("{}; {goes_on}", so_far(delivery)));
            return Ok(Exit::TryAgain);
        }
        tokio::select! {
            biased;
            pressed = ctrl_c() => {
                pressed?;
                say(&goes_on);
                return Ok(Exit::TryAgain);
            }
            () = sleep(BETWEEN) => {}
        }
    }
}

/// How it ended; none: it may still go on.
fn end(delivery: &Value, until: Until) -> Option<Exit> {
    match (delivery["state"].as_str()?, until) {
        ("delivered" | "read", _) | ("sent", Until::Sent) => Some(Exit::Fine),
        ("failed" | "expired" | "canceled", _) => Some(Exit::Trouble),
        _ => None,
    }
}

/// Where it stands when nobody waits any more.
fn so_far(delivery: &Value) -> String {
    match delivery["state"].as_str() {
        Some("sent") => "the provider took it and reports no arrival (do its callbacks reach this host?)".to_owned(),
        Some("sending") => "a try is still under way".to_owned(),
        _ if delivery["reason"].is_string() => format!("it waits: {}", text(&delivery["reason"])),
        _ => "it waits for its turn (see hookbell accounts)".to_owned(),
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    tries: usize,
    sending: bool,
    reason: Option<String>,
}

impl Told {
    /// The lines that are new.
    fn steps(&mut self, delivery: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        let tries: Vec<&Value> = delivery["tries"].as_array().into_iter().flatten().collect();
        for attempt in tries.iter().skip(self.tries) {
            if !self.sending && is_a_try(attempt) {
                lines.push(format!("{}  sending\n", time(&attempt["began"])));
            }
            lines.push(format!("{}  {}\n", time(&attempt["ended"]), came_of(attempt, delivery)));
            self.sending = false;
        }
        self.tries = tries.len();
        if delivery["state"] == "sending" && !self.sending {
            lines.push("sending\n".to_owned());
            self.sending = true;
        }
        let is_over = matches!(delivery["state"].as_str(), Some("failed" | "expired" | "canceled"));
        let reason = Some(format!("{}: {}", text(&delivery["state"]), text(&delivery["reason"])));
        if is_over && self.reason != reason {
            lines.extend(reason.iter().map(|reason| format!("{reason}\n")));
            self.reason = reason;
        }
        lines
    }
}

/// Else it is a report, or an end without a try.
fn is_a_try(attempt: &Value) -> bool {
    let class = attempt["class"].as_str().unwrap_or_default();
    class == "accepted" || advice(class).is_some()
}

/// What came of a try, or what was reported, in words.
fn came_of(attempt: &Value, delivery: &Value) -> String {
    let class = attempt["class"].as_str().unwrap_or_default();
    let detail = attempt["detail"].as_str().filter(|detail| !detail.is_empty());
    let detail = detail.map(|detail| format!(": {}", plain(detail))).unwrap_or_default();
    match class {
        "accepted" => match delivery["receipt"].as_str() {
            Some(receipt) => format!("sent: the provider took it as {}{detail}", plain(receipt)),
            None => format!("sent: the provider took it{detail}"),
        },
        "sent" | "delivered" | "read" => format!("{class}{detail}"),
        _ => {
            let code = attempt["code"].as_str().filter(|code| !code.is_empty());
            let code = code.map(|code| format!(" {}", plain(code))).unwrap_or_default();
            let help = advice(class).map(|advice| format!("\n  help: {advice}")).unwrap_or_default();
            format!("not sent ({class}{code}){detail}{help}")
        }
    }
}

/// What to do about a failure, by who must act.
fn advice(class: &str) -> Option<&'static str> {
    Some(match class {
        "wait" => "the provider wants it slower; it is tried again in its time",
        "network" => "the provider can't be reached: look at DNS, the firewall and `proxy`; it is tried again",
        "unknown" => {
            "it left and no answer came, so it may have arrived; it is tried again unless `on-unknown` says no"
        }
        "fault" => "trouble on the provider's side; it is tried again",
        "recipient" => "the contact's address is wrong, or does not take messages from this account",
        "content" => "the provider does not take this text, or this template",
        "form" => "free text is not allowed now: give the account an approved template",
        "account" => {
            "the account itself does not work: its credentials, its sender, its balance; see hookbell check -online"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delivery(state: &str, tries: Value) -> Value {
        json!({ "state": state, "receipt": "wamid.1", "reason": null, "tries": tries })
    }

    fn attempt(class: &str, detail: &str) -> Value {
        json!({ "class": class, "code": "", "detail": detail, "began": "2026-11-20T23:15:00.1Z", "ended": "2026-11-20T23:15:01.2Z" })
    }

    #[test]
    fn each_step_is_told_once() {
        let mut told = Told::default();
        assert!(told.steps(&delivery("queued", json!([]))).is_empty());
        assert_eq!(told.steps(&delivery("sending", json!([]))), ["sending\n"]);
        assert!(told.steps(&delivery("sending", json!([]))).is_empty());
        let refused = attempt("network", "no\nway");
        let lines = told.steps(&delivery("queued", json!([refused])));
        assert!(lines.len() == 1 && lines[0].starts_with("2026-11-20T23:15:01Z  not sent (network): no way\n  help: "));
        // Both between two looks.
        let tries = json!([refused, attempt("accepted", ""), attempt("delivered", "")]);
        let ended = "2026-11-20T23:15:01Z";
        assert_eq!(
            told.steps(&delivery("delivered", tries.clone())),
            [
                "2026-11-20T23:15:00Z  sending\n".to_owned(),
                format!("{ended}  sent: the provider took it as wamid.1\n"),
                format!("{ended}  delivered\n"),
            ]
        );
        assert!(told.steps(&delivery("delivered", tries)).is_empty());
    }

    #[test]
    fn sent_is_the_end_only_where_nothing_more_is_told() {
        let state = |state: &str| delivery(state, json!([]));
        assert_eq!(end(&state("sent"), Until::Sent), Some(Exit::Fine));
        assert_eq!(end(&state("sent"), Until::Delivered), None);
        assert_eq!(end(&state("read"), Until::Delivered), Some(Exit::Fine));
        assert_eq!(end(&state("expired"), Until::Sent), Some(Exit::Trouble));
        assert_eq!(end(&state("queued"), Until::Sent), None);
    }
}
