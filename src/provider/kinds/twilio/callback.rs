//! What Twilio calls: the status of a message, and what people write.
//! <https://www.twilio.com/docs/usage/webhooks/messaging-webhooks>

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ring::digest::{SHA256, digest};
use ring::hmac::{self, Key};

use super::channel::{Channel, Sender};
use super::errors::failed;
use crate::clock::Timestamp;
use crate::message::delivery::Report;
use crate::message::news::{Inbound, News, Told};
use crate::provider::callback::{Call, Callback, Proof, Unproven};
use crate::provider::text::cut_characters;
use crate::secret::Secret;
use crate::url::{Broken, pairs, values_of};

/// Free text goes for 24 hours after a person wrote; less what it may take to get it there.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// What is kept of an inbound text.
const TEXT_CHARACTERS: usize = 4096;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// The account's side of Twilio's webhooks.
pub(super) struct Webhook {
    /// Twilio calls for all senders of an account: what is not about this one is somebody else's.
    pub(super) account_sid: String,
    pub(super) channel: Channel,
    pub(super) sender: Sender,
    /// By the account's auth tokens; none where there is only an API key.
    pub(super) signatures: Vec<Key>,
}

/// What a webhook's signature is made with.
pub(super) fn key(auth_token: &Secret) -> Key {
    Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.expose().as_bytes())
}

impl Callback for Webhook {
    fn takes_get(&self) -> bool {
        true
    }

    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        // Twilio signs the URL that it calls: where nobody knows that one, nothing can be said of the signature.
        let Some(url) = call.url.filter(|_| !self.signatures.is_empty()) else { return Ok(Proof::Path) };
        let presented = call.headers.get("x-twilio-signature").ok_or(Unproven::Missing)?;
        let tag = BASE64.decode(presented.as_bytes()).map_err(|_| Unproven::Wrong)?;
        let signed = signed_part(call).ok_or(Unproven::Wrong)?;
        let is_right = |url: &String| {
            let message = [url.as_bytes(), &signed].concat();
            self.signatures.iter().any(|key| hmac::verify(key, &message, &tag).is_ok())
        };
        if spellings(url).iter().any(is_right) { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let form = Form::of(call)?;
        if !form.text("AccountSid").is_empty() && form.text("AccountSid") != self.account_sid {
            return Ok(Vec::new());
        }
        let word = [form.text("MessageStatus"), form.text("SmsStatus")].into_iter().find(|word| !word.is_empty());
        let Some(word) = word else { return Err("it has neither a MessageStatus nor an SmsStatus".to_owned()) };
        let news = match word {
            "received" | "receiving" => self.inbound(&form, call.now).map(News::Inbound),
            _ => self.told(&form, word, call.now).map(News::Told),
        };
        Ok(news.into_iter().collect())
    }
}

/// What follows the URL in the signed text: the form's names and values, in order of name and without repetitions, as in
/// Twilio's own libraries. Of a body of another kind it is nothing, for the URL has the body's hash.
/// <https://www.twilio.com/docs/usage/webhooks/webhooks-security>
fn signed_part(call: &Call<'_>) -> Option<Vec<u8>> {
    if let Some(hash) = values_of(call.query, "bodySHA256").next() {
        let told = HEXLOWER_PERMISSIVE.decode(hash).ok()?;
        return (digest(&SHA256, call.body).as_ref() == told).then(Vec::new);
    }
    let (mut form, _) = pairs(call.body, Broken::Kept);
    form.sort();
    form.dedup();
    Some(form.iter().flat_map(|(name, value)| [&**name, &**value]).flatten().copied().collect())
}

/// The URL as it is written, and with and without the port that its scheme has anyway: Twilio is not of one mind.
fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    for (scheme, port) in [("https://", ":443"), ("http://", ":80")] {
        let Some(rest) = url.strip_prefix(scheme) else { continue };
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        match host.strip_suffix(port) {
            Some(bare) => spellings.push(format!("{scheme}{bare}{path}")),
            None => spellings.push(format!("{scheme}{host}{port}{path}")),
        }
    }
    spellings
}

/// The fields of a call: a form, or the query of a GET.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(call: &Call<'_>) -> Result<Form, String> {
        let (body, _) = pairs(call.body, Broken::Kept);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = call.query.iter().chain(&body).map(|(name, value)| (text(name), text(value))).collect();
        let form = Form(all);
        match form.text("MessageSid").is_empty() && form.text("SmsSid").is_empty() {
            true => Err("it has neither a MessageSid nor an SmsSid".to_owned()),
            false => Ok(form),
        }
    }

    /// A field; empty where there is none.
    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The first of these that is not empty.
    fn first(&self, names: &[&str]) -> &str {
        names.iter().map(|name| self.text(name)).find(|text| !text.is_empty()).unwrap_or_default()
    }
}

impl Webhook {
    fn told(&self, form: &Form, word: &str, at: Timestamp) -> Option<Told> {
        if !self.sender.is(self.channel.read(form.text("From"))?, form.text("MessagingServiceSid")) {
            return None;
        }
        let report = match word {
            "sent" => Report::Sent,
            "delivered" => Report::Delivered,
            "read" => Report::Read,
            "undelivered" | "failed" | "canceled" => {
                let words = form.first(&["ErrorMessage", "ChannelStatusMessage"]);
                Report::Failed(failed(form.text("ErrorCode").parse().ok(), words))
            }
            // `accepted`, `scheduled`, `queued`, `sending`, and what comes later.
            _ => return None,
        };
        let receipt = form.first(&["MessageSid", "SmsSid"]);
        (receipt.len() <= ID_BYTES).then(|| Told { receipt: receipt.to_owned(), key: None, report, at })
    }

    fn inbound(&self, form: &Form, at: Timestamp) -> Option<Inbound> {
        let address = self.channel.read(form.text("From"))?;
        if !self.sender.is(self.channel.read(form.text("To"))?, form.text("MessagingServiceSid")) {
            return None;
        }
        let text = form.first(&["Body", "ButtonText", "Label", "Address"]);
        let [id, kind] = [form.first(&["MessageSid", "SmsSid"]), kind(form)];
        let sound = [id, address, kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
        sound.then(|| Inbound {
            id: id.to_owned(),
            address: address.to_owned(),
            contact: None,
            kind: kind.to_owned(),
            text: cut_characters(text, TEXT_CHARACTERS),
            at,
            window: Some(WINDOW).filter(|_| self.channel == Channel::WhatsApp),
        })
    }
}

/// What it is, in Twilio's word; for SMS, which has none, by what comes with it.
fn kind(form: &Form) -> &str {
    let word = form.text("MessageType");
    let media = form.text("MediaContentType0").split('/').next().unwrap_or_default();
    match (word, media) {
        ("", "image" | "video" | "audio") => media,
        ("", "") if !form.text("Latitude").is_empty() => "location",
        ("", "") => "text",
        ("", _) => "document",
        (word, _) => word,
    }
}
