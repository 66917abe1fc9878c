//! Requests travel: straight, through proxies, over TLS; and when they don't arrive, the class says how far they came.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookbell::dispatch::transport::{Carrier, Proxies};
use hookbell::message::delivery::{Class, SendError};
use hookbell::provider::{Answer, Command, HttpRequest, Request, Transport};
use hookbell::secret::Secret;
use hookbell::tasks::Tasks;
use http::{HeaderMap, Method};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::daemon::kept_port;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-mark: here\r\n\r\nok";

fn transport() -> Transport {
    Transport { timeout: Duration::from_secs(5), proxy: None, extra_ca: None }
}

fn quick() -> Transport {
    Transport { timeout: Duration::from_secs(2), ..transport() }
}

fn by(proxy: String) -> Transport {
    Transport { proxy: Some(proxy.parse().unwrap()), ..transport() }
}

fn post(url: &str) -> Request {
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    Request::Http(HttpRequest {
        method: Method::POST,
        url: Secret::new(url),
        shown_url: format!("{scheme}://{host}/[secret]"),
        headers: HeaderMap::new(),
        body: b"hello".to_vec(),
    })
}

async fn carried(transport: Transport, request: Request) -> Result<Answer, SendError> {
    let outcome = Carrier::through(&transport, &Proxies::default()).unwrap().carry(request).await;
    if let Err(error) = &outcome {
        assert!(!error.detail.contains("s3cret"), "{}", error.detail);
    }
    outcome
}

/// A server that does `talk` with each connection.
async fn server<T>(talk: impl Fn(TcpStream) -> T + Send + 'static) -> SocketAddr
where
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    tasks.clone().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tasks.spawn(talk(stream));
        }
    });
    address
}

/// A server that gives one answer to everything, and passes on what it was asked.
async fn answering(answer: impl Into<String>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let answer = answer.into();
    let address = server(move |mut stream| {
        let (tell, answer) = (tell.clone(), answer.clone());
        async move {
            tell.send(asked(&mut stream).await).ok();
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    (address.await, told)
}

/// The request on a connection, its body of five bytes included.
async fn asked(stream: &mut (impl AsyncRead + Unpin)) -> String {
    until(stream, "\r\n\r\nhello").await
}

async fn until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    text
}

async fn bytes<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

fn text_of(answer: Result<Answer, SendError>) -> String {
    match answer {
        Ok(Answer::Http { status, body, .. }) => format!("{} {}", status.as_u16(), String::from_utf8(body).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let (address, mut told) = answering(OK).await;
    let answer = carried(transport(), post(&format!("http://{address}/a?b=s3cret"))).await;
    let asked = told.recv().await.unwrap().to_lowercase();
    assert!(asked.starts_with("post /a?b=s3cret http/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nuser-agent: hookbell/") && asked.contains("\r\ncontent-length: 5\r\n"), "{asked}");
    let Ok(Answer::Http { headers, .. }) = &answer else { panic!("{answer:?}") };
    assert_eq!(headers["x-mark"], "here");
    assert_eq!(text_of(answer), "200 ok");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_long_answer_is_cut() {
    let (address, _told) = answering("HTTP/1.1 307 Moved\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(text_of(carried(transport(), post(&format!("http://{address}/"))).await), "307 ");
    let (address, _told) = answering(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(2_000_000))).await;
    let text = text_of(carried(transport(), post(&format!("http://{address}/"))).await);
    assert_eq!(text.len(), 4 + 1024 * 1024);
}

#[tokio::test]
async fn without_an_answer_nobody_knows() {
    let hanging = server(async |mut stream| {
        asked(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let closing = server(async |mut stream| drop(asked(&mut stream).await));
    let broken = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok");
    for address in [hanging.await, closing.await, broken.await.0] {
        let error = carried(quick(), post(&format!("http://{address}/s3cret"))).await.unwrap_err();
        assert_eq!(error.class, Class::Unknown, "{error:?}");
        assert!(error.detail.starts_with(&address.to_string()), "{error:?}");
    }
    let refusing = answering("HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\nok").await.0;
    assert_eq!(text_of(carried(quick(), post(&format!("http://{refusing}/"))).await), "503 ok");
}

#[tokio::test]
async fn what_can_not_be_reached_was_not_sent() {
    let (_kept, address) = kept_port();
    let error = carried(quick(), post(&format!("http://{address}/s3cret"))).await.unwrap_err();
    assert_eq!(error.class, Class::Network);
    assert!(error.detail.starts_with(&format!("can't reach {address}: ")), "{error:?}");
    assert!(error.detail.ends_with("(os error 111); blocked? set \"proxy\""), "{error:?}");

    let error = carried(quick(), post("http://nowhere.invalid/s3cret")).await.unwrap_err();
    assert_eq!(error.class, Class::Network, "{error:?}");

    // A proxy that says nothing is a connection that does not come about.
    let silent = server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let transport = Transport { timeout: Duration::from_millis(300), ..by(format!("socks5://{}", silent.await)) };
    let error = carried(transport, post("http://far.example/s3cret")).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (Class::Network, "timeout"), "{error:?}");
}

#[tokio::test]
async fn an_http_proxy_is_told_the_whole_url() {
    let (proxy, mut told) = answering(OK).await;
    let answer = carried(by(format!("http://u:p%40@{proxy}")), post("http://far.example/s3cret")).await;
    assert_eq!(text_of(answer), "200 ok");
    let asked = told.recv().await.unwrap();
    assert!(asked.starts_with("POST http://far.example/s3cret HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nproxy-authorization: Basic dTpwQA==\r\n"), "{asked}");
}

#[tokio::test]
async fn a_socks_proxy_is_told_the_host() {
    let proxy = server(async |mut stream| {
        assert_eq!(bytes(&mut stream).await, [5, 1, 2]);
        stream.write_all(&[5, 2]).await.unwrap();
        assert_eq!(&bytes::<5>(&mut stream).await, b"\x01\x01u\x01p");
        stream.write_all(&[1, 0]).await.unwrap();
        assert_eq!(&bytes::<18>(&mut stream).await, b"\x05\x01\x00\x03\x0bfar.example\x00\x50");
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await.unwrap();
        let asked = asked(&mut stream).await;
        assert!(
            asked.starts_with("POST /s3cret HTTP/1.1\r\n") && asked.contains("\r\nhost: far.example\r\n"),
            "{asked}"
        );
        stream.write_all(OK.as_bytes()).await.unwrap();
    });
    let answer = carried(by(format!("socks5://u:p@{}", proxy.await)), post("http://far.example/s3cret")).await;
    assert_eq!(text_of(answer), "200 ok");
}

#[tokio::test]
async fn the_surroundings_proxies_hold_where_the_account_has_none() {
    let (near, _told) = answering(OK).await;
    let (proxy, mut through) = answering(OK.replace("ok", "px")).await;
    let surroundings = |none: &str| Proxies { all: format!("http://{proxy}"), none: none.into(), ..Proxies::default() };
    for (none, answer) in [("", "200 px"), ("far.example", "200 px"), ("127.0.0.0/8", "200 ok"), ("*", "200 ok")] {
        let carrier = Carrier::through(&transport(), &surroundings(none)).unwrap();
        assert_eq!(text_of(carrier.carry(post(&format!("http://{near}/"))).await), answer, "NO_PROXY={none}");
    }
    assert!(through.recv().await.is_some());
    let surroundings = Proxies { https: "http://u:s3cret@127.0.0.1:1".into(), ..Proxies::default() };
    let carrier = Carrier::through(&transport(), &surroundings).unwrap();
    let error = carrier.carry(post("https://far.example/s3cret")).await.unwrap_err();
    assert_eq!(error.class, Class::Network);
    let words = "can't reach far.example through the proxy 127.0.0.1:1: ";
    assert!(error.detail.starts_with(words) && !error.detail.contains("s3cret"), "{error:?}");
}

/// A server with TLS for `localhost`, and the certificate to trust for it.
async fn tls_server() -> (SocketAddr, Arc<str>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                answer_one(&mut stream).await;
            }
        }
    });
    (address.await, made.cert.pem().into())
}

async fn answer_one(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    asked(stream).await;
    stream.write_all(OK.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn tls_goes_straight_and_through_a_tunnel_to_whom_the_account_trusts() {
    let (near, ca) = tls_server().await;
    let proxy = server(move |mut stream| async move {
        let asked = until(&mut stream, "\r\n\r\n").await;
        assert!(asked.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", near.port())), "{asked}");
        assert!(asked.contains("\r\nProxy-Authorization: Basic dTpw\r\n"), "{asked}");
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        copy_bidirectional(&mut stream, &mut TcpStream::connect(near).await.unwrap()).await.ok();
    });
    let url = format!("https://localhost:{}/s3cret", near.port());
    let tunnel = by(format!("http://u:p@{}", proxy.await));
    for transport in [transport(), tunnel] {
        let trusting = Transport { extra_ca: Some(ca.clone()), ..transport.clone() };
        assert_eq!(text_of(carried(trusting, post(&url)).await), "200 ok");
        let error = carried(transport, post(&url)).await.unwrap_err();
        assert_eq!(error.class, Class::Network);
        assert!(error.detail.contains("TLS: invalid peer certificate: UnknownIssuer"), "{error:?}");
    }
}

#[test]
fn a_bad_certificate_is_told_before_anything_is_sent() {
    for bad in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n"] {
        let transport = Transport { extra_ca: Some(bad.into()), ..transport() };
        let error = Carrier::through(&transport, &Proxies::default()).err().unwrap();
        assert!(error.starts_with("ca-file: "), "{error}");
    }
}

fn program(argv: &[&str]) -> Request {
    Request::Exec(Command { argv: argv.iter().map(ToString::to_string).collect(), stdin: b"read".to_vec() })
}

#[tokio::test]
async fn a_program_is_run_without_a_shell() {
    let answer = carried(transport(), program(&["sh", "-c", "cat; echo \" $1\"; exit 3", "-", "$HOME"])).await;
    let Ok(Answer::Exec { code, output }) = answer else { panic!("{answer:?}") };
    assert_eq!((code, output.as_str()), (Some(3), "read $HOME\n"));
    for (argv, class) in [
        (["no-such-program", ""], Class::Account),
        (["/etc/passwd", ""], Class::Account),
        (["echo", "a\0b"], Class::Content),
        (["sleep", "60"], Class::Unknown),
    ] {
        let begun = Instant::now();
        assert_eq!(carried(quick(), program(&argv)).await.unwrap_err().class, class, "{argv:?}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_bell_always_rings_somewhere() {
    let request = Request::Print { terminal: "ring".to_owned(), line: "ring".to_owned() };
    assert!(matches!(carried(transport(), request).await, Ok(Answer::Printed)));
}
