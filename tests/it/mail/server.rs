//! A stand-in for a mail server: it answers as a script says, as one that likes everything where the script says nothing,
//! and remembers what it heard.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hookbell::tasks::Tasks;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(super) trait Io: AsyncBufRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncBufRead + AsyncWrite + Send + Unpin> Io for T {}

/// What to do at a line.
#[derive(Clone, Debug)]
pub(super) enum Say {
    /// What a server says that likes everything.
    Usual,
    /// This; lines with their ends, but for the last.
    Line(&'static str),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing: the connection stays open.
    Hang,
}

/// By the number of the connection, from 0, and the line: `<greeting>` before the first, `<mail>` after the last dot.
type Script = Arc<dyn Fn(usize, &str) -> Say + Send + Sync>;

/// When it encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encrypts {
    Never,
    ByStartTls,
    AtOnce,
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// Whom to trust for it.
    pub(super) ca: Arc<str>,
    heard: Arc<Mutex<Vec<(usize, String)>>>,
    mails: Arc<Mutex<Vec<String>>>,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
    script: Script,
    encrypts: Encrypts,
    acceptor: TlsAcceptor,
}

impl Server {
    pub(super) async fn open(
        encrypts: Encrypts,
        script: impl Fn(usize, &str) -> Say + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (acceptor, ca) = papers();
        let server = Server {
            address: listener.local_addr().unwrap(),
            ca,
            heard: Arc::default(),
            mails: Arc::default(),
            open: Arc::default(),
            most_open: Arc::default(),
            script: Arc::new(script),
            encrypts,
            acceptor,
        };
        let (tasks, own) = (Tasks::new(), server.clone());
        tasks.clone().spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let server = own.clone();
                tasks.spawn(async move {
                    let open = server.open.fetch_add(1, Ordering::SeqCst) + 1;
                    server.most_open.fetch_max(open, Ordering::SeqCst);
                    // A client that goes away is no fault.
                    server.talk(stream, number).await.ok();
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    /// One that likes everything, and has no TLS.
    pub(super) async fn plain() -> Server {
        Server::open(Encrypts::Never, |_, _| Say::Usual).await
    }

    /// The lines of a connection.
    pub(super) fn heard(&self, connection: usize) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(number, _)| *number == connection).map(|(_, line)| line.clone()).collect()
    }

    /// Lines of all connections that begin so.
    pub(super) fn count(&self, begin: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|(_, line)| line.starts_with(begin)).count()
    }

    /// The mails it took, as they came, dots doubled, in order.
    pub(super) fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    pub(super) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    async fn talk(&self, stream: TcpStream, number: usize) -> std::io::Result<()> {
        let mut io: Box<dyn Io> = Box::new(BufStream::new(stream));
        let mut encrypted = self.encrypts == Encrypts::AtOnce;
        if encrypted {
            io = Box::new(BufStream::new(self.acceptor.accept(io).await?));
        }
        let mut line = "<greeting>".to_owned();
        loop {
            let said = match (self.script)(number, &line) {
                Say::Usual => usual(&line, self.encrypts == Encrypts::ByStartTls && !encrypted).to_owned(),
                Say::Line(said) => said.to_owned(),
                Say::Close => return Ok(()),
                Say::Hang => std::future::pending().await,
            };
            io.write_all(format!("{said}\r\n").as_bytes()).await?;
            io.flush().await?;
            if line == "STARTTLS" && said.starts_with("220") {
                io = Box::new(BufStream::new(self.acceptor.accept(io).await?));
                encrypted = true;
            }
            if said.starts_with("221") || said.starts_with("421") {
                return io.shutdown().await;
            }
            if line == "DATA" && said.starts_with("354") {
                let mail = until(&mut io, "\r\n.\r\n").await?;
                self.mails.lock().unwrap().push(mail);
                line = "<mail>".to_owned();
                continue;
            }
            line = until(&mut io, "\r\n").await?.trim_end().to_owned();
            self.heard.lock().unwrap().push((number, line.clone()));
        }
    }
}

fn usual(line: &str, offers_tls: bool) -> &'static str {
    match line.split_once([' ', ':']).map_or(line, |(word, _)| word) {
        "<greeting>" => "220 fake ESMTP",
        "EHLO" if offers_tls => "250-fake\r\n250-STARTTLS\r\n250 SIZE 1000000",
        "EHLO" => "250-fake\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000000",
        "STARTTLS" => "220 2.0.0 go ahead",
        "AUTH" => "235 2.7.0 welcome",
        "DATA" => "354 go ahead",
        "QUIT" => "221 2.0.0 bye",
        "<mail>" => "250 2.0.0 Ok: queued as 4XyZ",
        _ => "250 2.0.0 Ok",
    }
}

async fn until(io: &mut Box<dyn Io>, end: &str) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        if io.read_until(b'\n', &mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8(bytes).expect("UTF-8"))
}

/// A certificate for `localhost`, which is its own authority.
fn papers() -> (TlsAcceptor, Arc<str>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem().into())
}
