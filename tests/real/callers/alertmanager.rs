//! Debian's Alertmanager with `examples/alertmanager/alertmanager.yml`: a group of alerts fires, and is resolved.

use serde_json::json;

use super::lab::{Bell, Lab, filled_in, here};
use super::phone::Phone;
use crate::program::free_port;
use crate::wire::exchange;

/// Posts alerts to Alertmanager's own interface.
fn fire(port: u16, alerts: &serde_json::Value) {
    let body = alerts.to_string();
    let head = "POST /api/v2/alerts HTTP/1.1\r\nHost: am\r\nConnection: close\r\nContent-Type: application/json";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(port, request.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
#[ignore = "needs Alertmanager: tests/real/run"]
fn alertmanager_tells_of_a_group_and_of_its_end() {
    if !here("Alertmanager", &["prometheus-alertmanager"]) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "alertmanager", &phone);
    let token = lab.write("token", &bell.token());
    let config = filled_in(
        "alertmanager/alertmanager.yml",
        &[
            ("http://127.0.0.1:9000/hooks/alertmanager", &bell.url()),
            ("/etc/prometheus/hookbell-token", token.to_str().unwrap()),
            ("group_wait: 30s", "group_wait: 1s"),
            ("group_interval: 5m", "group_interval: 1s"),
        ],
    );
    let config = lab.write("alertmanager.yml", &config);
    let port = free_port();
    let (config, address) = (format!("--config.file={}", config.display()), format!("127.0.0.1:{port}"));
    let storage = format!("--storage.path={}", lab.folder("data").display());
    let listen = format!("--web.listen-address={address}");
    let arguments = [config.as_str(), &storage, &listen, "--cluster.listen-address="];
    let alertmanager = lab.start("prometheus-alertmanager", &arguments, |_| ()).listens(port);
    let alert = |instance: &str, summary: &str| {
        json!({
            "labels": { "alertname": "ДискПолон", "cluster": "прод", "severity": "critical", "instance": instance },
            "annotations": { "summary": summary, "description": "строка 1\nстрока 2 <b>" },
        })
    };
    let mut alerts =
        json!([alert("db-1:9100", "Диск 🔥 \"sda\" заполнен на 95% & растёт"), alert("db-2:9100", "второй")]);
    fire(port, &alerts);
    let why = || format!("{}\n{}", alertmanager.log(), bell.log());
    let firing = phone.rings("123456789", 1, why).remove(0);
    let head = "🔥 ДискПолон (critical): 2 firing\ncluster: прод\n\n";
    let one = "🔥 db-1:9100: Диск 🔥 \"sda\" заполнен на 95% & растёт\nстрока 1\nстрока 2 <b>\n\n";
    assert_eq!(firing, format!("{head}{one}🔥 db-2:9100: второй\nстрока 1\nстрока 2 <b>"));
    for alert in alerts.as_array_mut().unwrap() {
        // Long ago: it has ended.
        alert["startsAt"] = json!("2026-01-01T00:00:00Z");
        alert["endsAt"] = json!("2026-01-01T00:00:01Z");
    }
    fire(port, &alerts);
    let resolved = phone.rings("123456789", 2, why).remove(1);
    let head = "✅ ДискПолон (critical): 2 resolved\ncluster: прод\n\n";
    assert_eq!(
        resolved,
        format!("{head}✅ db-1:9100: Диск 🔥 \"sda\" заполнен на 95% & растёт\n\n✅ db-2:9100: второй")
    );
    assert_eq!(phone.rings("987654321", 2, why), [firing, resolved]);
}
