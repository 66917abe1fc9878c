//! What messages bring besides their texts, from the outbox to the provider.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hookbell::account::{Limits, Rate};
use hookbell::message::delivery::{Class, DeliveryState};
use hookbell::message::media::{Media, MediaKind};
use hookbell::message::{Message, MessageId, Priority, TextFormat};
use hookbell::outbox::{Accepted, Content, Once};
use hookbell::provider::capabilities::{Capabilities, MediaLimit};

use crate::outbox::{START, message};
use crate::world::house::{House, lines, to};

const HOUR: Duration = Duration::from_secs(3600);

/// Pictures of up to so many bytes, and no links.
fn pictures(bytes: u64) -> Capabilities {
    let kind = MediaKind::Image;
    let limit = MediaLimit { kind, types: Cow::Borrowed(&[]), bytes, by_link: false, by_bytes: true };
    Capabilities { media: vec![limit].into(), ..Capabilities::TEXT }
}

fn graph(bytes: usize) -> Arc<Media> {
    Arc::new(Media::file("graph.png", None, vec![7; bytes].into(), None))
}

async fn accept(house: &House, text: &str, media: Arc<Media>, ways: &[(&str, Option<u64>)]) -> MessageId {
    let message = message(text, Priority::Normal, START, HOUR);
    let id = message.id;
    let accepted = house.outbox.enqueue_bringing(message, Some(media), vec![to("ana", ways)], Vec::new()).await;
    assert_eq!(accepted, Ok(Accepted::New));
    id
}

#[tokio::test(start_paused = true)]
async fn each_way_brings_what_it_can() {
    let mut house = House::new().reached_at("https://b");
    house.says("small", |_, _| Err(Class::Recipient)).can("small", pictures(99));
    house.says("large", |_, _| Ok(())).can("large", pictures(100));
    house.configure();
    let id = accept(&house, "full", graph(100), &[("small", None), ("large", None)]).await;
    house.pass(1).await;
    let carried = house.carried();
    let link = format!("full\ngraph.png: https://b/messages/{id}/media?key=");
    assert!(carried[0].1 == "small" && carried[0].2.starts_with(&link), "{carried:?}");
    assert_eq!(carried[1..], lines(&[(0, "large", "full <image graph.png, image/png, 100 B>")]));
    let kept = house.outbox.find(id).await.unwrap().unwrap().media.unwrap();
    assert_eq!(kept, graph(100).label());
}

#[tokio::test(start_paused = true)]
async fn it_waits_with_its_message_through_a_restart_and_goes_with_it_in_the_end() {
    let mut house = House::new();
    house.says("wa", |_, asked| if asked == 0 { Err(Class::Network) } else { Ok(()) }).can("wa", pictures(100));
    house.configure();
    let id = accept(&house, "full", graph(100), &[("wa", None)]).await;
    house = house.restarted().await;
    house.pass(5).await;
    let went: Vec<_> = house.carried().into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(went, ["full <image graph.png, image/png, 100 B>"; 2]);
    assert_eq!(house.outbox.media(id).await.unwrap().map(|bytes| bytes.len()), Some(100));
    let kept = "(SELECT count(*) FROM media) || ' ' || (SELECT count(*) FROM media_bytes) || ' ' ||
                (SELECT bytes FROM media_total)";
    assert_eq!(house.asked(kept), "1 1 100");
    let (purged, ()) = tokio::join!(house.outbox.purge(START.plus(HOUR)), house.pass(2));
    assert_eq!(purged, Ok(1));
    assert_eq!(house.asked(kept), "0 0 0");
    assert_eq!(house.outbox.media(id).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_refused_picture_costs_no_alarm() {
    let mut house = House::new();
    house.says("wa", |text, _| if text.contains("<image") { Err(Class::Content) } else { Ok(()) });
    house.can("wa", pictures(100)).configure();
    let id = accept(&house, "full", graph(100), &[("wa", None)]).await;
    house.pass(1).await;
    let note = "full\n[graph.png: 100 B, left out]";
    assert_eq!(house.carried(), lines(&[(0, "wa", "full <image graph.png, image/png, 100 B>"), (0, "wa", note)]));
    assert_eq!(house.outbox.find(id).await.unwrap().unwrap().deliveries[0].attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_never_arrives_costs_no_alarm() {
    for class in [Class::Unknown, Class::Fault, Class::Network] {
        let mut house = House::new();
        house.says("wa", move |text, _| if text.contains("<image") { Err(class) } else { Ok(()) });
        house.can("wa", pictures(100)).configure();
        let id = accept(&house, "full", graph(100), &[("wa", None)]).await;
        house.pass(59).await;
        assert!(house.carried().iter().all(|(_, _, text)| text == "full <image graph.png, image/png, 100 B>"));
        house.pass_minutes(if class == Class::Network { 8 } else { 3 }).await;
        let last = house.carried().pop().unwrap().2;
        let late = if class == Class::Network { "" } else { "[2026-11-20T23:15Z] " };
        assert_eq!(last, format!("{late}full\n[graph.png: 100 B, left out]"));
        assert_eq!(house.find(id).await.state, DeliveryState::Sent);
    }
}

#[tokio::test(start_paused = true)]
async fn of_bytes_that_gave_way_the_text_tells() {
    let mut house = House::new();
    house.says("wa", |_, asked| if asked == 0 { Err(Class::Network) } else { Ok(()) }).can("wa", pictures(100));
    house.configure();
    accept(&house, "full", graph(100), &[("wa", None)]).await;
    house.pass(0).await;
    house.write("DELETE FROM media_bytes");
    house.pass(3).await;
    assert_eq!(house.carried()[1].2, "full\n[graph.png: no longer there, left out]");
}

#[tokio::test(start_paused = true)]
async fn many_in_one_text_bring_what_the_newest_brings() {
    let mut house = House::new();
    let slow = Limits { per_recipient: Some(Rate::per(1, Duration::from_secs(60))), fold_after: 1, ..Limits::NONE };
    house.says("wa", |_, _| Ok(())).can("wa", pictures(100)).limits("wa", slow);
    house.configure();
    for (text, bytes) in [("*1*", 10), ("*2*", 20), ("*3*", 30)] {
        let message = Message { format: TextFormat::Markup, ..message(text, Priority::Normal, START, HOUR) };
        let ana = vec![to("ana", &[("wa", None)])];
        house.outbox.enqueue_bringing(message, Some(graph(bytes)), ana, Vec::new()).await.unwrap();
    }
    house.pass(61).await;
    let carried = house.carried();
    assert_eq!(carried[0].2, "marked: *1* <image graph.png, image/png, 10 B>");
    let folded = "marked: [2 × 2026-11-20T23:15Z · disk 2]\n*2* [graph.png]\n*3* <image graph.png, image/png, 30 B>";
    assert_eq!((carried[1].2.as_str(), carried.len()), (folded, 2));
}

#[tokio::test(start_paused = true)]
async fn straight_from_memory_it_goes_as_from_the_outbox() {
    let mut house = House::new();
    house.says("text", |_, _| Err(Class::Recipient)).says("wa", |_, _| Ok(())).can("wa", pictures(100));
    let direct = house.direct(&[]);
    let ways = [to("ana", &[("text", None), ("wa", None)])];
    let tried = direct.send(&message("full", Priority::Normal, START, HOUR), Some(&graph(100)), &ways).await;
    assert_eq!(tried.sent, 1);
    let note = "full\n[graph.png: 100 B, left out]";
    let wanted = [(0, "text", note), (0, "wa", "full <image graph.png, image/png, 100 B>")];
    assert_eq!(house.carried(), lines(&wanted));
}

#[tokio::test(start_paused = true)]
async fn another_picture_is_another_message() {
    let house = House::new();
    let ana = || vec![to("ana", &[("wa", None)])];
    let content = Content::of(None, "full", &ana());
    let enqueue = |media: Option<Arc<Media>>| {
        let content = media.as_ref().map_or(content, |media| content.with(media));
        let message = message("full", Priority::Normal, START, HOUR);
        house.outbox.enqueue_bringing(message, media, ana(), vec![Once::within(HOUR, "disk", content)])
    };
    assert_eq!(enqueue(None).await, Ok(Accepted::New));
    assert_eq!(enqueue(Some(graph(10))).await, Ok(Accepted::New));
    assert_eq!(enqueue(Some(graph(11))).await, Ok(Accepted::New));
    assert!(matches!(enqueue(Some(graph(10))).await, Ok(Accepted::Duplicate(_))));
}
