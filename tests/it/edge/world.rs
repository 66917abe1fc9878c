//! A server at the edge with an answerer of many moods, its log, and a client that writes bytes.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookbell::http::edge::serve;
use hookbell::http::listener::Listener;
use hookbell::http::{Body, BodyFault, Limits, Peer, Respond};
use hookbell::tasks::Tasks;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Long enough for a busy machine, short enough for a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Default)]
pub(crate) struct Moods {
    /// Rings when a request to `/gate` has arrived.
    pub(crate) arrived: Arc<Notify>,
    /// Lets it go on.
    pub(crate) gate: Arc<Notify>,
}

impl Respond for Moods {
    async fn respond(&self, parts: &Parts, body: Body, peer: &Peer) -> Response<Full<Bytes>> {
        let target = parts.uri.path_and_query().unwrap().as_str().to_owned();
        let text = match parts.uri.path() {
            "/peer" => peer.shown.clone(),
            "/big" => "x".repeat(64 << 20),
            "/gate" => {
                self.arrived.notify_one();
                self.gate.notified().await;
                "through".to_owned()
            }
            "/read" => match body.read(1000, Duration::from_secs(2)).await {
                Ok(bytes) => format!("{} bytes", bytes.len()),
                Err(fault) => {
                    let mut response = Response::new(Full::from(fault.to_string()));
                    *response.status_mut() = match fault {
                        BodyFault::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                        BodyFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
                        BodyFault::Crowded | BodyFault::Cut => StatusCode::BAD_REQUEST,
                    };
                    return response;
                }
            },
            _ => target,
        };
        Response::new(Full::from(text))
    }
}

pub(crate) struct House {
    pub(crate) address: String,
    pub(crate) tasks: Tasks,
    pub(crate) moods: Moods,
    log: Log,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl House {
    pub(crate) async fn open() -> House {
        House::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> House {
        House::on(Listener::bind_tcp("127.0.0.1", 0).await.unwrap(), limits)
    }

    pub(crate) fn on(listener: Listener, limits: Limits) -> House {
        let (tasks, moods, log) = (Tasks::new(), Moods::default(), Log::default());
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let address = listener.local_address().to_owned();
        tasks.spawn(serve(listener, moods.clone(), limits, tasks.clone()));
        House { address, tasks, moods, log, _subscriber: guard }
    }

    pub(crate) async fn client(&self) -> Client {
        Client(TcpStream::connect(&self.address).await.unwrap())
    }

    /// Sends `bytes` on a connection of their own and reads to its end.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.client().await;
        client.send(bytes).await;
        client.rest().await
    }

    /// Waits for a line of the log that holds all `words`.
    pub(crate) async fn logged(&self, words: &[&str]) -> String {
        let found = async {
            loop {
                let text = String::from_utf8_lossy(&self.log.0.lock().unwrap()).into_owned();
                if let Some(line) = text.lines().find(|line| words.iter().all(|word| line.contains(word))) {
                    return line.to_owned();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("{words:?} not in:\n{}", String::from_utf8_lossy(&self.log.0.lock().unwrap())))
    }

    /// Stops, and tells how long that took.
    pub(crate) async fn stop(&self) -> Duration {
        let start = tokio::time::Instant::now();
        self.tasks.stop();
        tokio::time::timeout(PATIENCE, self.tasks.ended()).await.expect("something does not end");
        start.elapsed()
    }
}

pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer: its head and as many bytes as it announces.
    pub(crate) async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() == length.parse::<usize>().unwrap() {
                    return text;
                }
            }
            let byte = tokio::time::timeout(PATIENCE, self.0.read_u8()).await;
            read.push(byte.expect("no answer").unwrap_or_else(|error| panic!("{error} after {text}")));
        }
    }

    /// All that still comes until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let end = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut read)).await.expect("not closed");
        end.unwrap();
        String::from_utf8_lossy(&read).into_owned()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
