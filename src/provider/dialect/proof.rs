//! What shows that a call is a gateway's.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use http::HeaderName;
use ring::hmac::{self, Algorithm, Key};
use serde_json::{Map, Value as Json};

use super::condition::{first, pointer};
use super::document::document;
use super::settings::{Settings, View};
use super::tree::template;
use crate::node::{Node, Property, Reader, Shape, needed, property};
use crate::provider::callback::{Call, Proof, Unproven};
use crate::secret::Secret;
use crate::template::Template;

/// How a dialect's gateway shows that it calls, where it does: by a header or a field of the body that holds a secret, or by
/// a header with a signature of the body.
pub(super) struct Shown {
    place: Place,
    prefix: String,
    key: Template,
    by: By,
}

/// Where it is shown.
enum Place {
    Header(HeaderName),
    /// A pointer into the body.
    Body(String),
}

#[derive(Clone, Copy)]
enum By {
    /// The secret itself stands there.
    Secret,
    /// The header holds the body's HMAC by the secret.
    Hmac(Algorithm, Encoding),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Encoding {
    #[default]
    Hex,
    Base64,
}

#[derive(Default)]
struct Written {
    header: Option<HeaderName>,
    at: Option<String>,
    prefix: String,
    secret: Option<Node>,
    hmac: Option<Algorithm>,
    encoding: Encoding,
}

const PROOF: &[Property<Written>] = &[
    property("header", Shape::Text, "The header that shows it.", |written, node, reader| {
        written.header = header(node, reader)
    }),
    property("at", Shape::Text, "Or where in the body the secret stands.", |written, node, reader| {
        written.at = pointer(node, reader)
    }),
    needed("secret", Shape::Text, "The secret; without one in the account nothing is asked.", |written, node, _| {
        written.secret = Some(node.clone())
    }),
    property("prefix", Shape::Text, "What stands before it in the header.", |written, node, reader| {
        written.prefix = reader.text(node).unwrap_or_default()
    }),
    property("hmac", Shape::Text, "sha1, sha256 or sha512: the header is a signature.", |written, node, reader| {
        written.hmac = algorithm(node, reader)
    }),
    property("encoding", Shape::Text, "hex or base64.", |written, node, reader| match reader.text(node).as_deref() {
        Some("base64") => written.encoding = Encoding::Base64,
        Some("hex") | None => {}
        Some(_) => reader.error(&node.place, "expected \"hex\" or \"base64\""),
    }),
];

fn header(node: &Node, reader: &mut Reader<'_>) -> Option<HeaderName> {
    match reader.text(node)?.parse() {
        Ok(name) => Some(name),
        Err(_) => reader.wrong(&node.place, "a header can't be called so"),
    }
}

fn algorithm(node: &Node, reader: &mut Reader<'_>) -> Option<Algorithm> {
    match reader.text(node)?.as_str() {
        "sha1" => Some(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        "sha256" => Some(hmac::HMAC_SHA256),
        "sha512" => Some(hmac::HMAC_SHA512),
        _ => reader.wrong(&node.place, "expected \"sha1\", \"sha256\" or \"sha512\""),
    }
}

impl Shown {
    /// Reads it.
    pub(super) fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Shown> {
        let earlier = reader.findings.len();
        let Written { header, at, prefix, secret, hmac, encoding } = reader.record(node, PROOF)?;
        let place = match (header, at) {
            (Some(header), None) => Some(Place::Header(header)),
            (None, Some(at)) if hmac.is_none() => Some(Place::Body(at)),
            _ => None,
        };
        let (Some(place), Some(secret)) = (place, secret) else {
            if reader.findings.len() == earlier {
                reader.error(
                    &node.place,
                    "a proof needs a \"secret\", and a \"header\" or, where it is no signature, \"at\"",
                );
            }
            return None;
        };
        let by = hmac.map_or(By::Secret, |algorithm| By::Hmac(algorithm, encoding));
        Some(Shown { place, prefix, key: template(&secret, names, reader)?, by })
    }

    /// Whether the call is the gateway's. An account without the secret believes the secret in the path alone.
    pub(super) fn verify(&self, settings: &Settings, call: &Call<'_>) -> Result<Proof, Unproven> {
        let key = self.key.render(&settings.values(&Map::<String, Json>::new(), View::Provider)).unwrap_or_default();
        let key = Secret::new(key);
        if key.expose().is_empty() {
            return Ok(Proof::Path);
        }
        let presented = self.place.look(call).ok_or(Unproven::Missing)?;
        let presented = presented.strip_prefix(self.prefix.as_bytes()).ok_or(Unproven::Wrong)?;
        let right = match self.by {
            // It is sent with every call, as the path's is: no better a proof than that.
            By::Secret if key.matches(presented) => return Ok(Proof::Path),
            By::Secret => false,
            By::Hmac(algorithm, encoding) => {
                let tag = match encoding {
                    Encoding::Hex => HEXLOWER_PERMISSIVE.decode(presented),
                    Encoding::Base64 => BASE64.decode(presented),
                };
                let key = Key::new(algorithm, key.expose().as_bytes());
                tag.is_ok_and(|tag| hmac::verify(&key, call.body, &tag).is_ok())
            }
        };
        if right { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }
}

impl Place {
    /// What stands there.
    fn look(&self, call: &Call<'_>) -> Option<Vec<u8>> {
        match self {
            Place::Header(name) => Some(call.headers.get(name)?.as_bytes().to_vec()),
            Place::Body(at) => first(&document(call).ok()?, std::slice::from_ref(at)).map(String::into_bytes),
        }
    }
}
