//! One message from the command line: through the control socket, or only shown.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::control::{self, Asked};
use super::exit::{Exit, say};
use super::flags::{SendArgs, Text};
use super::state;
use crate::app::settings::DEFAULT_HOOKS;
use crate::clock::Clock;
use crate::config::load::{Loader, Sources};
use crate::http::api::recipients;
use crate::provider::preview::Preview;
use crate::request::text::is_blank;

/// How long the daemon may take to store a message; or, where it can't, to send it.
const PATIENCE: Duration = Duration::from_secs(40);

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
    let body = json!({ "to": args.to, "via": args.via, "title": args.title, "text": text }).to_string();
    let (status, answer) = match control::ask(args.state_dir.as_ref(), "POST /api/v1/messages", &body, PATIENCE)? {
        Asked::Answered(status, answer) => (status, answer),
        Asked::NoDaemon(why) => {
            say(&format!("hookbell send: {why}"));
            return Ok(Exit::TryAgain);
        }
    };
    match (status, answer["id"].as_str(), answer["error"].as_str()) {
        (202, Some(id), _) => {
            let names: Vec<_> = answer["contacts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            // It is stored: a closed terminal must not make anybody send it again.
            writeln!(std::io::stdout(), "queued {id} for {}", names.join(", ")).ok();
            Ok(Exit::Fine)
        }
        (200, None, None) => {
            let [sent, of] = ["sent", "recipients"].map(|count| answer[count].as_u64().unwrap_or_default());
            writeln!(std::io::stdout(), "sent to {sent} of {of}, not stored").ok();
            Ok(Exit::Fine)
        }
        (503, _, why) => {
            say(&format!("hookbell send: {}", why.unwrap_or("the daemon can't store it now")));
            Ok(Exit::TryAgain)
        }
        (_, _, why) => bail!("{}", why.unwrap_or("the daemon refused it")),
    }
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
