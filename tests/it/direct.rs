//! Straight from memory: what its caller can count on.

use std::time::Duration;

use hookbell::message::Priority;
use hookbell::message::delivery::Class;
use tokio::time::Instant;

use crate::outbox::{START, message};
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
    let tried = tokio::select! { tried = direct.send(&message, &all) => tried, () = advance => panic!() };
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
    let tried = direct.send(&message, &[to("ana", &[("wa", None), ("sms", None)])]).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), (0, "sms", "disk")]));
    assert_eq!((tried.sent, tried.missed), (1, Vec::new()));
}
