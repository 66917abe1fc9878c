//! A reference to a value of the request: source and path.

use super::HookRequest;
use super::value::{NotFound, Value};
use crate::go::header::canonical;

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
        let name = self.name.as_bytes();
        match self.source {
            Source::Header => request.headers.at(canonical(&self.name).as_bytes()).map(Value::to_text),
            Source::Url => request.query.at(name).map(Value::to_text),
            Source::Payload => request.payload.at(name).map(Value::to_text),
            // upstream: internal/hook/hook.go Argument.Get lower-cases the name here.
            Source::Request => match self.name.to_lowercase().as_str() {
                "method" => Ok(request.method.clone().into_bytes()),
                "remote-addr" => Ok(request.remote.clone().into_bytes()),
                _ => Err(NotFound::Missing),
            },
            Source::RawRequestBody => Ok(request.body.clone()),
            Source::EntirePayload => Ok(request.payload.to_json()),
            Source::EntireHeaders => Ok(request.headers.to_json()),
            Source::EntireQuery => Ok(request.query.to_json()),
            Source::String => Ok(self.name.clone().into_bytes()),
            Source::Nowhere => Err(NotFound::Missing),
        }
    }
}
