//! What was imported does what it did before, over HTTP.

use std::fs;
use std::path::Path;

use super::Case;
use crate::daemon::{Daemon, eventually, hookbell};

/// A daemon that serves what was imported, by the flags that were printed.
fn serving(case: &Case) -> Daemon {
    let out = case.path("out");
    let output = hookbell().args(["import", "-o"]).arg(&out).args(case.arguments()).output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    let line = report.lines().find_map(|line| line.trim().strip_prefix("/usr/bin/hookbell ")).unwrap();
    let mut flags = shell_words::split(line).unwrap();
    // A port of its own, for tests run side by side.
    while let Some(at) = flags.iter().position(|flag| flag == "-port" || flag == "-ip") {
        flags.drain(at..at + 2);
    }
    let mut command = hookbell();
    command.args(flags).args(["-ip", "127.0.0.1", "-port", "0", "-state-dir"]).arg(case.path("state"));
    Daemon::start(&mut command)
}

fn sent(file: &Path, count: usize) -> Vec<String> {
    eventually("what is sent", || {
        let text = fs::read_to_string(file).unwrap_or_default();
        (text.lines().count() >= count).then(|| text.lines().map(str::to_owned).collect())
    })
}

#[test]
fn the_how_to_rings_the_same_phones_by_the_same_urls() {
    let case = Case::new("how-to");
    let daemon = serving(&case);
    let file = case.path("opt/webhook/sent");
    let reply = daemon.get("/hooks/wp-admin?msg=%D0%94%D0%B8%D1%81%D0%BA+100%25+%26+%22c%22+%24(id)");
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(sent(&file, 1)[0], "79001234567|Диск 100% & \"c\" $(id)");
    assert!(daemon.get("/hooks/wp-petr?msg=b").is(202, "ok"));
    assert_eq!(sent(&file, 2)[1], "79007654321|b");
    // The value that the rule asked for opens it, as before.
    assert_eq!(daemon.get("/hooks/wp-phone?msg=c&phone=79001112233&token=b3llt0ken").status, 202);
    assert_eq!(sent(&file, 3)[2], "79001112233|c");
    assert_eq!(daemon.get("/hooks/wp-phone?msg=c&phone=79001112233").status, 401);
    // The script refused to say nothing, and so does hookbell.
    assert_eq!(daemon.get("/hooks/wp-admin?msg=%20%0A").status, 400);
    daemon.stop();
    assert_eq!(sent(&file, 3).len(), 3);
}

#[test]
fn shell2http_answers_as_its_documentation_says() {
    let case = Case::new("shell2http-form");
    let daemon = serving(&case);
    // ivan:s3cret
    let basic = "Authorization: Basic aXZhbjpzM2NyZXQ=\r\n";
    let get = |target: &str| daemon.request("GET", target, basic, "");
    assert!(get("/form?from=10&to=100").is(200, "10, 100\n"), "{:?}", get("/form?from=10&to=100"));
    assert!(get("/form?from=10").is(200, "10, nobody\n"));
    let form = format!("{basic}Content-Type: application/x-www-form-urlencoded\r\n");
    assert!(daemon.request("POST", "/form", &form, "from=a&to=b").is(200, "a, b\n"));
    // What does not match -form-check does not reach the command.
    assert!(get("/form?from=$(id)").is(200, "Hook rules were not satisfied."));
    assert!(get("/date").is(200, "it is\n"));
    assert_eq!(daemon.request("POST", "/date", basic, "").status, 405);
    assert!(get("/slow/count?from=abc").is(200, "{{.A}}|3|"), "{:?}", get("/slow/count?from=abc"));
    assert_eq!(get("/date2").status, 500);
    assert_eq!(daemon.get("/date").status, 401);
    daemon.stop();
}

#[test]
fn what_a_caller_sends_never_becomes_a_command() {
    let case = Case::new("shell2http-form");
    let text = fs::read_to_string(case.path("command")).unwrap().replace("-form-check ^[0-9a-z]*$ ", "");
    fs::remove_file(case.path("command")).unwrap();
    fs::write(case.path("command"), text).unwrap();
    let daemon = serving(&case);
    let basic = "Authorization: Basic aXZhbjpzM2NyZXQ=\r\n";
    let reply = daemon.request("GET", "/form?from=%24%28id%29%27%3B%60id%60&to=%7B%7B+msg+%7D%7D", basic, "");
    assert!(reply.is(200, "$(id)';`id`, {{ msg }}\n"), "{reply:?}");
    daemon.stop();
}

#[test]
fn commands_of_cgi_see_their_call() {
    let case = Case::new("shell2http-cgi");
    let out = case.path("out");
    hookbell().args(["import", "-o"]).arg(&out).args(case.arguments()).output().unwrap();
    let mut command = hookbell();
    command.args(["-hooks"]).arg(out.join("hooks.json")).args(["-urlprefix", "", "-ip", "127.0.0.1", "-port", "0"]);
    let daemon = Daemon::start(&mut command);
    let reply = daemon.request("GET", "/agent", "User-Agent: bell/1\r\n", "");
    assert!(reply.is(200, "bell/1 GET /agent\n"), "{reply:?}");
    daemon.stop();
}
