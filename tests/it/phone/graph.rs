//! A stand-in for Meta's Graph API, and for Telegram's Bot API: it answers as a script says, remembers what it was
//! asked, and notes what must never happen.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hookbell::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::daemon::PATIENCE;

/// How long a call may seem to overlap its predecessor, whose end may be told by a socket that nobody has looked at yet.
const GRACE: Duration = Duration::from_secs(2);

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// 200, with a message id of the provider's own shape.
    Taken,
    /// The same with Meta's `message_status`.
    Status(&'static str),
    /// One of Meta's errors: HTTP status and code.
    Fault(u16, i64),
    /// Anything else: status, further headers (each with its line end), body.
    Raw(u16, &'static str, String),
    /// This, after a time.
    After(Duration, Box<Reply>),
    /// Nothing at all: the connection stays open.
    Hang,
    /// The request is read, then the connection is reset.
    Reset,
}

impl Reply {
    pub(crate) fn after(milliseconds: u64, reply: Reply) -> Reply {
        Reply::After(Duration::from_millis(milliseconds), Box::new(reply))
    }

    /// One of Telegram's errors.
    pub(crate) fn telegram(code: u16, description: &str, parameters: Value) -> Reply {
        let body = json!({ "ok": false, "error_code": code, "description": description, "parameters": parameters });
        Reply::Raw(code, "", body.to_string())
    }

    /// Whether a phone may have rung.
    fn rings(&self) -> bool {
        match self {
            Reply::Taken | Reply::Hang | Reply::Reset => true,
            Reply::Status(word) => *word != "paused",
            Reply::Fault(..) => false,
            Reply::Raw(status, ..) => *status == 200,
            Reply::After(_, reply) => reply.rings(),
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    /// Lines as they came, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) at: Instant,
    /// When it was answered, or its connection ended.
    pub(crate) ended: Option<Instant>,
    /// Not refused in so many words.
    pub(crate) rang: bool,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let value = found.next().map_or("", |(_, value)| value);
        assert!(found.next().is_none(), "{name} stands twice");
        value
    }

    /// The number, or the chat.
    pub(crate) fn to(&self) -> String {
        let to = if self.body["to"].is_null() { &self.body["chat_id"] } else { &self.body["to"] };
        to.as_str().map_or_else(|| to.to_string(), str::to_owned)
    }

    /// What people read.
    pub(crate) fn text(&self) -> &str {
        let places = ["/text/body", "/template/components/0/parameters/0/text", "/text"];
        places.iter().find_map(|place| self.body.pointer(place)?.as_str()).unwrap_or_default()
    }

    /// Message and delivery, as hookbell names them to Meta.
    pub(crate) fn key(&self) -> &str {
        self.body["biz_opaque_callback_data"].as_str().unwrap_or_default()
    }
}

/// Chooses the answer to a call, which had so many earlier ones with the same path, recipient and text.
type Script = Arc<dyn Fn(&Call, usize) -> Reply + Send + Sync>;

#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    under_way: BTreeSet<usize>,
    /// How often each text came to whom, by path.
    times: HashMap<(String, String, String), usize>,
    wrong: Vec<String>,
}

/// The server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Graph {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    book: Arc<Mutex<Book>>,
    /// So many of the next connections are reset unread.
    deaf: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Graph {
    pub(crate) async fn open(script: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static) -> Graph {
        Graph::open_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    pub(crate) async fn open_at(
        address: SocketAddr,
        script: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static,
    ) -> Graph {
        let listener = TcpListener::bind(address).await.unwrap();
        let graph = Graph {
            address: listener.local_addr().unwrap(),
            script: Arc::new(Mutex::new(Arc::new(script))),
            book: Arc::default(),
            deaf: Arc::default(),
            connections: Arc::default(),
        };
        let (tasks, serving) = (Tasks::new(), graph.clone());
        tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let less = |left: usize| left.checked_sub(1);
                if serving.deaf.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
                    reset(stream);
                } else {
                    tasks.spawn(serving.clone().serve(stream));
                }
            }
        });
        graph
    }

    /// For `base-url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on another script.
    pub(crate) fn script(&self, script: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// Resets so many of the next connections before anything is read.
    pub(crate) fn be_deaf(&self, times: usize) {
        self.deaf.fetch_add(times, Ordering::Relaxed);
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.book.lock().unwrap().calls.clone()
    }

    /// The calls for one number or chat.
    pub(crate) fn calls_to(&self, to: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.to() == to).collect()
    }

    /// Waits until `done` likes the calls, and yields them.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let calls = self.calls();
            if done(&calls) {
                return calls;
            }
            assert!(Instant::now() < deadline, "still not {what}: {calls:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// No delivery was under way twice, and no address had two.
    pub(crate) fn assert_orderly(&self) {
        let wrong = &self.book.lock().unwrap().wrong;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        while let Some(call) = request(&mut stream, &mut read).await {
            let (number, mut reply) = self.begin(call).await;
            if let Reply::After(time, later) = reply {
                tokio::select! {
                    _ = stream.read_u8() => return self.end(number),
                    () = tokio::time::sleep(time) => reply = *later,
                }
            }
            let answer = match reply {
                Reply::Hang => {
                    stream.read_u8().await.ok();
                    return self.end(number);
                }
                Reply::Reset => {
                    self.end(number);
                    return reset(stream);
                }
                reply => self.written(number, &reply),
            };
            // Before the answer: the next call may come right behind it.
            self.end(number);
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// Writes a call down, and chooses the answer.
    async fn begin(&self, mut call: Call) -> (usize, Reply) {
        let came = Instant::now();
        loop {
            {
                let mut book = self.book.lock().unwrap();
                let (to, key) = (call.to(), call.key().to_owned());
                let twice = |other: &&usize| {
                    let other = &book.calls[**other];
                    (other.path == call.path && other.to() == to) || (!key.is_empty() && other.key() == key)
                };
                let other = book.under_way.iter().find(twice).copied();
                if other.is_none() || came.elapsed() > GRACE {
                    if let Some(other) = other {
                        let words =
                            format!("`{}` was begun before `{}` was answered", call.text(), book.calls[other].text());
                        book.wrong.push(words);
                    }
                    let same = (call.path.clone(), to, call.text().to_owned());
                    let times = book.times.entry(same).or_default();
                    let earlier = *times;
                    *times += 1;
                    let reply = self.script.lock().unwrap()(&call, earlier);
                    (call.at, call.rang) = (Instant::now(), reply.rings());
                    let number = book.calls.len();
                    book.calls.push(call);
                    book.under_way.insert(number);
                    return (number, reply);
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn end(&self, number: usize) {
        let mut book = self.book.lock().unwrap();
        book.calls[number].ended = Some(Instant::now());
        book.under_way.remove(&number);
    }

    fn written(&self, number: usize, reply: &Reply) -> String {
        let call = self.book.lock().unwrap().calls[number].clone();
        let (status, headers, body) = match reply {
            Reply::Taken if call.path.starts_with("/bot") => {
                let chat = json!({ "id": call.body["chat_id"], "type": "private" });
                let result =
                    json!({ "message_id": number + 1, "date": 1_795_216_500, "chat": chat, "text": call.text() });
                (200, "", json!({ "ok": true, "result": result }).to_string())
            }
            Reply::Taken => (200, "", taken(&call, number, None)),
            Reply::Status(word) => (200, "", taken(&call, number, Some(word))),
            Reply::Fault(status, code) => (*status, "", fault(*code)),
            Reply::Raw(status, headers, body) => (*status, *headers, body.clone()),
            Reply::After(..) | Reply::Hang | Reply::Reset => unreachable!("these have no answer"),
        };
        format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json; charset=UTF-8\r\nfacebook-api-version: v23.0\r\n\
             x-fb-trace-id: A1\r\n{headers}Content-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}",
            body.len()
        )
    }
}

fn taken(call: &Call, number: usize, status: Option<&str>) -> String {
    let mut message = json!({ "id": format!("wamid.HBgL{number:08}") });
    if let Some(status) = status {
        message["message_status"] = json!(status);
    }
    let contact = json!({ "input": call.to(), "wa_id": call.to() });
    json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] }).to_string()
}

fn fault(code: i64) -> String {
    let data = json!({ "messaging_product": "whatsapp", "details": "as the test wants it" });
    let message = format!("(#{code}) refused");
    let error =
        json!({ "message": message, "type": "OAuthException", "code": code, "error_data": data, "fbtrace_id": "A1" });
    json!({ "error": error }).to_string()
}

/// Ends a connection the hard way: with RST.
pub(super) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

/// The next request on a connection, or its end.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Call> {
    let head = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(read.drain(..end + 4).collect()).unwrap();
        }
        more(stream, read).await?;
    };
    let mut lines = head.trim_end().split("\r\n");
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    assert!(first.len() == 3 && first[2] == "HTTP/1.1", "{first:?}");
    let is_question = first[0] == "GET";
    assert!(is_question || first[0] == "POST", "{first:?}");
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let path = first[1].to_owned();
    let mut call = Call { path, headers, body: Value::Null, at: Instant::now(), ended: None, rang: false };
    if is_question {
        return Some(call);
    }
    let length: usize = call.header("content-length").parse().unwrap();
    while read.len() < length {
        more(stream, read).await?;
    }
    let body: Vec<u8> = read.drain(..length).collect();
    call.body = serde_json::from_slice(&body).unwrap();
    Some(call)
}

async fn more(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(read).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}
