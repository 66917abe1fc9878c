//! One message to one chat. Whatever is in the way, its text arrives if Telegram lets any text pass: without its marks,
//! without what goes along with it, in the group instead of a topic that is gone.

use http::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Api, Refused};
use super::errors::{is_about_marks, is_about_media, is_about_topic};
use super::media::{Carriage, DOCUMENT, carriage};
use crate::account::chat::{Chat, ChatId};
use crate::message::delivery::{Receipt, SendError};
use crate::message::media::{Media, MediaSource};
use crate::message::{Priority, TextFormat};
use crate::provider::markup::{HTML, PLAIN, render};
use crate::provider::multipart::Form;
use crate::provider::reply::lenient;
use crate::provider::text::{cut_utf16_with_link, with_title};
use crate::provider::{Answer, Next, Outgoing, Request};

/// `sendMessage` takes so many characters after it has read the marks. We count UTF-16 units, as Telegram does in marks:
/// never fewer than characters.
pub(super) const TEXT_UNITS: usize = 4096;

/// The text below a picture or file has so many.
const CAPTION_UNITS: usize = 1024;

/// What is sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// What goes along, with the text as its caption.
    Captioned(Carriage),
    /// The text alone.
    Text,
    /// What goes along, after the text, which was too long for a caption.
    Bare(Carriage),
}

/// A conversation under way: what was learned from the answers so far.
pub(super) struct Talk<'a> {
    api: &'a Api,
    out: &'a Outgoing,
    text: String,
    chat: ChatId<'a>,
    topic: Option<i64>,
    /// The message that this one answers.
    answered: Option<i64>,
    step: Step,
    /// Whether the marks in the text are read.
    marked: bool,
    /// Whether what goes along was refused, and so is not sent.
    left_out: bool,
    /// Whether something has arrived, and its id.
    arrived: bool,
    sent: Option<String>,
    /// What the operator should know.
    advice: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Sent {
    #[serde(default, deserialize_with = "lenient")]
    message_id: Option<i64>,
}

impl<'a> Talk<'a> {
    pub(super) fn about(api: &'a Api, out: &'a Outgoing) -> Talk<'a> {
        let address = out.address.text.as_str();
        let Chat { id, topic } = Chat::read(address).unwrap_or(Chat { id: ChatId::Name(address), topic: None });
        let text = with_title(out.title.as_deref(), &out.text);
        let fits = text.encode_utf16().count() <= CAPTION_UNITS;
        let step = match &out.media {
            Some(media) if fits => Step::Captioned(carriage(media)),
            _ => Step::Text,
        };
        let marked = out.format == TextFormat::Markup;
        let (left_out, arrived, sent, advice) = Default::default();
        let answered = out.reply_to.as_ref().and_then(|message| message.parse().ok());
        Talk { api, out, text, chat: id, topic, answered, step, marked, left_out, arrived, sent, advice }
    }

    /// What to say after these answers.
    pub(super) fn next(mut self, answers: &[Answer]) -> Result<Next, SendError> {
        for answer in answers {
            let ended = match self.api.read::<Sent>(answer) {
                Ok(sent) => self.taken(sent),
                Err(refused) => self.refused(refused)?,
            };
            if ended {
                let advice = Some(self.advice.join("; ")).filter(|advice| !advice.is_empty());
                return Ok(Next::Done(Receipt { id: self.sent, advice }));
            }
        }
        Ok(Next::Ask(self.request()))
    }

    /// Whether that was all.
    fn taken(&mut self, sent: Sent) -> bool {
        // Of several it is the first one's id: that of the text.
        if !std::mem::replace(&mut self.arrived, true) {
            self.sent = sent.message_id.map(|id| id.to_string());
        }
        match (self.step, &self.out.media) {
            (Step::Text, Some(media)) if !self.left_out => {
                self.step = Step::Bare(carriage(media));
                false
            }
            _ => true,
        }
    }

    /// Whether that is the end all the same; else there is another way.
    fn refused(&mut self, refused: Refused) -> Result<bool, SendError> {
        if self.turns(&refused) {
            return Ok(false);
        }
        let error = refused.error;
        if self.arrived {
            // A second try would send the text twice.
            self.leave_out(&error.detail);
            return Ok(true);
        }
        if self.advice.is_empty() {
            return Err(error);
        }
        let detail = format!("{} ({})", error.detail, self.advice.join("; "));
        Err(SendError { detail, ..error })
    }

    /// Whether there is another way after this refusal; if so, it is taken.
    fn turns(&mut self, refused: &Refused) -> bool {
        let Refused { error, description, moved_to } = refused;
        let why = &error.detail;
        if let Some(chat) = moved_to.filter(|chat| self.chat != ChatId::Number(*chat)) {
            self.advice.push(format!("the group is a supergroup now: write {chat} into the contact"));
            self.chat = ChatId::Number(chat);
            // It numbers its messages anew.
            self.answered = None;
            return true;
        }
        if self.marked && is_about_marks(description) {
            self.advice.push(format!("without bold and the like: {why}"));
            self.marked = false;
            return true;
        }
        if is_about_topic(description)
            && let Some(topic) = self.topic.take()
        {
            self.advice.push(format!("to the group itself, not to its topic {topic}: {why}"));
            return true;
        }
        is_about_media(error.class, description) && self.turns_from_media(why)
    }

    fn turns_from_media(&mut self, why: &str) -> bool {
        match (self.step, self.link()) {
            // A picture of a form or size that Telegram does not show is still a file.
            (Step::Captioned(by), None) if by != DOCUMENT => self.step = Step::Captioned(DOCUMENT),
            (Step::Bare(by), None) if by != DOCUMENT => self.step = Step::Bare(DOCUMENT),
            (Step::Captioned(_), _) => {
                self.leave_out(why);
                self.step = Step::Text;
            }
            // The text is there already; what Telegram could not fetch, people may.
            (Step::Bare(_), Some(_)) => {
                self.leave_out(why);
                self.text.clear();
                self.step = Step::Text;
            }
            _ => return false,
        }
        true
    }

    fn leave_out(&mut self, why: &str) {
        if !std::mem::replace(&mut self.left_out, true) {
            let name = self.out.media.as_ref().map_or("", |media| &media.name);
            self.advice.push(format!("without {name}: {why}"));
        }
    }

    /// The link to what goes along, where that is one.
    fn link(&self) -> Option<&str> {
        match &self.out.media.as_ref()?.source {
            MediaSource::Link(link) => Some(link),
            MediaSource::Bytes(_) => None,
        }
    }

    fn request(&self) -> Request {
        match (self.step, &self.out.media) {
            (Step::Captioned(by), Some(media)) => {
                let mut arguments = self.arguments();
                if !self.text.trim().is_empty() {
                    self.put_text(&mut arguments, "caption", CAPTION_UNITS, &self.text);
                }
                self.carry(by, media, arguments)
            }
            (Step::Bare(by), Some(media)) => self.carry(by, media, self.arguments()),
            _ => {
                let mut arguments = self.arguments();
                self.put_text(&mut arguments, "text", TEXT_UNITS, &self.whole_text());
                arguments.insert("link_preview_options".to_owned(), json!({ "is_disabled": true }));
                self.api.call("sendMessage", &arguments)
            }
        }
    }

    /// What every call has.
    fn arguments(&self) -> Map<String, Value> {
        let mut arguments = Map::new();
        arguments.insert("chat_id".to_owned(), json!(self.chat));
        if let Some(topic) = self.topic {
            arguments.insert("message_thread_id".to_owned(), json!(topic));
        }
        // The file after its text stands below that anyway.
        if let Some(message) = self.answered.filter(|_| !self.arrived) {
            let reply = json!({ "message_id": message, "allow_sending_without_reply": true });
            arguments.insert("reply_parameters".to_owned(), reply);
        }
        if self.out.priority == Priority::Low {
            arguments.insert("disable_notification".to_owned(), json!(true));
        }
        arguments
    }

    /// The text; with the link to what went along, where Telegram could not fetch that.
    fn whole_text(&self) -> String {
        match self.link().filter(|_| self.left_out) {
            Some(link) => format!("{}\n{link}", self.text).trim_start().to_owned(),
            None => self.text.clone(),
        }
    }

    /// A plain text goes as it is: without a mode there is nothing in it that could be read as a mark.
    fn put_text(&self, arguments: &mut Map<String, Value>, name: &str, units: usize, text: &str) {
        let cut = cut_utf16_with_link(text, units, self.out.link.as_deref());
        if self.marked {
            arguments.insert("parse_mode".to_owned(), json!("HTML"));
        }
        let text = render(&cut, self.out.format, if self.marked { &HTML } else { &PLAIN });
        arguments.insert(name.to_owned(), json!(text));
    }

    fn carry(&self, by: Carriage, media: &Media, mut arguments: Map<String, Value>) -> Request {
        match &media.source {
            MediaSource::Link(link) => {
                arguments.insert(by.file.to_owned(), json!(link));
                self.api.call(by.method, &arguments)
            }
            MediaSource::Bytes(bytes) => {
                let form = arguments.iter().fold(Form::new(&self.out.key), |form, (name, value)| match value {
                    Value::String(text) => form.text(name, text),
                    other => form.text(name, &other.to_string()),
                });
                let (content_type, body): (HeaderValue, Vec<u8>) =
                    form.file(by.file, &media.name, &media.mime, bytes).finish();
                self.api.post(by.method, content_type, body)
            }
        }
    }
}
