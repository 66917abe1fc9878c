//! What belongs to one conversation is shown as the answer to what was sent before, and never lost for it.

use std::time::Duration;

use hookbell::message::delivery::Class;
use hookbell::message::{Message, Priority};

use crate::outbox::{START, message};
use crate::world::house::{House, lines, to};

const HOUR: Duration = Duration::from_secs(3600);

/// A message of this conversation, by these accounts.
async fn accept(house: &House, thread: &str, text: &str, ways: &[(&str, Option<u64>)]) {
    let plain = message(text, Priority::Normal, START, HOUR);
    let message = Message { thread: Some(thread.to_owned()), ..plain };
    house.outbox.enqueue(message, vec![to("ana", ways)]).await.unwrap();
    house.pass(1).await;
}

#[tokio::test(start_paused = true)]
async fn it_answers_what_was_sent_last_of_its_conversation() {
    let mut house = House::new();
    house.says("wa", |_, _| Ok(())).says("tg", |_, _| Ok(())).configure();
    for (thread, text, account) in [
        ("disk", "95%", "wa"),
        ("load", "9", "wa"),
        ("disk", "99%", "wa"),
        // To another account nothing of it was sent.
        ("disk", "99.5%", "tg"),
        ("disk", "ok", "wa"),
    ] {
        accept(&house, thread, text, &[(account, None)]).await;
    }
    house = house.restarted().await;
    accept(&house, "load", "1", &[("wa", None)]).await;
    let carried: Vec<_> = house.carried().into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(
        carried,
        ["95%", "9", "99% <answers id of 95%>", "99.5%", "ok <answers id of 99%>", "1 <answers id of 9>"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_never_went_out_is_not_answered() {
    let mut house = House::new();
    house.says("wa", |text, _| if text == "95%" { Err(Class::Recipient) } else { Ok(()) }).configure();
    accept(&house, "disk", "95%", &[("wa", None)]).await;
    accept(&house, "disk", "ok", &[("wa", None)]).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "95%"), (1, "wa", "ok")]));
}

/// A refused one goes again at once without the mark; one that failed, at its next try.
#[tokio::test(start_paused = true)]
async fn it_is_not_lost_for_what_it_answers() {
    for (class, again_at) in [(Class::Content, 1), (Class::Recipient, 1), (Class::Fault, 2), (Class::Account, 2)] {
        let mut house = House::new();
        house.says("wa", move |text, _| if text.contains("<answers") { Err(class) } else { Ok(()) }).configure();
        accept(&house, "disk", "95%", &[("wa", None)]).await;
        accept(&house, "disk", "ok", &[("wa", None)]).await;
        house.pass_minutes(10).await;
        let carried = house.carried();
        assert_eq!(carried[..2], lines(&[(0, "wa", "95%"), (1, "wa", "ok <answers id of 95%>")]));
        let [(at, _, text)] = &carried[2..] else { panic!("{carried:?}") };
        assert!(text == "ok" && *at >= again_at, "{carried:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_without_it_too_is_refused() {
    let mut house = House::new();
    house.says("wa", |text, _| if text.starts_with("ok") { Err(Class::Content) } else { Ok(()) }).configure();
    accept(&house, "disk", "95%", &[("wa", None)]).await;
    accept(&house, "disk", "ok", &[("wa", None)]).await;
    accept(&house, "load", "ok", &[("wa", None)]).await;
    let went: Vec<_> = house.carried().into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(went, ["95%", "ok <answers id of 95%>", "ok", "ok"]);
}
