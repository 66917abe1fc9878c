//! Straight from memory: what its caller can count on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookbell::account::AccountName;
use hookbell::clock::Clock;
use hookbell::dispatch::carry::{BoxFuture, Carriers, Carry};
use hookbell::dispatch::direct::Direct;
use hookbell::message::Priority;
use hookbell::message::delivery::{Class, SendError};
use hookbell::message::media::{Media, MediaKind, MediaSource};
use hookbell::provider::{Answer, Request, Transport};
use hookbell::tasks::Tasks;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use crate::outbox::{START, error, message};
use crate::providers::named;
use crate::world::house::{House, lines, to};

#[tokio::test(start_paused = true)]
async fn an_answer_comes_within_twenty_seconds_whoever_is_silent() {
    let mut house = House::new();
    house.says("wa", |_, _| Ok(())).takes("wa", Duration::from_secs(500));
    house.says("sms", |_, _| Ok(())).takes("sms", Duration::from_secs(500));
    let direct = house.direct(&[]);
    // More than go at once.
    let all: Vec<_> = (0..40).map(|n| to(&format!("ana{n}"), &[("wa", None), ("sms", None)])).collect();
    let message = message("disk", Priority::Normal, START, Duration::from_secs(60));
    let began = Instant::now();
    let advance = async {
        for _ in 0..40 {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            tokio::time::advance(Duration::from_millis(500)).await;
        }
        std::future::pending::<()>().await;
    };
    let tried = tokio::select! { tried = direct.send(&message, None, &all) => tried, () = advance => panic!() };
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!((tried.sent, tried.missed.len()), (0, 40));
    assert_eq!(tried.missed.iter().filter(|missed| missed.maybe).count(), 16, "the others never began");
}

#[tokio::test(start_paused = true)]
async fn rather_never_than_twice_is_said_of_one_way_and_the_next_is_tried() {
    let mut house = House::new();
    house.says("wa", |_, _| Err(Class::Unknown)).says("sms", |_, _| Ok(()));
    let direct = house.direct(&["wa"]);
    let message = message("disk", Priority::Normal, START, Duration::from_secs(60));
    let tried = direct.send(&message, None, &[to("ana", &[("wa", None), ("sms", None)])]).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), (0, "sms", "disk")]));
    assert_eq!((tried.sent, tried.missed), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn that_nothing_can_be_stored_is_told_once_in_ten_minutes() {
    let mut house = House::new();
    house.says("wa", |text, _| if text == "disk" { Err(Class::Recipient) } else { Ok(()) });
    let direct = house.direct(&[]);
    let message = message("disk", Priority::Normal, START, Duration::from_secs(60));
    let ring = async || {
        let tried = direct.send(&message, None, &[to("ana", &[("wa", None)])]).await;
        direct.tell_of_store("no room", "disk", &tried);
        house.pass(400).await;
    };
    let told =
        || house.carried().into_iter().filter(|(_, _, text)| text != "disk").map(|(.., text)| text).collect::<Vec<_>>();
    ring().await;
    assert!(told().is_empty(), "nobody is to hear of it");
    direct.heard_by(&[to("petr", &[("wa", None)])]);
    ring().await;
    let text = "hookbell: messages can't be stored: no room. Each is sent straight from memory, by one try. Lost, of the hook disk: ana: wa: no such luck.";
    assert_eq!(told(), [text]);
    ring().await;
    assert!(told().is_empty());
    ring().await;
    assert_eq!(told().len(), 1);
}

/// Takes the first request, and can reach nobody with the next.
#[derive(Clone, Default)]
struct HalfWay(Arc<Mutex<Vec<String>>>);

impl Carry for HalfWay {
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
        let Request::Http(request) = request else { panic!("{request:?}") };
        let mut asked = self.0.lock().unwrap();
        asked.push(request.url.expose().rsplit('/').nth(1).unwrap().to_owned());
        let (headers, body) = (HeaderMap::new(), br#"{"idMessage": "x"}"#.to_vec());
        let taken = Answer::Http { status: StatusCode::OK, headers, body };
        let answer = if asked.len() == 1 { Ok(taken) } else { Err(error(Class::Network)) };
        Box::pin(async move { answer })
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_was_taken_is_not_sent_again_for_the_file_that_was_not() {
    let account = json!({ "provider": "green-api", "instance-id": "1101000001", "api-token": "s3cret" });
    let (account, findings) = named("wa", &account);
    assert!(findings.is_empty(), "{findings:?}");
    let (wire, name) = (HalfWay::default(), AccountName::new("wa"));
    let carrier = wire.clone();
    let carriers: Carriers = Arc::new(move |_: &Transport| Arc::new(carrier.clone()) as Arc<dyn Carry>);
    let direct = Direct::new(Clock::following_runtime(START), Tasks::new());
    direct.follow(&[(name, Arc::new(account.unwrap()))].into(), &carriers);
    let report = Media {
        kind: MediaKind::Document,
        mime: "application/pdf".to_owned(),
        name: "report.pdf".to_owned(),
        source: MediaSource::Bytes(vec![1; 100].into()),
    };
    let message = message("disk", Priority::Normal, START, Duration::from_secs(60));
    let mut ana = to("ana", &[("wa", None)]);
    ana.ways[0].address.text = "+79001234567".to_owned();
    let tried = direct.send(&message, Some(&Arc::new(report)), &[ana]).await;
    assert_eq!((tried.sent, tried.missed), (1, Vec::new()));
    assert_eq!(*wire.0.lock().unwrap(), ["sendMessage", "sendFileByUpload"]);
}
