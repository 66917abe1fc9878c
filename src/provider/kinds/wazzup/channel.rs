//! The channel: whether it works, asked without a message to anybody, and how Wazzup is told to call us.

use http::{Method, Uri};
use serde::{Deserialize, Serialize};

use super::api::Api;
use super::transport::Transport;
use crate::message::delivery::{Class, SendError};
use crate::message::news::Standing;
use crate::provider::probe::Learned;
use crate::provider::reply::{lenient, refusal};
use crate::provider::{Answer, Probe};
use crate::secret::Secret;

/// `webhooksUri` takes so many characters.
const URI_CHARACTERS: usize = 200;

/// One of the account's channels.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    channel_id: String,
    #[serde(default, deserialize_with = "lenient")]
    transport: String,
    /// Its phone number or name.
    #[serde(default, deserialize_with = "lenient")]
    plain_id: String,
    #[serde(default, deserialize_with = "lenient")]
    state: String,
}

/// What a channel's state means for sending; none for a state that passes by itself, or that nobody knows.
/// Source: <https://wazzup24.com/help/api-en/working-with-channels/>.
pub(super) fn standing(state: &str) -> Option<Standing> {
    let why = match state {
        "active" => return Some(Standing::Well),
        "disabled" => "it is turned off: not in the subscription, or deleted",
        "phoneUnavailable" => "its phone is not connected: look whether it has power and the net",
        "qr" => "its QR code must be scanned again, in Wazzup's cabinet",
        "openElsewhere" => "it is open in another Wazzup account",
        "notEnoughMoney" => "it is not paid",
        "foreignphone" => "its QR code was scanned by another phone",
        "unauthorized" => "it is not authorized any more",
        "waitForPassword" => "it waits for the password of two-factor authentication",
        "onModeration" => "it is under moderation",
        "rejected" => "its moderation ended with no",
        "blocked" => "it is blocked by the messenger",
        // `init`: it starts.
        _ => return None,
    };
    Some(Standing::Down { why: format!("the channel can't send: {why} ({state})") })
}

/// What to ask next of the channel, or how it is.
pub(super) fn probe(api: &Api, id: &str, transport: Transport, answers: &[Answer]) -> Result<Probe, SendError> {
    let [answer, ..] = answers else { return Ok(Probe::Ask(api.get("channels"))) };
    let channels: Vec<Channel> = api.read(answer)?;
    let mut learned = Learned::default();
    let Some(channel) = channels.iter().find(|channel| channel.channel_id == id) else {
        let named = |channel: &Channel| format!("{} ({} {})", channel.channel_id, channel.transport, channel.plain_id);
        let list = channels.iter().map(named).collect::<Vec<_>>().join(", ");
        let help = if list.is_empty() { "it has none at all".to_owned() } else { format!("it has {list}") };
        learned.error(format!("the key's account has no channel {id}"), help);
        return Ok(Probe::Done(learned));
    };
    learned.well = format!("{} {}, {}", channel.transport, channel.plain_id, channel.state);
    if channel.transport != transport.as_str() {
        let message = format!("the channel is one of \"{}\", not of \"{}\"", channel.transport, transport.as_str());
        let help = match Transport::ALL.iter().any(|(word, _)| *word == channel.transport) {
            true => Some(format!("set \"transport\" to \"{}\"", channel.transport)),
            false => None,
        };
        learned.error(message, help);
    }
    match standing(&channel.state) {
        Some(Standing::Well) => {}
        // Wazzup may take messages for it with 201, and lose them.
        Some(Standing::Down { why }) => learned.error(why, None),
        None => learned.warning(format!("the channel's state is \"{}\"", channel.state), None),
    }
    Ok(Probe::Done(learned))
}

/// What Wazzup tells us of, and where.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Webhooks {
    #[serde(default, deserialize_with = "lenient")]
    webhooks_uri: String,
    #[serde(default, deserialize_with = "lenient")]
    subscriptions: Subscriptions,
}

#[derive(Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Subscriptions {
    messages_and_statuses: bool,
    /// It wants contacts made for it, which is a CRM's business.
    contacts_and_deals_creation: bool,
    channels_updates: bool,
    template_status: bool,
}

const WANTED: Subscriptions = Subscriptions {
    messages_and_statuses: true,
    contacts_and_deals_creation: false,
    channels_updates: true,
    template_status: true,
};

/// What to ask next to have Wazzup call us: what is set, to set ours, and to read it back.
pub(super) fn setup(api: &Api, url: &Secret, answers: &[Answer]) -> Result<Probe, SendError> {
    let characters = url.expose().chars().count();
    if characters > URI_CHARACTERS {
        let words = format!("the URL has {characters} characters, and Wazzup takes {URI_CHARACTERS}");
        return Err(refusal(Class::Account, "uri", &words));
    }
    match answers {
        [] => Ok(Probe::Ask(api.get("webhooks"))),
        [before] => {
            // Whoever never set any has none to be read.
            api.read::<Webhooks>(before)
                .or_else(|error| if error.code == "http 404" { Ok(Webhooks::default()) } else { Err(error) })?;
            let wanted = Webhooks { webhooks_uri: url.expose().to_owned(), subscriptions: WANTED };
            Ok(Probe::Ask(api.send(Method::PATCH, "webhooks", &wanted)))
        }
        [_, set] => {
            api.accepted(set).map_err(explained)?;
            Ok(Probe::Ask(api.get("webhooks")))
        }
        [before, _, after, ..] => {
            let now: Webhooks = api.read(after)?;
            let before = api.read(before).unwrap_or_default();
            Ok(Probe::Done(judge(url, &before, &now)))
        }
    }
}

fn judge(url: &Secret, before: &Webhooks, now: &Webhooks) -> Learned {
    let mut learned = Learned::well("Wazzup calls us with messages, statuses, and news of channels and templates");
    if !url.matches(&now.webhooks_uri) {
        learned.error("Wazzup still calls another address than ours", None);
    }
    if now.subscriptions != WANTED {
        learned.error("not all of the four subscriptions are as they were asked for", None);
    }
    if !before.webhooks_uri.is_empty() && !url.matches(&before.webhooks_uri) {
        // The rest of the address may be a secret.
        let host = before.webhooks_uri.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        let message = format!("until now it called {}", host.as_deref().unwrap_or("another address"));
        learned
            .warning(message, "an account of Wazzup calls one address only: what was there hears no more".to_owned());
    }
    learned
}

/// In words of who set it up.
fn explained(error: SendError) -> SendError {
    match error.code.as_str() {
        "testPostNotPassed" => SendError {
            detail: format!(
                "Wazzup called us at once to see whether we answer, and got no 200: is -public-url reached from the net, by \
                 https? ({error})"
            ),
            ..error
        },
        _ => error,
    }
}
