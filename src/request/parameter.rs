//! A reference to a value of the request: source and path.

use std::borrow::Cow;

use super::HookRequest;
use super::value::{NotFound, Value};
use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::go::header::canonical;
use crate::node::{Form, Placed, Reader};

/// Where in a request a value is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The headers.
    Header,
    /// The query; `query` is another name for `url`.
    Url,
    /// The parsed body.
    Payload,
    /// Method or remote address.
    Request,
    /// The body as it came.
    RawRequestBody,
    /// The whole payload as JSON.
    EntirePayload,
    /// All headers as JSON.
    EntireHeaders,
    /// The whole query as JSON.
    EntireQuery,
    /// The name itself.
    String,
    /// A word that means no source: adnanh/webhook loads it, and finds nothing at each call.
    Nowhere,
}

impl Source {
    /// Every source with the words for it.
    pub const ALL: [(&'static str, Source); 10] = [
        ("header", Source::Header),
        ("url", Source::Url),
        ("query", Source::Url),
        ("payload", Source::Payload),
        ("request", Source::Request),
        ("raw-request-body", Source::RawRequestBody),
        ("entire-payload", Source::EntirePayload),
        ("entire-headers", Source::EntireHeaders),
        ("entire-query", Source::EntireQuery),
        ("string", Source::String),
    ];

    /// The words for all of them.
    pub fn words() -> Vec<&'static str> {
        Source::ALL.iter().map(|(word, _)| *word).collect()
    }

    /// The source that a word means; the case counts.
    pub fn named(word: &str) -> Option<Source> {
        Source::ALL.iter().find(|(name, _)| *name == word).map(|(_, source)| *source)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Source::ALL.iter().find(|(_, source)| *source == self).map_or("nowhere", |(name, _)| name)
    }

    /// Whether this source needs a name beside it.
    pub fn needs_name(self) -> bool {
        matches!(self, Source::Header | Source::Url | Source::Payload | Source::Request)
    }
}

/// What the source `request` has, in any case.
const REQUEST_KEYS: [&str; 2] = ["method", "remote-addr"];

/// A reference to a value of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Where to look.
    pub source: Source,
    /// What for: a dotted path, or the text itself for `string`.
    pub name: String,
}

impl Parameter {
    /// The value as text, for people: a `null` is nothing to them, where a command gets its `<nil>`.
    pub fn present(&self, request: &HookRequest) -> Option<Vec<u8>> {
        let is_null =
            self.source == Source::Payload && request.payload.at(self.name.as_bytes()).is_ok_and(Value::is_null);
        self.resolve(request).ok().filter(|_| !is_null)
    }

    /// The value as text.
    pub fn resolve(&self, request: &HookRequest) -> Result<Vec<u8>, NotFound> {
        self.text(request).map(Cow::into_owned)
    }

    /// The value as text, borrowed where it stands in the request as it is.
    pub fn text<'r>(&'r self, request: &'r HookRequest) -> Result<Cow<'r, [u8]>, NotFound> {
        let name = self.name.as_bytes();
        match self.source {
            Source::Header => request.headers.at(canonical(&self.name).as_bytes()).map(Value::text),
            Source::Url => request.query.at(name).map(Value::text),
            // upstream: a payload that was not parsed is an empty map to internal/hook/hook.go GetParameter, not a `null`.
            Source::Payload if request.payload == Value::Null => Err(NotFound::Missing),
            Source::Payload => request.payload.at(name).map(Value::text),
            // upstream: internal/hook/hook.go Argument.Get lower-cases the name here.
            Source::Request if self.name.eq_ignore_ascii_case("method") => {
                Ok(request.method.as_str().as_bytes().into())
            }
            Source::Request if self.name.eq_ignore_ascii_case("remote-addr") => Ok(request.remote.as_bytes().into()),
            Source::Request => Err(NotFound::NoSuchKey),
            Source::RawRequestBody => Ok(Cow::Borrowed(&request.body)),
            Source::EntirePayload => Ok(Cow::Owned(request.payload.to_json())),
            Source::EntireHeaders => Ok(Cow::Owned(request.headers.to_json())),
            Source::EntireQuery => Ok(Cow::Owned(request.query.to_json())),
            Source::String => Ok(Cow::Borrowed(name)),
            Source::Nowhere => Err(NotFound::NoSource),
        }
    }

    /// One of adnanh/webhook's parameters as written → one that can be looked up. What that loads, loads: in the classic form
    /// one with a mistake is there all the same, and finds nothing at each call.
    pub fn of_peer(
        source: Option<&Placed<String>>,
        name: Option<&str>,
        place: &Place,
        reader: &mut Reader<'_>,
    ) -> Option<Parameter> {
        match Parameter::compile(source, name, place, reader.form) {
            Ok(parameter) => Some(parameter),
            Err(finding) => {
                reader.mistake(finding)?;
                let source = source.and_then(|word| Source::named(&word.value)).unwrap_or(Source::Nowhere);
                Some(Parameter { source, name: name.unwrap_or_default().to_owned() })
            }
        }
    }

    /// A parameter as written → one that can be looked up, or what is wrong with it. In the full form a name must not be
    /// left out where one is needed.
    pub fn compile(
        source: Option<&Placed<String>>,
        name: Option<&str>,
        place: &Place,
        form: Form,
    ) -> Result<Parameter, Diagnostic> {
        let name = name.unwrap_or_default().to_owned();
        let Some(word) = source else { return Err(Diagnostic::error(place, "a parameter needs a \"source\"")) };
        let Some(source) = Source::named(&word.value) else {
            let help = did_you_mean(&word.value, Source::ALL.map(|(name, _)| name));
            let finding = Diagnostic::error(&word.place, format!("no source is called \"{}\"", word.value));
            return Err(Diagnostic { help, ..finding });
        };
        if source.needs_name() && name.is_empty() && form == Form::Full {
            let message = format!("the source \"{}\" needs a \"name\" beside it", word.value);
            return Err(Diagnostic::error(&word.place, message));
        }
        if source == Source::Request && !REQUEST_KEYS.iter().any(|key| name.eq_ignore_ascii_case(key)) {
            let message = format!("the source \"request\" has nothing called \"{name}\"");
            return Err(Diagnostic::error(&word.place, message).help("it has method and remote-addr"));
        }
        Ok(Parameter { source, name })
    }
}
