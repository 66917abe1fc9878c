//! Twilio's errors: in replies and in status callbacks the same.

use std::time::Duration;

use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

use crate::message::delivery::{Class, Scope, SendError};
use crate::provider::reply::{bare_refusal, lenient, refusal, retry_after};

/// An error as it stands in a reply.
#[derive(Default, Deserialize)]
struct Fault {
    #[serde(default, deserialize_with = "lenient")]
    code: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
}

/// Why a request was not done.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SendError {
    let Fault { code, message } = serde_json::from_slice(body).unwrap_or_default();
    let Some(code) = code.filter(|_| !status.is_success()) else { return bare_refusal(status, headers, body) };
    let class = match classify(code) {
        Some(Class::Wait { scope, after }) => Class::Wait { scope, after: retry_after(headers).or(after) },
        Some(class) => class,
        None => bare_refusal(status, headers, body).class,
    };
    refusal(class, code, &message)
}

/// Why a message that was taken did not arrive.
pub(super) fn failed(code: Option<u32>, words: &str) -> SendError {
    match code {
        Some(code) => {
            let words = if words.is_empty() { explained(code) } else { words.to_owned() };
            refusal(classify(code).unwrap_or(Class::Fault), code, &words)
        }
        None => refusal(Class::Fault, "", "Twilio does not say why it failed"),
    }
}

/// Status callbacks have the code alone.
fn explained(code: u32) -> String {
    format!("see https://www.twilio.com/docs/api/errors/{code}")
}

const fn wait(scope: Scope, after: Option<u64>) -> Class {
    Class::Wait {
        scope,
        after: match after {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => None,
        },
    }
}

/// A limit of the day is asked about so often.
const HOUR: u64 = 3600;

/// The class of one of Twilio's errors, in a reply as in a callback; none for one that is not about messages. Source:
/// <https://www.twilio.com/docs/api/errors>, and <https://www.twilio.com/docs/whatsapp/api/error-code-mapping>; who must
/// act is our reading.
fn classify(code: u32) -> Option<Class> {
    Some(match code {
        // REST: what this account may do, and whether there is one.
        10_001 | 10_002 | 20_002..=20_008 | 20_010 | 20_403 | 20_404 => Class::Account,
        14_107 | 20_429 => wait(Scope::Account, None),
        20_500..=20_504 | 21_730 => Class::Fault,
        // `To`: no number, no mobile, unsubscribed, not verified by a trial account, in a region that is switched off, or
        // the sender itself.
        21_211 | 21_214 | 21_217 | 21_219 | 21_266 | 21_408 | 21_604 => Class::Recipient,
        21_608 | 21_610 | 21_612 | 21_614 | 21_635 => Class::Recipient,
        // `From`, the Messaging Service, or the address of our callbacks.
        21_210 | 21_212 | 21_213 | 21_603 | 21_606 | 21_607 | 21_609 | 21_615 | 21_616 => Class::Account,
        21_621 | 21_659..=21_661 | 21_701..=21_705 => Class::Account,
        // The sender's queue is full.
        21_611 | 30_001 => wait(Scope::Sender, None),
        // The text, the media, the template, or the time that it may take.
        21_602 | 21_605 | 21_617..=21_620 | 21_622..=21_624 | 21_654..=21_658 => Class::Content,
        // SMS, on the way: suspended, or a sender that is not registered where that is needed.
        30_002 | 30_032 | 30_033 | 30_034 | 30_035 => Class::Account,
        // Switched off, blocked, unknown, a landline; or its network does not take this sender.
        30_003..=30_006 | 30_011 | 30_018 | 30_024 => Class::Recipient,
        // Its time was over: another way may still reach whom this one did not.
        30_036 => Class::Recipient,
        // Filtered, of too high a price, too large.
        30_007 | 30_010 | 30_019 => Class::Content,
        30_022 => wait(Scope::Sender, None),
        30_023 | 30_027 => wait(Scope::Sender, Some(HOUR)),
        // Unknown, a part was lost, congested, timed out.
        30_008 | 30_009 | 30_017 | 30_410 | 30_500 => Class::Fault,
        // Channels: credentials, the sender, its configuration, WhatsApp's account of the business, the agent of RCS.
        63_001 | 63_002 | 63_007 | 63_008 | 63_020 | 63_022 | 63_035 => Class::Account,
        // Not there, blocked by the user, not joined to the sandbox, no user of WhatsApp or one with an old client, limited
        // by an experiment, not reached by RCS. 63049 is "Meta chose not to deliver", to be kept for a day and more, which
        // is longer than an alarm lives.
        63_003 | 63_014 | 63_015 | 63_024 | 63_031 | 63_032 | 63_033 | 63_036 | 63_049 => Class::Recipient,
        // What WhatsApp does not take: the text, the media, the template, its parameters.
        63_005 | 63_006 | 63_013 | 63_019 | 63_021 | 63_025 | 63_027..=63_030 | 63_034 => Class::Content,
        63_040..=63_042 => Class::Content,
        63_009..=63_012 | 63_023 => Class::Fault,
        63_016 => Class::Form,
        // It may take up to a day.
        63_017 | 63_018 => wait(Scope::Sender, None),
        63_038 => wait(Scope::Account, Some(HOUR)),
        _ => return None,
    })
}
