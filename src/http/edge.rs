//! Connections are accepted, kept within limits, and ended gracefully.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::complaint::{Complaint, Complaints};
use super::first_line::MAX_URI;
use super::listener::{Accepted, Listener};
use super::stall::Unstalled;
use super::stream::{Notes, Stream};
use super::tls::handshake::{Begun, TO_PLAIN_HTTP, Tls};
use super::{Body, Limits, Peer, Respond, host};
use crate::tasks::Tasks;

/// The largest request line and headers together. Twice `MAX_URI`, so that a target of the permitted length leaves
/// room for every header that proxies and browsers add.
const MAX_HEAD: usize = 2 * MAX_URI;

/// How long accepting rests when the process or the system has no descriptor or memory left: long enough for some
/// connection to end, short enough that nobody notices.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long whoever has connected has to ask, when the house closes just then. A service manager that holds the socket
/// promises its callers that none is lost by a restart; most ask at once, and browsers' spare connections never.
const LAST_CALL: Duration = Duration::from_secs(2);

/// What a caller with an over-long URL is told to do instead.
const URI_TOO_LONG: &str = "The URL is too long. Send the text in the body instead: curl --data-urlencode msg@- URL\n";

/// What the log advises where a URL could not be parsed.
const ENCODE_HINT: &str =
    "characters like \" < > and blanks must be percent-encoded: curl -G --data-urlencode msg=TEXT URL";

/// Accepts connections and has them answered until `tasks` is told to stop; no error ends it before. Its connections are
/// tasks of the same family: on the stop idle ones close, busy ones finish the request they are at, and new ones may ask.
pub async fn serve(listener: Listener, respond: impl Respond, limits: Limits, tasks: Tasks) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut full = Complaint::default();
    let mut exhausted = Complaint::default();
    let nonsense = Arc::new(Complaints::default());
    let mut stopping = pin!(tasks.stopping());
    loop {
        if permits.available_permits() == 0
            && let Some(times) = full.due()
        {
            let limit = limits.connections;
            tracing::warn!(limit, times, "every permitted connection is in use: further callers wait");
        }
        let accepted = async {
            // Closed never, so the error can't happen; without a permit there would only be no limit.
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = &mut stopping => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                let connection = Connection {
                    peer,
                    limits: limits.clone(),
                    nonsense: Arc::clone(&nonsense),
                    tasks: tasks.clone(),
                    since: Instant::now(),
                };
                let (tls, respond) = (listener.tls().cloned(), respond.clone());
                let place = (permit, listener.connections().begin());
                match socket {
                    Accepted::Tcp(socket) => tasks.spawn(async move {
                        connection.receive(socket, tls, respond).await;
                        drop(place);
                    }),
                    Accepted::Unix(socket) => tasks.spawn(async move {
                        connection.receive(socket, tls, respond).await;
                        drop(place);
                    }),
                }
            }
            Err(error) if is_of_one_connection(&error) => tracing::debug!(%error, "a connection ended before it began"),
            Err(error) => {
                if let Some(times) = exhausted.due() {
                    tracing::error!(%error, times, "connections can't be accepted; trying on");
                }
                tokio::select! { () = &mut stopping => return, () = sleep(ACCEPT_PAUSE) => {} }
            }
        }
    }
}

/// Whether an error of `accept` is the fate of a single connection, so that the next one can be taken at once. accept(2)
/// hands on what befell the connection while it waited. All else (no descriptors, no memory) lasts a while.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::ConnectionRefused
            | Kind::Interrupted
            | Kind::TimedOut
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
    )
}

/// One connection, whatever its socket is: TLS is a socket too.
struct Connection {
    peer: Peer,
    limits: Limits,
    /// Who says something else than TLS where it is spoken.
    nonsense: Arc<Complaints>,
    tasks: Tasks,
    since: Instant,
}

impl Connection {
    /// From the first byte to the last, through TLS where the listener has it.
    async fn receive(
        self,
        socket: impl AsyncRead + AsyncWrite + Unpin + Send,
        tls: Option<Tls>,
        respond: impl Respond,
    ) {
        let socket = Unstalled::new(socket, self.limits.stall);
        match tls {
            None => self.carry(socket, respond).await,
            Some(tls) => match self.begin(socket, &tls).await {
                Some(Begun::Tls(socket)) => self.carry(socket, respond).await,
                Some(Begun::Other(first, socket)) => self.refuse_plain(first, socket).await,
                None => {}
            },
        }
    }

    /// The beginning of a connection with TLS; `None` where it came to nothing, or the house is closing.
    async fn begin<S: AsyncRead + AsyncWrite + Unpin>(&self, socket: S, tls: &Tls) -> Option<Begun<S>> {
        let peer = &self.peer.shown;
        let begun = tokio::select! {
            biased;
            () = last_call(&self.tasks, self.since) => return None,
            begun = timeout(self.limits.handshake, tls.begin(socket)) => begun,
        };
        let trouble = match begun {
            Ok(Ok(begun)) => return Some(begun),
            // Whoever only looks whether the port is open leaves without a word.
            Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                tracing::debug!(peer, "a client left before the TLS handshake was done");
                return None;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("it took longer than {:?}", self.limits.handshake),
        };
        self.complain(&format!("TLS handshake error: {trouble}"));
        None
    }

    /// Tells of a client that never came to a request. Scanners make such connections by the thousand: a line a while
    /// for each of them, and all of them with `-verbose`.
    fn complain(&self, what: &str) {
        let peer = &self.peer.shown;
        match self.nonsense.due(self.peer.ip) {
            Some(times) => tracing::warn!(peer, times, "{what}"),
            None => tracing::debug!(peer, "{what}"),
        }
    }

    /// A client that speaks something else where TLS is spoken: if that is HTTP it is told so.
    async fn refuse_plain(&self, first: u8, socket: impl AsyncRead + AsyncWrite + Unpin) {
        self.complain("a client speaks no TLS on a port with it: its URL must begin with https://");
        if !first.is_ascii_alphabetic() {
            return;
        }
        // It closes as the stream of a connection does: what is unread must not overtake the answer as a reset.
        let mut stream = Stream::new(socket, Arc::new(Notes::new()));
        let answer = async {
            if stream.read(&mut [0; 512]).await? > 0 {
                stream.write_all(TO_PLAIN_HTTP).await?;
            }
            stream.shutdown().await
        };
        tokio::select! {
            // Gone already, or nobody takes it: there is no more to do.
            _gone = answer => {}
            () = self.tasks.stopping() => {}
        }
    }

    async fn carry(self, socket: impl AsyncRead + AsyncWrite + Unpin + Send, respond: impl Respond) {
        let Connection { peer, limits, tasks, since, .. } = self;
        let notes = Arc::new(Notes::new());
        let stream = Stream::new(socket, Arc::clone(&notes));
        let service = service_fn(|request| answer(request, &respond, &peer, &notes));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            // `max_headers` stays at its 100: any other number costs an allocation a request.
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_HEAD)
            // A client that has sent all it will, and says so, still wants its answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = closing(&tasks, since, &notes) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            report(&error, &peer, &notes);
        }
    }
}

/// Resolves when the house closes, and whoever came just before that has had time to begin.
async fn last_call(tasks: &Tasks, since: Instant) {
    tasks.stopping().await;
    sleep_until(since + LAST_CALL).await;
}

/// The same, but at once where a request has begun: it is finished in any case. The library ends a connection without one
/// unread, whatever has arrived meanwhile.
async fn closing(tasks: &Tasks, since: Instant, notes: &Notes) {
    tasks.stopping().await;
    if !notes.has_begun() {
        notes.close();
        last_call(tasks, since).await;
    }
}

/// One request: refused here if its target is too long, else answered by `respond`.
async fn answer(
    request: Request<Incoming>,
    respond: &impl Respond,
    peer: &Peer,
    notes: &Arc<Notes>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, incoming) = request.into_parts();
    let is_cut = notes.begin();
    let body = Body::new(incoming, Arc::clone(notes));
    let mut response = if let Some(why) = host::fault(&parts.method, parts.version, &parts.headers) {
        tracing::warn!(peer = %peer.shown, "refused: {why}");
        notes.close();
        plain(StatusCode::BAD_REQUEST, why)
    } else if is_cut || length(&parts.uri) > MAX_URI {
        tracing::warn!(peer = %peer.shown, limit = MAX_URI, "the URL is too long (414): its text belongs into the body");
        drop(body);
        uri_too_long()
    } else {
        respond.respond(&parts, body, peer).await
    };
    if notes.must_close() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// The answer to a request whose target is longer than `MAX_URI`.
pub fn uri_too_long() -> Response<Full<Bytes>> {
    plain(StatusCode::URI_TOO_LONG, URI_TOO_LONG)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// The length of a request target as it was sent.
fn length(uri: &Uri) -> usize {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    scheme + authority + uri.path_and_query().map_or(0, |target| target.as_str().len())
}

/// Logs why a connection ended badly. What the parser refused has been answered by it (400, 414 or 431) and is seen
/// nowhere else; the rest is a client that went away.
fn report(error: &hyper::Error, peer: &Peer, notes: &Notes) {
    let peer = &peer.shown;
    if notes.is_tls() {
        tracing::warn!(peer, "a client speaks TLS on a port without it: its URL must begin with http://");
    } else if error.is_parse() {
        let reason = error.to_string();
        // The library has no question for this one; a test notices if it changes its words.
        // A raw blank ends the URL, and what follows is taken for the version.
        let is_about_url = reason.contains("URI") || reason.contains("version");
        if is_about_url && !error.is_parse_too_large() {
            tracing::warn!(peer, reason, hint = ENCODE_HINT, "a request was refused (400)");
        } else if reason.contains("URI") {
            tracing::warn!(peer, reason, hint = URI_TOO_LONG.trim_end(), "a request was refused (414)");
        } else if error.is_parse_too_large() {
            tracing::warn!(peer, reason, limit = MAX_HEAD, "a request was refused (431)");
        } else {
            tracing::warn!(peer, reason, "a request was refused (400)");
        }
    } else {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::debug!(peer, reason = %error, cause, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_makes_accepting_pause() {
        // ECONNABORTED, EINTR: the connection's own; EMFILE, ENFILE, ENOBUFS, ENOMEM: everybody's.
        for (errno, own) in [(103, true), (4, true), (24, false), (23, false), (105, false), (12, false)] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(is_of_one_connection(&error), own, "{error}");
        }
    }
}
