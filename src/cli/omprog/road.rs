//! How a line gets to its hook: through the control socket, or by HTTP.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::cli::control::{self, Asked};
use crate::cli::flags::callers::OmprogArgs;
use crate::dispatch::transport::Carrier;
use crate::provider::{Answer, HttpRequest, Request, Transport};
use crate::secret::Secret;
use crate::url::{encode_segment, encode_value};

/// How long an answer may take: a daemon whose disk fails it sends straight from memory, and that takes what a provider
/// takes. rsyslog must wait for longer (`confirmTimeout`).
const PATIENCE: Duration = Duration::from_secs(40);

/// What both roads say of the body.
const FORM: &str = "application/x-www-form-urlencoded";

/// Why a line did not become a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// Its key was used for another text.
    KeyReused,
    /// For this reason. It is worth trying again.
    For(String),
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missed::KeyReused => f.write_str("the key of this line was used for another"),
            Missed::For(why) => f.write_str(why),
        }
    }
}

/// Why a URL can't be called.
pub(super) fn check(url: &str) -> Result<(), String> {
    let read = url.parse::<Uri>().ok();
    match read.filter(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()) {
        Some(_) => Ok(()),
        None => Err(format!("{url:?} is no address of a hook: write http://HOST:9000/hooks/ID")),
    }
}

/// The way to a hook.
pub(super) enum Road {
    /// The daemon of this host.
    Control {
        /// Method and path.
        request: String,
        /// The hook's name.
        hook: String,
        state_dir: Option<OsString>,
    },
    /// Any daemon.
    Http { url: String, token_file: Option<OsString>, carrier: Box<Carrier>, runtime: Runtime },
}

impl Road {
    /// The one that the flags name. Nothing is connected yet.
    ///
    /// # Errors
    /// Certificates of its own can't be used.
    pub(super) fn open(args: &OmprogArgs) -> anyhow::Result<Road> {
        let Some(url) = args.url.clone() else {
            let hook = args.hook.clone().unwrap_or_default();
            let request = format!("POST /api/v1/hooks/{}", encode_segment(&hook));
            return Ok(Road::Control { request, hook, state_dir: args.state_dir.clone() });
        };
        let read =
            |file: &Path| std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()));
        let extra_ca = args.ca_file.as_ref().map(|file| read(Path::new(file))).transpose()?.map(Into::into);
        let carrier =
            Carrier::new(&Transport { timeout: PATIENCE, proxy: None, extra_ca }).map_err(anyhow::Error::msg)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Road::Http { url, token_file: args.token_file.clone(), carrier: Box::new(carrier), runtime })
    }

    /// Brings a line to the hook. When this is `Ok` it is stored.
    pub(super) fn carry(&self, line: &[u8], key: &str) -> Result<(), Missed> {
        let body = format!("msg={}", encode_value(line));
        match self {
            Road::Control { request, hook, state_dir } => {
                let headers = format!("Content-Type: {FORM}\r\nAccept: application/json\r\nIdempotency-Key: {key}\r\n");
                match control::call(state_dir.as_ref(), request, &headers, body.as_bytes(), PATIENCE) {
                    Ok(Asked::Answered(404, _)) => Err(Missed::For(format!("no hook is called {hook:?}"))),
                    Ok(Asked::Answered(status, answer)) => judge(status, &answer),
                    Ok(Asked::NoDaemon(why)) => Err(Missed::For(why)),
                    Err(why) => Err(Missed::For(format!("{why:#}"))),
                }
            }
            Road::Http { url, token_file, carrier, runtime } => {
                let headers = headers(token_file.as_ref(), key).map_err(Missed::For)?;
                let body = body.into_bytes();
                let url = (Secret::new(url.as_str()), masked(url));
                let request = HttpRequest { method: Method::POST, url: url.0, shown_url: url.1, headers, body };
                match runtime.block_on(carrier.carry(Request::Http(request))) {
                    Ok(Answer::Http { status, body, .. }) => {
                        judge(status.as_u16(), &serde_json::from_slice(&body).unwrap_or_default())
                    }
                    Ok(_) => Err(Missed::For("no answer".to_owned())),
                    Err(why) => Err(Missed::For(why.detail)),
                }
            }
        }
    }
}

/// Without what a query may hold: a token.
fn masked(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

/// What goes with a line. The token is read anew: who mends it need not restart rsyslog.
fn headers(token_file: Option<&OsString>, key: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Hours may pass to the next line: what is kept open till then is closed by others.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.extend(HeaderValue::from_str(key).ok().map(|key| (http::HeaderName::from_static("idempotency-key"), key)));
    if let Some(file) = token_file {
        let shown = Path::new(file).display();
        let token = std::fs::read_to_string(file).map_err(|why| format!("can't read {shown}: {why}"))?;
        let token = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
        let mut token = token.map_err(|_| format!("{shown} holds no token: it must be one line of ASCII"))?;
        token.set_sensitive(true);
        headers.insert(AUTHORIZATION, token);
    }
    Ok(headers)
}

/// What an answer says: any 2xx means that nobody need bring the line again.
fn judge(status: u16, answer: &Value) -> Result<(), Missed> {
    match (status, answer["error"].as_str()) {
        (200..=299, _) => Ok(()),
        (422, _) => Err(Missed::KeyReused),
        (_, Some(why)) => Err(Missed::For(format!("hookbell answered {status}: {why}"))),
        (_, None) => Err(Missed::For(format!("hookbell answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_http_is_called() {
        for (url, fine) in [
            ("http://bell:9000/hooks/rsyslog", true),
            ("https://bell.example.org/hooks/rsyslog?a=b", true),
            ("bell:9000/hooks/rsyslog", false),
            ("ftp://bell/x", false),
            ("/hooks/rsyslog", false),
            ("", false),
        ] {
            assert_eq!(check(url).is_ok(), fine, "{url}");
        }
        assert_eq!(masked("https://bell/hooks/a?token=s3cret"), "https://bell/hooks/a");
    }

    #[test]
    fn an_answer_is_told_in_its_own_words() {
        let said = |status, body: &str| judge(status, &serde_json::from_str(body).unwrap_or_default());
        let missed = |why: &str| Err(Missed::For(why.to_owned()));
        assert_eq!(said(202, "{\"id\": \"0\"}"), Ok(()));
        assert_eq!(said(200, "Hook rules were not satisfied."), Ok(()));
        assert_eq!(said(503, "{\"error\": \"try again\"}"), missed("hookbell answered 503: try again"));
        assert_eq!(said(404, "Hook not found."), missed("hookbell answered 404"));
        assert_eq!(said(422, ""), Err(Missed::KeyReused));
    }
}
