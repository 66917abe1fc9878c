//! What is said to Devino: a text or the approved template, and media beside it.
//!
//! Whether a text becomes the caption of its media the manual does not say. So they are two messages of one call, and
//! whatever becomes of the picture, the text goes.

use std::collections::BTreeMap;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::{Reason, classify_reasons};
use super::template::Template;
use super::{Devino, Manual, NEWER_CHARACTERS, OLDER_CHARACTERS};
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::message::media::{Media, MediaSource};
use crate::provider::markup::{WHATSAPP, render_within};
use crate::provider::parameters::Values;
use crate::provider::reply::{bare_refusal, final_as_template, id, lenient, no_template, refusal};
use crate::provider::text::{cut_characters, with_title};
use crate::provider::{Answer, HttpRequest, Next, Outgoing, Request};
use crate::secret::Secret;

/// The reason for what has too many characters.
const TOO_LONG: &str = "length.too.long";

/// A file's name has so many characters.
const NAME_CHARACTERS: usize = 100;

/// Fields that a message can do without: where one of them is refused, it goes once more without it.
const EXTRAS: [&str; 3] = ["callbackUrl", "callbackData", "validity"];

/// The same of the message beside it.
const BESIDE: [&str; 4] = ["contentUrl", "contentName", "contentType", "messages[1]"];

#[derive(Serialize)]
struct Call<'a> {
    messages: Vec<Message<'a>>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    from: &'a str,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_params: Option<BTreeMap<usize, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language_code: Option<&'a str>,
}

#[derive(Deserialize)]
struct Reply {
    result: Vec<Taken>,
}

/// What became of one of the call's messages; they are in its order.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Taken {
    #[serde(deserialize_with = "lenient")]
    code: String,
    message_id: Value,
    #[serde(deserialize_with = "lenient")]
    description: String,
    #[serde(deserialize_with = "lenient")]
    reasons: Vec<Reason>,
}

impl Taken {
    fn is_ok(&self) -> bool {
        self.code.eq_ignore_ascii_case("ok")
    }

    fn words(&self) -> String {
        let reasons = self.reasons.iter().map(Reason::words).collect::<Vec<_>>().join(", ");
        match (self.description.is_empty(), reasons.is_empty()) {
            (true, true) => format!("{}, without a reason", self.code),
            (true, false) => reasons,
            (false, true) => self.description.clone(),
            (false, false) => format!("{}: {reasons}", self.description),
        }
    }

    /// The fields that were refused, where the message would have been taken otherwise. A text can be shorter.
    fn refused(&self) -> Option<Vec<&str>> {
        let can_change = |reason: &Reason| {
            let field = reason.field();
            EXTRAS.contains(&field) || BESIDE.contains(&field) || (field, reason.key.as_str()) == ("text", TOO_LONG)
        };
        let all = !self.is_ok() && !self.reasons.is_empty() && self.reasons.iter().all(can_change);
        all.then(|| self.reasons.iter().map(Reason::field).collect())
    }
}

impl Devino {
    /// What is said next; once more without what the first answer took exception to.
    pub(super) fn next(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let first = answers.first().and_then(taken);
        let refused = first.as_ref().and_then(Taken::refused);
        let said = match (answers, refused) {
            ([], _) => return self.ask(out, &[]).map(Next::Ask),
            ([_], Some(refused)) => return self.ask(out, &refused).map(Next::Ask),
            ([.., last], refused) => self.read(last).map(|receipt| {
                let refused = refused.map(|refused| format!("without {}", refused.join(", ")));
                Receipt { advice: receipt.advice.or(refused), ..receipt }
            }),
        };
        said.map(Next::Done).map_err(|error| {
            let error = final_as_template(error, self.template_for(out).is_some());
            // Devino may repeat what it was sent.
            let hidden = |url: &Secret| error.detail.replace(url.expose(), "[secret]");
            SendError { detail: out.callback.as_ref().map_or_else(|| error.detail.clone(), hidden), ..error }
        })
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.template.as_ref().filter(|_| out.wants_template())
    }

    /// The call, without these fields.
    fn ask(&self, out: &Outgoing, without: &[&str]) -> Result<Request, SendError> {
        let to: String = out.address.text.chars().filter(char::is_ascii_digit).collect();
        let may = |field: &str| !without.contains(&field);
        let media = out.media.as_deref().and_then(linked);
        let said = match self.template_for(out) {
            Some(template) => {
                let params = template.filled(&Values::of(out, out.in_words.as_deref()))?;
                Message {
                    template_id: Some(&template.id),
                    template_params: Some((1..).zip(params).collect()),
                    language_code: Some(&template.language),
                    validity: self.validity.filter(|_| may("validity")).map(|validity| validity.as_secs()),
                    ..Message::default()
                }
            }
            None if out.form == Form::Template => {
                return Err(no_template());
            }
            None => {
                let long = self.manual == Manual::Newer && may("text");
                let most = if long { NEWER_CHARACTERS } else { OLDER_CHARACTERS };
                let whole = with_title(out.title.as_deref(), &out.text);
                let text = render_within(&whole, out.format, &WHATSAPP, most, out.link.as_deref());
                Message { text: Some(text), ..Message::default() }
            }
        };
        let callback_data = match self.manual {
            Manual::Older => json!(out.key),
            Manual::Newer => json!({ "key": out.key }),
        };
        let callback_url = out.callback.as_ref().filter(|_| may("callbackUrl")).map(Secret::expose);
        let beside = media.filter(|_| said.template_id.is_none() && BESIDE.into_iter().all(may));
        let said = Message {
            from: &self.from,
            to: to.clone(),
            callback_url,
            // Without a place to go it would come back to nobody.
            callback_data: Some(callback_data).filter(|_| may("callbackData") && callback_url.is_some()),
            ..said
        };
        // What becomes of it says nothing of the text: it is not asked for.
        let beside = beside.map(|(media, link)| Message {
            from: &self.from,
            to,
            content_url: Some(link),
            content_name: Some(cut_characters(&media.name, NAME_CHARACTERS)).filter(|name| !name.is_empty()),
            content_type: Some(&media.mime),
            ..Message::default()
        });
        let call = Call { messages: [said].into_iter().chain(beside).collect() };
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Request::Http(HttpRequest {
            method: Method::POST,
            url: Secret::new(&*self.url),
            shown_url: self.url.clone(),
            headers: HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone()), json]),
            // Texts can't fail to be written as JSON.
            body: serde_json::to_vec(&call).unwrap_or_default(),
        }))
    }

    /// What became of the text.
    fn read(&self, answer: &Answer) -> Result<Receipt, SendError> {
        let Answer::Http { status, headers, body } = answer else {
            return Err(bare_refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[]));
        };
        let mut results = match serde_json::from_slice::<Reply>(body) {
            Ok(reply) if !reply.result.is_empty() => reply.result.into_iter(),
            _ => return Err(bare_refusal(*status, headers, body)),
        };
        let (said, beside) = (results.next().unwrap_or_default(), results.next());
        if !said.is_ok() {
            let code = said.reasons.first().map_or(said.code.as_str(), |reason| &reason.key);
            return Err(refusal(classify_reasons(&said.reasons), code, &said.words()));
        }
        let stayed = beside.filter(|beside| !beside.is_ok()).map(|beside| beside.words());
        let advice = stayed.map(|why| refusal(Class::Content, "", &format!("without its media: {why}")).detail);
        Ok(Receipt { id: id(&said.message_id), advice })
    }
}

/// What became of the text, where the answer tells that.
fn taken(answer: &Answer) -> Option<Taken> {
    let Answer::Http { body, .. } = answer else { return None };
    serde_json::from_slice::<Reply>(body).ok()?.result.into_iter().next()
}

/// Media by link: all that Devino carries.
fn linked(media: &Media) -> Option<(&Media, &str)> {
    match &media.source {
        MediaSource::Link(link) => Some((media, link)),
        MediaSource::Bytes(_) => None,
    }
}
