//! The instance: whether it works, asked without a message to anybody, and how it is told where its news goes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::Api;
use crate::message::delivery::{Class, SendError};
use crate::message::news::Standing;
use crate::provider::probe::Learned;
use crate::provider::reply::{lenient, refusal};
use crate::provider::{Answer, Probe};
use crate::secret::Secret;

/// How an account hears its news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notifications {
    /// The instance calls us.
    Callback,
    /// We ask.
    Poll,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    state_instance: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    #[serde(deserialize_with = "lenient")]
    wid: String,
    #[serde(deserialize_with = "lenient")]
    webhook_url: String,
    #[serde(deserialize_with = "lenient")]
    delay_send_messages_milliseconds: u64,
    #[serde(deserialize_with = "lenient")]
    outgoing_webhook: String,
    #[serde(deserialize_with = "lenient")]
    incoming_webhook: String,
    #[serde(deserialize_with = "lenient")]
    state_webhook: String,
}

/// What an instance's state means for sending; none for one that passes by itself, or that nobody knows.
/// Source: <https://green-api.com/en/docs/api/account/GetStateInstance/>.
pub(super) fn standing(state: &str) -> Option<Standing> {
    let why = match state {
        "authorized" => return Some(Standing::Well),
        "notAuthorized" => "it is not authorized: scan its QR code in the console",
        "blocked" => "WhatsApp has banned its number",
        "sleepMode" => "its phone is off",
        "yellowCard" => "WhatsApp suspects it of spam, and lets little or nothing through: reboot it in the console",
        // `starting`: up to five minutes.
        _ => return None,
    };
    Some(Standing::Down { why: format!("the instance can't send: {why} ({state})") })
}

/// What to ask next of the instance, or how it is: its state, its settings, and what waits in its queue.
pub(super) fn probe(api: &Api, notifications: Notifications, answers: &[Answer]) -> Result<Probe, SendError> {
    let ask = |method| Ok(Probe::Ask(api.get(method, "")));
    let [state, rest @ ..] = answers else { return ask("getStateInstance") };
    let State { state_instance } = api.read(state)?;
    let [settings, rest @ ..] = rest else { return ask("getSettings") };
    let settings: Settings = api.read(settings)?;
    let [queue, ..] = rest else { return ask("showMessagesQueue") };
    let queue: Vec<Value> = api.read(queue)?;
    let mut learned = Learned::well(format!("{} {state_instance}", settings.wid).trim_start());
    match standing(&state_instance) {
        Some(Standing::Well) => {}
        Some(Standing::Down { why }) => learned.error(why, None),
        None => learned.warning(
            format!("the instance's state is \"{state_instance}\""),
            "it may take five minutes to start".to_owned(),
        ),
    }
    of_settings(&settings, notifications, &mut learned);
    match queue.len() {
        0 => {}
        waiting => learned.warning(
            format!("{waiting} messages wait in the instance's own queue"),
            "they go out when it is authorized, or are dropped after 24 hours; the console clears it".to_owned(),
        ),
    }
    Ok(Probe::Done(learned))
}

fn of_settings(settings: &Settings, notifications: Notifications, learned: &mut Learned) {
    let help = || Some("`hookbell accounts setup` sets it".to_owned());
    match (notifications, settings.webhook_url.is_empty()) {
        (Notifications::Poll, false) => {
            learned.error("it calls a webhookUrl, and keeps nothing that it could be asked for", help());
        }
        (Notifications::Callback, true) => {
            learned.warning("it has no webhookUrl: nobody hears what became of messages", help());
        }
        _ => {}
    }
    let silent = [
        ("outgoingWebhook", &settings.outgoing_webhook),
        ("incomingWebhook", &settings.incoming_webhook),
        ("stateWebhook", &settings.state_webhook),
    ];
    let silent: Vec<_> = silent.iter().filter(|(_, value)| *value != "yes").map(|(name, _)| *name).collect();
    if !silent.is_empty() {
        learned.warning(format!("it does not tell of everything: {} is not \"yes\"", silent.join(", ")), help());
    }
    let delay = settings.delay_send_messages_milliseconds;
    if delay > 0 {
        learned.well += &format!(", a message every {delay} ms");
    }
}

/// What an instance is told of where its news goes. What is not in here stays as it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    webhook_url: &'a str,
    webhook_url_token: &'a str,
    outgoing_webhook: &'static str,
    #[serde(rename = "outgoingAPIMessageWebhook")]
    outgoing_api_message_webhook: &'static str,
    incoming_webhook: &'static str,
    state_webhook: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved {
    save_settings: bool,
}

/// What to ask next to have the instance call us, or keep its news until it is asked.
pub(super) fn setup(
    api: &Api,
    notifications: Notifications,
    url: &Secret,
    token: Option<&Secret>,
    answers: &[Answer],
) -> Result<Probe, SendError> {
    let [answer, ..] = answers else {
        let (webhook_url, webhook_url_token) = match notifications {
            Notifications::Callback => (url.expose(), token.map_or("", Secret::expose)),
            Notifications::Poll => ("", ""),
        };
        let wanted = Wanted {
            webhook_url,
            webhook_url_token,
            outgoing_webhook: "yes",
            outgoing_api_message_webhook: "yes",
            incoming_webhook: "yes",
            state_webhook: "yes",
        };
        return Ok(Probe::Ask(api.post("setSettings", &wanted)));
    };
    let Saved { save_settings } = api.read(answer)?;
    if !save_settings {
        return Err(refusal(Class::Account, "", "the instance did not save its settings"));
    }
    // Reading them back would show the old ones.
    let what = match notifications {
        Notifications::Callback => "the instance calls us",
        Notifications::Poll => "the instance keeps its news until it is asked",
    };
    Ok(Probe::Done(Learned::well(format!("{what}; it starts anew for that, which may take five minutes"))))
}
