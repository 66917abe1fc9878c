//! A request as a dialect writes it, and as it goes out.

use data_encoding::BASE64;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};

use super::settings::{Settings, View};
use super::tree::{Tree, branches, scalar, template};
use crate::node::{Node, Property, Reader, Shape, needed, property};
use crate::provider::HttpRequest;
use crate::secret::Secret;
use crate::template::Template;
use crate::url::encode_value;

/// What all requests of a dialect have in common.
#[derive(Default)]
pub(super) struct Credentials {
    bearer: Option<Template>,
    basic: Option<(Template, Template)>,
    headers: Vec<(HeaderName, Template)>,
    query: Vec<(String, Tree)>,
}

/// One request of a dialect.
pub(super) struct Spoken {
    method: Method,
    url: Template,
    query: Vec<(String, Tree)>,
    headers: Vec<(HeaderName, Template)>,
    body: Body,
}

enum Body {
    None,
    Json(Tree),
    Form(Vec<(String, Tree)>),
    Text(Template),
}

/// What is written of either, before the names are known that its templates may use.
#[derive(Default)]
struct Written {
    method: Option<Node>,
    url: Option<Node>,
    bearer: Option<Node>,
    basic: Option<Node>,
    query: Option<Node>,
    headers: Option<Node>,
    json: Option<Node>,
    form: Option<Node>,
    text: Option<Node>,
}

const HEADERS: Shape = Shape::Map(&Shape::Text);

const CREDENTIALS: &[Property<Written>] = &[
    property("bearer", Shape::Text, "The token of `Authorization: Bearer`.", |written, node, _| {
        written.bearer = Some(node.clone())
    }),
    property("basic", Shape::List(&Shape::Text), "Name and password of `Authorization: Basic`.", |written, node, _| {
        written.basic = Some(node.clone())
    }),
    property("headers", HEADERS, "Headers of every request.", |written, node, _| written.headers = Some(node.clone())),
    property("query", HEADERS, "What stands in the query of every request.", |written, node, _| {
        written.query = Some(node.clone())
    }),
];

const REQUEST: &[Property<Written>] = &[
    property("method", Shape::Text, "The method: POST with a body, else GET.", |written, node, _| {
        written.method = Some(node.clone())
    }),
    needed("url", Shape::Text, "Where to.", |written, node, _| written.url = Some(node.clone())),
    property("query", HEADERS, "What stands in its query.", |written, node, _| written.query = Some(node.clone())),
    property("headers", HEADERS, "Its headers.", |written, node, _| written.headers = Some(node.clone())),
    property("json", HEADERS, "Its body, as JSON.", |written, node, _| written.json = Some(node.clone())),
    property("form", HEADERS, "Its body, as a form.", |written, node, _| written.form = Some(node.clone())),
    property("text", Shape::Text, "Its body, as text.", |written, node, _| written.text = Some(node.clone())),
];

impl Credentials {
    /// Reads them; the templates may use these names.
    pub(super) fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Credentials> {
        let written = reader.record(node, CREDENTIALS)?;
        let bearer = match &written.bearer {
            Some(node) => Some(template(node, names, reader)?),
            None => None,
        };
        let basic = match &written.basic {
            Some(node) => {
                let parts = reader.list(node, |reader, node| template(node, names, reader))?;
                match <[Template; 2]>::try_from(parts) {
                    Ok([username, password]) => Some((username, password)),
                    Err(_) => return reader.wrong(&node.place, "expected a name and a password: two texts"),
                }
            }
            None => None,
        };
        let headers = headers(written.headers.as_ref(), names, reader)?;
        Some(Credentials { bearer, basic, headers, query: pairs(written.query.as_ref(), names, reader)? })
    }

    /// The value of `Authorization`, where the account says what it takes.
    fn authorization(&self, values: &Json) -> Result<Option<String>, String> {
        if let Some(bearer) = &self.bearer {
            let token = bearer.render(values)?;
            if !token.is_empty() {
                return Ok(Some(format!("Bearer {token}")));
            }
        }
        let Some((username, password)) = &self.basic else { return Ok(None) };
        let (username, password) = (username.render(values)?, password.render(values)?);
        let pair = format!("{username}:{password}");
        Ok((pair != ":").then(|| format!("Basic {}", BASE64.encode(pair.as_bytes()))))
    }
}

impl Spoken {
    /// Reads one; its templates may use these names.
    pub(super) fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Spoken> {
        let earlier = reader.findings.len();
        let written = reader.record(node, REQUEST)?;
        let Some(url) = &written.url else {
            if reader.findings.len() == earlier {
                reader.error(&node.place, "a request needs a \"url\"");
            }
            return None;
        };
        let url = template(url, names, reader)?;
        let body = match (&written.json, &written.form, &written.text) {
            (None, None, None) => Body::None,
            (Some(json), None, None) => Body::Json(Tree::read(json, names, reader)?),
            (None, Some(form), None) => Body::Form(branches(form, names, reader)?),
            (None, None, Some(text)) => Body::Text(template(text, names, reader)?),
            _ => return reader.wrong(&node.place, "one of \"json\", \"form\" and \"text\" is the body, not several"),
        };
        let method = match &written.method {
            None if matches!(body, Body::None) => Method::GET,
            None => Method::POST,
            Some(node) => match reader.text(node)?.as_str() {
                "GET" => Method::GET,
                "POST" => Method::POST,
                "PUT" => Method::PUT,
                _ => return reader.wrong(&node.place, "expected GET, POST or PUT"),
            },
        };
        let query = pairs(written.query.as_ref(), names, reader)?;
        let headers = headers(written.headers.as_ref(), names, reader)?;
        Some(Spoken { method, url, query, headers, body })
    }

    /// The request for these values of a message. The error says what a template can't do with them.
    pub(super) fn ask(
        &self,
        credentials: &Credentials,
        settings: &Settings,
        message: &Map<String, Json>,
    ) -> Result<HttpRequest, String> {
        let [values, shown] = [View::Provider, View::People].map(|view| settings.values(message, view));
        let url = |view, values: &Json| {
            let url = self.url.render(&settings.values_in_url(message, view))?;
            let pairs = [encoded(&credentials.query, values, view)?, encoded(&self.query, values, view)?].concat();
            let joint = if url.contains('?') { '&' } else { '?' };
            Ok::<_, String>(if pairs.is_empty() { url } else { format!("{url}{joint}{}", pairs.join("&")) })
        };
        let mut headers = HeaderMap::new();
        if let Some(authorization) = credentials.authorization(&values)? {
            headers.insert(AUTHORIZATION, value("authorization", &authorization, true)?);
        }
        let (kind, body) = self.body(&values)?;
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, template) in credentials.headers.iter().chain(&self.headers) {
            let text = template.render(&values)?;
            if !text.is_empty() {
                let is_secret = template.render(&shown)? != text;
                headers.insert(name, value(name.as_str(), &text, is_secret)?);
            }
        }
        Ok(HttpRequest {
            method: self.method.clone(),
            url: Secret::new(url(View::Provider, &values)?),
            shown_url: url(View::People, &shown)?,
            headers,
            body,
        })
    }

    /// The body and its type.
    fn body(&self, values: &Json) -> Result<(Option<&'static str>, Vec<u8>), String> {
        Ok(match &self.body {
            Body::None => (None, Vec::new()),
            Body::Json(tree) => {
                let json = tree.fill(values)?.unwrap_or(Json::Null);
                (Some("application/json"), json.to_string().into_bytes())
            }
            Body::Form(fields) => {
                let form = encoded(fields, values, View::Provider)?.join("&");
                (Some("application/x-www-form-urlencoded"), form.into_bytes())
            }
            Body::Text(template) => (Some("text/plain; charset=utf-8"), template.render(values)?.into_bytes()),
        })
    }
}

fn headers(node: Option<&Node>, names: &[&str], reader: &mut Reader<'_>) -> Option<Vec<(HeaderName, Template)>> {
    let mut headers = Vec::new();
    let Some(node) = node else { return Some(headers) };
    for entry in reader.entries(node)? {
        let Ok(name) = entry.key.parse::<HeaderName>() else {
            return reader.wrong(&entry.key_place, "a header can't be called so");
        };
        headers.push((name, template(&entry.value, names, reader)?));
    }
    Some(headers)
}

fn pairs(node: Option<&Node>, names: &[&str], reader: &mut Reader<'_>) -> Option<Vec<(String, Tree)>> {
    node.map_or_else(|| Some(Vec::new()), |node| branches(node, names, reader))
}

/// The pairs of a query or form; those without a value are left out. A mask is not encoded: people read it.
fn encoded(pairs: &[(String, Tree)], values: &Json, view: View) -> Result<Vec<String>, String> {
    let mut encoded = Vec::with_capacity(pairs.len());
    for (key, tree) in pairs {
        let text = tree.fill(values)?.map(|json| scalar(&json).unwrap_or_else(|| json.to_string()));
        encoded.extend(text.map(|text| match view {
            View::People if text.contains("[secret]") => format!("{key}=[secret]"),
            _ => format!("{}={}", encode_value(key.as_bytes()), encode_value(text.as_bytes())),
        }));
    }
    Ok(encoded)
}

fn value(name: &str, text: &str, is_secret: bool) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| format!("the header {name} can't hold what it should"))?;
    value.set_sensitive(is_secret);
    Ok(value)
}
