//! HTTP requests to providers.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::Uri;
use ::http::header::{HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use super::answer::{causes, no_answer};
use super::dial::{Dial, Proxies};
use super::trust;
use crate::message::delivery::{Class, SendError};
use crate::provider::{Answer, HttpRequest, Transport};

/// Connections that may stay open while nothing is sent: a lane has few requests under way.
const IDLE_CONNECTIONS: usize = 4;
/// How long they stay. Servers and the address translators on the way close theirs after a minute and more.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Of an answer, so many bytes are kept. A reply has a few hundred; what is told to who asks for news may be a long list.
const ANSWER_BYTES: usize = 1024 * 1024;

/// The longest address that a request may have: the most that the HTTP library takes.
const URL_BYTES: usize = 65_534;

type Plain = legacy::Client<Dial, Watched>;
type Tls = legacy::Client<HttpsConnector<Dial>, Watched>;

/// The HTTP client of one account.
pub(super) struct Client {
    dial: Dial,
    extra_ca: Vec<CertificateDer<'static>>,
    plain: Plain,
    /// Made for the first request that needs it: an account without traffic holds no certificates.
    tls: OnceCell<Tls>,
}

impl Client {
    /// The error says what is wrong with the account's own certificates.
    pub(super) fn new(transport: &Transport, proxies: &Proxies) -> Result<Client, String> {
        let extra_ca = match &transport.extra_ca {
            Some(pem) => trust::certificates(pem)?,
            None => Vec::new(),
        };
        let dial = Dial::new(transport.proxy.as_ref(), proxies);
        let plain = builder().build(dial.clone());
        Ok(Client { dial, extra_ca, plain, tls: OnceCell::new() })
    }

    /// Sends the request and reads the answer, all in `timeout`.
    pub(super) async fn carry(&self, request: HttpRequest, timeout: Duration) -> Result<Answer, SendError> {
        let deadline = Instant::now() + timeout;
        let HttpRequest { method, url, shown_url, headers, body } = request;
        let trip = Trip {
            host: host(&shown_url),
            proxy: None,
            written: Arc::new(AtomicBool::new(false)),
            is_question: body.is_empty(),
        };
        if url.expose().len() > URL_BYTES {
            let detail = format!("the text makes the address at {} longer than {URL_BYTES} bytes", host(&shown_url));
            return Err(no_answer(Class::Content, "url", detail));
        }
        let Ok(url) = url.expose().parse::<Uri>() else {
            return Err(no_answer(Class::Account, "url", format!("{shown_url} is no address that can be called")));
        };
        let trip = Trip { proxy: self.dial.proxy(&url), ..trip };
        let mut request = ::http::Request::new(Watched::new(body, &trip.written));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        let agent = HeaderValue::from_static(concat!("hookbell/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().entry(USER_AGENT).or_insert(agent);
        if let Some(authorization) = self.dial.authorization(&url) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let is_tls = url.scheme_str() == Some("https");
        *request.uri_mut() = url;
        let response = if is_tls {
            let made = self.tls.get_or_try_init(|| tls(self.dial.clone(), self.extra_ca.clone()));
            let tls = match timeout_at(deadline, made).await {
                Ok(made) => made.map_err(|why| no_answer(Class::Account, "tls", why))?,
                Err(_) => return Err(trip.timed_out(timeout)),
            };
            timeout_at(deadline, tls.request(request)).await
        } else {
            timeout_at(deadline, self.plain.request(request)).await
        };
        let response = match response {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(trip.failed(&error)),
            Err(_) => return Err(trip.timed_out(timeout)),
        };
        let (head, mut body) = response.into_parts();
        let (body, whole) = read(&mut body, deadline).await;
        if !whole && head.status.is_success() {
            let detail = format!("{} answered {}, but its answer broke off", trip.host, head.status);
            return Err(no_answer(Class::Unknown, "broken", detail));
        }
        // Of a refusal the status alone says enough.
        Ok(Answer::Http { status: head.status, headers: head.headers, body })
    }
}

/// The client for TLS.
async fn tls(dial: Dial, extra_ca: Vec<CertificateDer<'static>>) -> Result<Tls, String> {
    let config = trust::tls_config(extra_ca).await?;
    Ok(builder().build(HttpsConnector::from((dial, config))))
}

fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_TIME)
        // Whether something is sent again, the outbox decides.
        .retry_canceled_requests(false);
    builder
}

/// The body as far as it comes and is kept, and whether nothing broke off.
async fn read(body: &mut Incoming, deadline: Instant) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES {
        match timeout_at(deadline, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                let room = data.len().min(ANSWER_BYTES - bytes.len());
                bytes.extend_from_slice(data.get(..room).unwrap_or_default());
            }
            Ok(Some(Err(_))) | Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

/// The host of a URL that may be shown.
fn host(shown_url: &str) -> String {
    let rest = shown_url.split_once("://").map_or(shown_url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

/// One request under way, for the words when it fails.
struct Trip {
    host: String,
    proxy: Option<String>,
    written: Arc<AtomicBool>,
    /// It has no body, so that nobody knows whether it was written.
    is_question: bool,
}

impl Trip {
    fn failed(&self, error: &legacy::Error) -> SendError {
        let why = match error.source().map(causes) {
            Some(why) if !why.is_empty() => why,
            _ => error.to_string(),
        };
        if error.is_connect() || !self.written.load(Ordering::Relaxed) {
            return self.unreachable("connect", &why);
        }
        let detail = format!("{} got the request, but no answer came: {why}", self.host);
        no_answer(Class::Unknown, "no answer", detail)
    }

    fn timed_out(&self, timeout: Duration) -> SendError {
        if !self.written.load(Ordering::Relaxed) {
            return self.unreachable("timeout", &format!("no connection within {timeout:?}"));
        }
        let detail = match self.is_question {
            true => format!("no answer came from {} within {timeout:?}; blocked? set \"proxy\"", self.host),
            false => format!("{} got the request, but no answer came within {timeout:?}", self.host),
        };
        no_answer(Class::Unknown, "timeout", detail)
    }

    /// Nothing has left this host.
    fn unreachable(&self, code: &str, why: &str) -> SendError {
        let detail = match &self.proxy {
            Some(proxy) => format!("can't reach {} through the proxy {proxy}: {why}", self.host),
            None => format!("can't reach {}: {why}; blocked? set \"proxy\"", self.host),
        };
        no_answer(Class::Network, code, detail)
    }
}

/// A request's body that notes when it is taken: then the connection stands, and bytes may have left.
struct Watched {
    bytes: Option<Bytes>,
    written: Arc<AtomicBool>,
}

impl Watched {
    fn new(bytes: Vec<u8>, written: &Arc<AtomicBool>) -> Watched {
        // An empty body is never taken, so there is no telling: better to call it written.
        written.store(bytes.is_empty(), Ordering::Relaxed);
        Watched { bytes: Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()), written: written.clone() }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.written.store(true, Ordering::Relaxed);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    }
}
