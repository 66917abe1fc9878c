//! One message from the command line: through the control socket, or only shown.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::exit::{Exit, say};
use super::flags::{SendArgs, Text};
use super::state;
use crate::app::settings::DEFAULT_HOOKS;
use crate::clock::Clock;
use crate::config::load::{Loader, Sources};
use crate::http::api::recipients;
use crate::provider::preview::Preview;
use crate::request::text::is_blank;

/// How long the daemon may take to store a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a message, or shows it.
pub(super) fn send(args: SendArgs) -> anyhow::Result<Exit> {
    let text = match &args.text {
        Text::Given(text) => text.clone(),
        Text::Stdin => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("can't read standard input")?;
            String::from_utf8_lossy(&bytes).trim_end().to_owned()
        }
    };
    if is_blank(&text) {
        bail!("the message is empty");
    }
    if args.dry_run { show(&args, &text) } else { deliver(args, &text) }
}

/// Hands the message to the daemon.
fn deliver(args: SendArgs, text: &str) -> anyhow::Result<Exit> {
    let given = args.state_dir.clone().map(PathBuf::from);
    let Some(folder) = state::directory(args.state_dir, "control.sock") else {
        say(&format!("hookbell send: no daemon found: no control.sock in {}", state::looked_at(given.as_deref())));
        return Ok(Exit::TryAgain);
    };
    let path = folder.join("control.sock");
    let body = json!({ "to": args.to, "via": args.via, "title": args.title, "text": text }).to_string();
    let answer = match post(&path, &body) {
        Ok(answer) => answer,
        Err(why) => {
            say(&format!("hookbell send: the daemon at {} can't be reached: {why}", path.display()));
            return Ok(Exit::TryAgain);
        }
    };
    let (status, answer) = parse(&answer).context("the daemon's answer can't be read")?;
    match (status, answer["id"].as_str(), answer["error"].as_str()) {
        (202, Some(id), _) => {
            let names: Vec<_> = answer["contacts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            // It is stored: a closed terminal must not make anybody send it again.
            writeln!(std::io::stdout(), "queued {id} for {}", names.join(", ")).ok();
            Ok(Exit::Fine)
        }
        (503, _, why) => {
            say(&format!("hookbell send: {}", why.unwrap_or("the daemon can't store it now")));
            Ok(Exit::TryAgain)
        }
        (_, _, why) => bail!("{}", why.unwrap_or("the daemon refused it")),
    }
}

fn post(path: &std::path::Path, body: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Status and JSON of an answer of ours: it is short, and never chunked.
fn parse(answer: &[u8]) -> Option<(u16, Value)> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// Shows who would get what, by which ways, and the first request to each provider, secrets masked.
fn show(args: &SendArgs, text: &str) -> anyhow::Result<Exit> {
    let mut named: Vec<PathBuf> = args.hooks.iter().map(PathBuf::from).collect();
    if named.is_empty() {
        named.push(DEFAULT_HOOKS.into());
    }
    let state = state::directory(args.state_dir.clone(), "secrets");
    let compiled = Loader::new(Sources { named, state, ..Sources::default() }).start();
    for finding in compiled.all_findings().into_iter().filter(|finding| finding.is_error()) {
        say(&finding.to_string());
    }
    let config = &compiled.config;
    let recipients = recipients(config, &args.to, &args.via).map_err(anyhow::Error::msg)?;
    let (mut out, now) = (String::new(), Clock::system().now());
    for recipient in &recipients {
        out += &Preview::of(recipient, &config.accounts, args.title.as_deref(), text, now).to_string();
    }
    out += "nothing was sent\n";
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(Exit::Fine)
}
