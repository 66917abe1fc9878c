//! What Meta tells later: that a message was sent, delivered, read, or failed; twice, in the wrong order, and some of it
//! before its own answer.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use hookbell::clock::Clock;
use ring::hmac;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Counts;
use super::house::{ACCOUNTS, APP_SECRET, CALLBACK_SECRET};
use super::talk;
use crate::dice::Dice;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a report is told that is not heard. Meta goes on for a week.
const TIMES: usize = 200;

/// Which account it is for, and what it took.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) account: &'static str,
    /// Meta's id.
    pub(crate) id: String,
    /// Ours, which Meta gives back.
    pub(crate) key: String,
}

/// The reports on one request, each after a time: in no order, and some twice.
pub(crate) fn planned(dice: &mut Dice) -> Vec<(Duration, &'static str)> {
    let words: &[&str] = match dice.below(100) {
        0..4 => &["failed"],
        4..20 => &["sent"],
        20..70 => &["sent", "delivered"],
        _ => &["sent", "delivered", "read"],
    };
    let mut all: Vec<_> = words.iter().map(|word| (Duration::from_millis(dice.next() % 1500), *word)).collect();
    if dice.chance(20) {
        all.push((Duration::from_millis(dice.next() % 4000), words[dice.below(words.len())]));
    }
    all.sort();
    all
}

/// The word that such reports leave behind.
pub(crate) fn last_word(reports: &[(Duration, &'static str)]) -> Option<&'static str> {
    let words: BTreeSet<&str> = reports.iter().map(|(_, word)| *word).collect();
    ["failed", "read", "delivered", "sent"].into_iter().find(|word| words.contains(word))
}

/// Meta's side of the daemon's port.
#[derive(Clone)]
pub(crate) struct Callbacks {
    pub(crate) port: u16,
    pub(crate) counts: Counts,
}

impl Callbacks {
    /// Tells all of it, each report again and again until it is heard. The error tells what was answered wrongly.
    pub(crate) async fn tell(&self, taken: &Taken, reports: Vec<(Duration, &'static str)>) -> Result<(), String> {
        let mut passed = Duration::ZERO;
        for (at, word) in reports {
            tokio::time::sleep(at - passed).await;
            passed = at;
            self.tell_one(taken, word).await?;
        }
        Ok(())
    }

    async fn tell_one(&self, taken: &Taken, word: &'static str) -> Result<(), String> {
        let body = body(taken, word);
        for _ in 0..TIMES {
            match timeout(PATIENCE, self.post(taken.account, &body, APP_SECRET)).await {
                Ok(Ok(200)) => {
                    self.counts.add(format!("callbacks: {word}"));
                    return Ok(());
                }
                // It is down, its disk is full, or the account is not there just now.
                Ok(Ok(503 | 404)) | Ok(Err(_)) | Err(_) => self.counts.add("callbacks that were not heard"),
                Ok(Ok(status)) => return Err(format!("a callback ({word}) was answered {status}")),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(format!("a callback ({word}) was not heard in {TIMES} times"))
    }

    /// Tells a lie, with a wrong signature.
    pub(crate) async fn lie(&self, taken: &Taken) -> Result<(), String> {
        let answer = timeout(PATIENCE, self.post(taken.account, &body(taken, "read"), "another secret")).await;
        self.counts.add("callbacks that lie");
        match answer {
            Ok(Ok(200)) => Err("a callback with a wrong signature was believed".to_owned()),
            _ => Ok(()),
        }
    }

    async fn post(&self, account: &str, body: &str, secret: &str) -> io::Result<u16> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = data_encoding::HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref());
        let head = format!("POST /callbacks/{account}/{CALLBACK_SECRET} HTTP/1.1\r\nHost: localhost\r\n");
        let head = format!("{head}X-Hub-Signature-256: sha256={signature}\r\nConnection: close\r\n");
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + body).as_bytes()).await?;
        talk::next(&mut stream, &mut Vec::new()).await?.second().parse().map_err(io::Error::other)
    }
}

fn body(taken: &Taken, word: &str) -> String {
    let number = ACCOUNTS.iter().find(|(name, ..)| *name == taken.account).map_or(0, |(.., number)| *number);
    let now = (Clock::system().now().millis() / 1000).to_string();
    let mut status = json!({
        "id": taken.id, "status": word, "timestamp": now, "recipient_id": "1", "biz_opaque_callback_data": taken.key,
    });
    if word == "failed" {
        status["errors"] = json!([{ "code": 131_026, "title": "Message undeliverable" }]);
    }
    let value: Value = json!({
        "messaging_product": "whatsapp", "metadata": { "phone_number_id": number.to_string() }, "statuses": [status],
    });
    let change = json!({ "field": "messages", "value": value });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [change] }] }).to_string()
}

#[test]
fn reports_come_in_every_order_and_leave_the_highest_word() {
    let mut dice = Dice::new(1);
    let plans: Vec<_> = (0..500).map(|_| planned(&mut dice)).collect();
    let words = |plan: &[(Duration, &'static str)]| plan.iter().map(|(_, word)| *word).collect::<Vec<_>>();
    for some in
        [&["failed"][..], &["delivered", "sent"], &["read", "sent", "delivered"], &["sent", "delivered", "sent"]]
    {
        assert!(plans.iter().any(|plan| words(plan) == some), "{some:?}");
    }
    let zero = Duration::ZERO;
    assert_eq!(last_word(&[(zero, "read"), (zero, "sent"), (zero, "delivered")]), Some("read"));
    assert_eq!(last_word(&[(zero, "delivered"), (zero, "sent")]), Some("delivered"));
}
