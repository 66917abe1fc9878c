//! The beginning of a connection: who is slow there holds nobody else, and not for ever.

use std::time::Duration;

use hookbell::http::Limits;
use hookbell::http::listener::Listener;
use hookbell::http::tls::certificate::CertificateFiles;
use hookbell::http::tls::handshake::Tls;
use hookbell::http::tls::policy::Policy;

use super::papers::Authority;
use crate::daemon::Home;
use crate::edge::world::House;

async fn house(limits: Limits) -> House {
    let home = Home::new();
    Authority::new("one").issue(&home);
    let files = CertificateFiles { cert: home.path("cert.pem"), key: home.path("key.pem") };
    let (tls, _keeper) = Tls::open(files, &Policy::default()).unwrap();
    House::on(Listener::bind_tcp("127.0.0.1", 0).await.unwrap().with_tls(tls), limits)
}

const PLAIN: &str = "GET / HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn a_silent_client_holds_nobody_else() {
    let house = house(Limits { handshake: Duration::from_secs(60), ..Limits::default() }).await;
    let mut silent = house.client().await;
    let mut slow = house.client().await;
    slow.send(b"\x16\x03\x01").await;
    assert!(house.exchange(PLAIN).await.contains("HTTPS server"));
    // A stop does not wait for them either.
    assert!(house.stop().await < Duration::from_secs(5));
    assert_eq!((silent.rest().await, slow.rest().await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_handshake_has_a_time_and_a_place() {
    let limits = Limits { connections: 1, handshake: Duration::from_millis(200), ..Limits::default() };
    let house = house(limits).await;
    let mut slow = house.client().await;
    slow.send(b"\x16").await;
    // The only place is taken until the time is over.
    assert!(house.exchange(PLAIN).await.contains("HTTPS server"));
    assert_eq!(slow.rest().await, "");
    house.logged(&["WARN", "it took longer than 200ms"]).await;
    house.logged(&["WARN", "every permitted connection is in use"]).await;
}

#[tokio::test]
async fn nonsense_is_no_conversation() {
    let house = house(Limits::default()).await;
    assert_eq!(house.exchange([0]).await, "");
    house.logged(&["WARN", "a client speaks no TLS on a port with it", "times=1"]).await;
    // The same client again: that is told only where every call is.
    house.exchange(b"\x16\x03\x01\x00\x05nonsense").await;
    house.logged(&["DEBUG", "TLS handshake error: "]).await;
}
