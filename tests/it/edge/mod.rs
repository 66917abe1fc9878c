//! The edge over real sockets.

mod sockets;
pub(crate) mod world;

use std::time::Duration;

use hookbell::http::Limits;
use hookbell::http::first_line::MAX_URI;
use tokio::io::AsyncWriteExt as _;

use self::world::House;

const GET: &str = " HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &str = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let house = House::open().await;
    let mut client = house.client().await;
    for path in ["/1", "/2?x=%20", "/3"] {
        client.send(format!("GET {path}{GET}")).await;
        assert!(client.answer().await.ends_with(&format!("\r\n\r\n{path}")));
    }
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let house = House::open().await;
    let text = house
        .exchange(format!("GET /1{GET}POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /3{LAST}"))
        .await;
    let found: Vec<_> = ["/1", "3 bytes", "/3"].map(|body| text.find(&format!("\r\n\r\n{body}"))).into();
    assert!(found[0].is_some() && found.is_sorted(), "{text}");
}

#[tokio::test]
async fn raw_quotes_and_bytes_in_the_first_url_arrive_encoded() {
    let house = House::open().await;
    let raw = [b"GET /hooks/b?msg=\"a<b>\xff`#\xc3\xa4\\^|{}".as_slice(), LAST.as_bytes()].concat();
    let mut client = house.client().await;
    for byte in raw {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    let text = client.rest().await;
    assert!(text.ends_with("\r\n\r\n/hooks/b?msg=%22a%3Cb%3E%FF%60%23ä\\^|{}"), "{text}");
}

#[tokio::test]
async fn later_ones_are_refused_and_the_log_says_how_to_do_it() {
    let house = House::open().await;
    let text = house.exchange(format!("GET /1{GET}GET /x?msg=\"a\"{GET}")).await;
    assert!(text.contains("/1HTTP/1.1 400 "), "{text}");
    let line = house.logged(&["WARN", "curl -G --data-urlencode msg="]).await;
    assert!(line.contains("127.0.0.1:") && line.contains("invalid URI"), "{line}");
}

#[tokio::test]
async fn a_blank_in_the_url_is_refused_with_the_same_advice() {
    let house = House::open().await;
    assert!(house.exchange(format!("GET /x?msg=a b{GET}")).await.starts_with("HTTP/1.1 400 "));
    house.logged(&["WARN", "(400)", "127.0.0.1:"]).await;
}

#[tokio::test]
async fn a_url_over_the_limit_is_answered_with_what_to_do_instead() {
    let house = House::open().await;
    for length in [MAX_URI + 1, 64 * 1024, 300 * 1024] {
        let mut client = house.client().await;
        client.send(format!("GET /{}{GET}", "a".repeat(length - 1))).await;
        let text = client.answer().await;
        assert!(text.starts_with("HTTP/1.1 414 ") && text.contains("curl --data-urlencode msg@- URL"), "{text}");
        client.send(format!("GET /next{GET}")).await;
        assert!(client.answer().await.ends_with("/next"));
    }
    let longest = format!("/{}", "a".repeat(MAX_URI - 1));
    let headers = format!("A: {}\r\n", "b".repeat(1000)).repeat(40);
    let text = house.exchange(format!("GET {longest} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n")).await;
    assert!(text.ends_with(&longest));
    house.logged(&["WARN", "too long (414)"]).await;
}

#[tokio::test]
async fn what_the_parser_refuses_is_logged_with_its_caller() {
    let house = House::open().await;
    let headers = format!("A: {}\r\n", "b".repeat(1000)).repeat(200);
    assert!(house.exchange(format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n")).await.starts_with("HTTP/1.1 431 "));
    house.logged(&["WARN", "(431)", "127.0.0.1:", "limit="]).await;
    assert!(house.exchange(format!("G?T /{GET}")).await.starts_with("HTTP/1.1 400 "));
    house.logged(&["WARN", "(400)", "method"]).await;
    let text = house.exchange(format!("GET /1{GET}GET /{}{GET}", "a".repeat(66_000))).await;
    assert!(text.contains("HTTP/1.1 414 "), "{text}");
    house.logged(&["WARN", "(414)", "reason="]).await;
    house.exchange(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    house.logged(&["WARN", "speaks TLS"]).await;
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let house = House::with(Limits { head: Duration::from_secs(1), ..Limits::default() }).await;
    let mut silent = house.client().await;
    let mut slow = house.client().await;
    slow.send("GET / HTTP/1.1\r\nHost:").await;
    let mut kept = house.client().await;
    kept.send(format!("GET /1{GET}")).await;
    assert!(kept.rest().await.ends_with("/1"));
    assert_eq!((silent.rest().await, slow.rest().await), (String::new(), String::new()));
    house.logged(&["DEBUG", "read header from client timeout"]).await;
}

#[tokio::test]
async fn a_body_is_read_within_its_limits() {
    let house = House::open().await;
    let post = |length: usize| format!("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    let mut client = house.client().await;
    for (head, body, answer) in [
        (post(1000), "x".repeat(1000), "1000 bytes"),
        (post(0), String::new(), "0 bytes"),
        (
            "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n".into(),
            "3 bytes",
        ),
    ] {
        client.send(head + &body).await;
        let text = client.answer().await;
        assert!(text.ends_with(answer) && !text.contains("connection: close"), "{text}");
    }
    // A small one too many is skipped; the connection lives.
    client.send(post(1001) + &"x".repeat(1001)).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 413 "));
    client.send(format!("GET /1{GET}")).await;
    assert!(client.answer().await.ends_with("/1"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_client_reads_why() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.send(format!("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 8 << 20)).await;
    client.send(vec![b'x'; 400 << 10]).await;
    let text = client.rest().await;
    assert!(text.starts_with("HTTP/1.1 413 ") && text.contains("connection: close"), "{text}");
    // What is still on its way then is taken, not answered with a reset, which could overtake the answer.
    client.send(vec![b'x'; 1 << 10]).await;
    let chunk = format!("{:x}\r\n{}\r\n", 2000, "x".repeat(2000));
    let text =
        house.exchange(format!("POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")).await;
    assert!(text.starts_with("HTTP/1.1 413 ") && text.contains("connection: close"), "{text}");
}

#[tokio::test]
async fn a_body_that_does_not_come_or_breaks_off_is_told_apart() {
    let house = House::open().await;
    let head = "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc";
    let mut slow = house.client().await;
    slow.send(head).await;
    assert!(slow.rest().await.starts_with("HTTP/1.1 408 "));
    let mut cut = house.client().await;
    cut.send(head).await;
    cut.0.shutdown().await.unwrap();
    assert!(cut.rest().await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_client_that_has_sent_all_it_will_still_gets_its_answer() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.send(format!("GET /gate{GET}")).await;
    client.0.shutdown().await.unwrap();
    house.moods.arrived.notified().await;
    house.moods.gate.notify_one();
    assert!(client.rest().await.ends_with("through"));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let house = House::with(Limits { stall: Duration::from_millis(100), ..Limits::default() }).await;
    let mut client = house.client().await;
    client.send(format!("GET /big{GET}")).await;
    house.logged(&["DEBUG", "does not take the answer"]).await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_lets_busy_ones_finish() {
    let house = House::open().await;
    let (mut idle, mut kept, mut busy) = (house.client().await, house.client().await, house.client().await);
    kept.send(format!("GET /1{GET}")).await;
    kept.answer().await;
    busy.send(format!("GET /gate{GET}")).await;
    house.moods.arrived.notified().await;
    house.tasks.stop();
    assert_eq!((idle.rest().await, kept.rest().await), (String::new(), String::new()));
    assert!(tokio::net::TcpStream::connect(&house.address).await.is_err());
    assert_eq!(house.tasks.alive(), 1);
    house.moods.gate.notify_one();
    let text = busy.rest().await;
    assert!(text.contains("connection: close") && text.ends_with("through"), "{text}");
    assert!(house.stop().await < Duration::from_secs(8));
}
