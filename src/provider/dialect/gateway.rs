//! An account of a gateway that a dialect describes.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value as Json};

use super::file::{Asked, BaseUrl, Dialect};
use super::request::Spoken;
use super::settings::{Declared, Settings};
use super::wording::TEMPLATE;
use crate::account::{Address, Limits};
use crate::diagnostic::Diagnostic;
use crate::message::delivery::{Class, Form, SendError};
use crate::message::media::MediaSource;
use crate::message::news::News;
use crate::node::{Node, Placed, Reader};
use crate::provider::callback::{Call, Callback, Proof, Unproven};
use crate::provider::capabilities::{Capabilities, MediaLimit};
use crate::provider::named_template::{self, Template};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::reply::{final_as_template, no_template, refusal};
use crate::provider::{Answer, Next, Opened, Outgoing, Probe, Provider, Request, account};

/// Reads an account's properties by its dialect; `None` after a mistake, which the reader has noted. `besides` are
/// properties that were read already.
pub(super) fn open(
    dialect: &Arc<Dialect>,
    node: &Node,
    base_url: Option<&Placed<String>>,
    besides: &[&str],
    reader: &mut Reader<'_>,
) -> Option<Opened> {
    let earlier = reader.findings.len();
    let approved = dialect.template.as_ref().map(|_| named_template::ABOUT.name);
    let names: Vec<&str> = dialect.properties.iter().map(Declared::name).chain(approved).collect();
    let entries = account::entries_named(node, &[&names, besides].concat(), reader);
    let is_there = |name: &str| entries.iter().any(|entry| entry.key == name);
    for missing in dialect.properties.iter().filter(|property| property.needed() && !is_there(property.name())) {
        reader.note::<()>(
            Diagnostic::error(&node.place, format!("no \"{}\" is given", missing.name())).help(missing.help()),
        );
    }
    let base_url = match (&dialect.base_url, base_url) {
        (BaseUrl::None, Some(written)) => {
            return reader.wrong(&written.place, "this provider has no \"base-url\": its \"url\" is the whole address");
        }
        (BaseUrl::None, None) => "",
        (_, Some(written)) => &written.value,
        (BaseUrl::Known(url), None) => url,
        (BaseUrl::Needed, None) => {
            return reader.wrong(&node.place, "no \"base-url\" is given: the address of your own server");
        }
    };
    let settings = Settings::read(&entries, &dialect.properties, base_url, reader)?;
    let template = match entries.iter().find(|entry| Some(entry.key.as_str()) == approved) {
        Some(entry) => named_template::read(&entry.value, "the provider's console", reader),
        None => {
            approved.inspect(|_| named_template::warn_of_none(node, reader));
            None
        }
    };
    let sound = !reader.findings.iter().skip(earlier).any(Diagnostic::is_error);
    let provider = Box::new(Gateway { dialect: dialect.clone(), settings, template });
    sound.then(|| Opened { takes: dialect.addresses(), provider })
}

struct Gateway {
    dialect: Arc<Dialect>,
    settings: Settings,
    template: Option<Template>,
}

impl Provider for Gateway {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let approved = self.approved(out);
        if let Some(Answer::Http { status, headers, body }) = answers.last() {
            let judged = self.dialect.answers.judge(*status, headers, body);
            return judged.map(Next::Done).map_err(|error| final_as_template(error, approved.is_some()));
        }
        let to = self.called(&out.address)?;
        let mut values = self.dialect.wording.values(out, &to);
        let request = match approved {
            Some((request, template)) => {
                values.insert(TEMPLATE.to_owned(), template.filled(out)?);
                request
            }
            None if out.form == Form::Template => {
                return Err(no_template());
            }
            None => self.spoken(out),
        };
        self.ask(request, &values).map(Next::Ask)
    }

    fn probe(&self, _about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        let Some(asked) = &self.dialect.probe else {
            return Ok(Probe::Done(Learned::well("can't be asked without sending")));
        };
        match answers.last() {
            Some(Answer::Http { status, headers, body }) => {
                self.learned(asked, *status, headers, body).map(Probe::Done)
            }
            _ => self.ask(&asked.ask, &Map::new()).map(Probe::Ask),
        }
    }

    fn differs(&self) -> Option<(Capabilities, Limits)> {
        Some((self.dialect.can(), self.dialect.limits))
    }

    fn callback(&self) -> Option<&dyn Callback> {
        self.dialect.callback.as_ref().map(|_| self as &dyn Callback)
    }
}

impl Gateway {
    /// The template and the request for it, where this goes out as one.
    fn approved(&self, out: &Outgoing) -> Option<(&Spoken, &Template)> {
        self.dialect.template.as_ref().zip(self.template.as_ref()).filter(|_| out.wants_template())
    }

    /// The request that brings this message.
    fn spoken(&self, out: &Outgoing) -> &Spoken {
        let carried = out.media.as_ref().and_then(|media| {
            let fits = |limit: &MediaLimit| {
                let in_this_form = match media.source {
                    MediaSource::Link(_) => limit.by_link,
                    MediaSource::Bytes(_) => limit.by_bytes,
                };
                limit.kind == media.kind && in_this_form
            };
            self.dialect.media.iter().find(|carried| carried.limits.iter().any(fits))
        });
        carried.map_or(&self.dialect.send, |carried| &carried.send)
    }

    fn ask(&self, spoken: &Spoken, message: &Map<String, Json>) -> Result<Request, SendError> {
        let request = spoken.ask(&self.dialect.credentials, &self.settings, message);
        request.map(Request::Http).map_err(|why| self.unspoken(&why))
    }

    /// What the gateway calls an address.
    fn called(&self, address: &Address) -> Result<String, SendError> {
        let template = self.dialect.takes.iter().find(|(kind, _)| *kind == address.kind).map(|(_, template)| template);
        let Some(template) = template else { return Ok(address.text.clone()) };
        let digits: String = address.text.chars().filter(char::is_ascii_digit).collect();
        let values = serde_json::json!({ "address": address.text, "digits": digits });
        template.render(&values).map_err(|why| self.unspoken(&why))
    }

    /// A template of the dialect that can't do with the values of this message.
    fn unspoken(&self, why: &str) -> SendError {
        refusal(Class::Content, "dialect", &format!("the dialect can't say it: {why}"))
    }

    fn learned(
        &self,
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Learned, SendError> {
        let json = serde_json::from_slice(body).unwrap_or(Json::Null);
        let shows = super::condition::first(&json, &asked.shows);
        let holds = asked.well.iter().all(|condition| condition.holds(&json, body));
        match (status.is_success(), holds, shows) {
            (true, true, Some(shown)) => Ok(Learned::well(shown)),
            (true, true, None) => Ok(Learned::well("it answers")),
            (true, false, shown) => {
                let shown = shown.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
                Err(refusal(Class::Account, "", &format!("it is not ready to send: {shown}")))
            }
            (false, ..) => {
                let judged = self.dialect.answers.judge(status, headers, body);
                judged.map(|_| Learned::well("it answers"))
            }
        }
    }
}

impl Callback for Gateway {
    fn takes_get(&self) -> bool {
        self.dialect.callback.as_ref().is_some_and(|hearing| hearing.get)
    }

    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        let proof = self.dialect.callback.as_ref().and_then(|hearing| hearing.proof.as_ref());
        proof.map_or(Ok(Proof::Path), |proof| proof.verify(&self.settings, call))
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        match &self.dialect.callback {
            Some(hearing) => hearing.parse(call, &self.dialect.answers),
            None => Ok(Vec::new()),
        }
    }
}
