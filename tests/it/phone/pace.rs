//! Who waits for whom: slow phones, faults and limits.

use std::time::Duration;

use serde_json::json;

use super::daemon::Plan;
use super::graph::{Call, Graph, Reply};
use super::{ANA, BO, house, phone};

#[tokio::test]
async fn a_slow_recipient_delays_nobody_else() {
    let graph = Graph::open(|call, _| if call.to() == ANA { Reply::Hang } else { Reply::Taken }).await;
    let (_folder, daemon) = house(&graph, json!({ "timeout": "20s" }), &[("ana", ANA), ("bo", BO)]).await;
    let slow = daemon.ring("ana", "slow").await;
    graph.until("asked", |calls| calls.len() == 1).await;
    for n in 0..20 {
        let id = daemon.ring("bo", &n.to_string()).await;
        daemon.reached(&id, "sent").await;
    }
    assert_eq!(daemon.deliveries(&slow).await[0]["state"], "sending");
    assert!(graph.calls_to(ANA)[0].ended.is_none());
    graph.assert_orderly();
}

#[tokio::test]
async fn whoever_waits_for_a_retry_is_not_overtaken_at_the_same_phone() {
    let graph = Graph::open(|call, earlier| match (call.text(), earlier) {
        ("1", 0) => Reply::Fault(500, 131_000),
        ("1", 1) => Reply::Reset,
        _ => Reply::after(20, Reply::Taken),
    });
    let graph = graph.await;
    let (_folder, daemon) = house(&graph, json!({}), &[("ana", ANA), ("bo", BO)]).await;
    for text in ["1", "2", "3"] {
        daemon.ring("ana", text).await;
    }
    daemon.reached(&daemon.ring("bo", "at once").await, "sent").await;
    graph.until("all there", |calls| calls.len() == 6).await;
    let texts: Vec<_> = graph.calls_to(ANA).iter().map(|call| call.text().to_owned()).collect();
    assert_eq!(texts, ["1", "1", "1", "2", "3"]);
    assert!(graph.calls_to(BO)[0].at < graph.calls_to(ANA)[3].at);
    graph.assert_orderly();
    daemon.stop().await;
}

/// No more than `most` in any `window`; the daemon counts from when it asks, the stand-in from when it hears.
fn assert_pace(calls: &[Call], most: usize, window: Duration) {
    let tolerance = Duration::from_millis(500);
    for pair in calls.windows(most + 1) {
        let took = pair[most].at - pair[0].at;
        assert!(took + tolerance >= window, "{} in {took:?}", most + 1);
    }
}

#[tokio::test]
async fn the_rate_of_an_account_is_kept() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let mut plan = Plan::new().whatsapp("wa", 1, &graph.url(), json!({ "rate": "10/s burst 3" }));
    let names: Vec<_> = (0..20).map(|n| format!("c{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        plan = plan.contact(name, phone(&format!("7999000{n:04}")), &["wa"]);
    }
    let daemon = plan.hook("all", json!(names), &["wa"]).start(folder.path()).await;
    daemon.ring("all", "storm").await;
    let calls = graph.until("all there", |calls| calls.len() == 20).await;
    let took = calls[19].at - calls[0].at;
    assert!(took >= Duration::from_millis(1300) && took < Duration::from_secs(15), "{took:?}");
    assert_pace(&calls, 12, Duration::from_secs(1));
    daemon.stop().await;
}

#[tokio::test]
async fn the_limit_of_a_phone_is_kept_and_is_no_business_of_the_others() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let limit = json!({ "per-recipient": "1/500ms burst 2" });
    let (_folder, daemon) = house(&graph, limit, &[("ana", ANA), ("bo", BO)]).await;
    for n in 0..6 {
        daemon.ring("ana", &n.to_string()).await;
    }
    let id = daemon.ring("bo", "now").await;
    daemon.reached(&id, "sent").await;
    assert!(graph.calls_to(ANA).len() < 6);
    graph.until("all there", |calls| calls.len() == 7).await;
    let calls = graph.calls_to(ANA);
    assert!(calls[5].at - calls[0].at >= Duration::from_secs(1), "{calls:#?}");
    assert_pace(&calls, 3, Duration::from_secs(1));
    let texts: Vec<_> = calls.iter().map(|call| call.text().to_owned()).collect();
    assert_eq!(texts, ["0", "1", "2", "3", "4", "5"]);
    daemon.stop().await;
}
