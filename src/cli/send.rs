//! One message from the command line: through the control socket, or only shown.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::control::{self, Asked};
use super::exit::{Exit, say};
use super::flags::send::{SendArgs, Text};
use super::state;
use crate::account::AccountName;
use crate::action::media::Brought;
use crate::action::send::Composed;
use crate::app::settings::DEFAULT_HOOKS;
use crate::clock::Clock;
use crate::config::load::{Loader, Sources};
use crate::http::api::new_message;
use crate::http::recipients::recipients;
use crate::message::media::{MAX_BYTES, Media, MediaSource, size};
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
    let brings = args.file.as_deref().map(brings);
    let (text, brings) = match brings {
        None => (text, None),
        Some(Ok(media)) => (text, Some(media)),
        Some(Err(why)) => {
            say(&format!("hookbell send: only the text goes: {why}"));
            (format!("{text}\n[{why}]"), None)
        }
    };
    if args.dry_run { show(&args, text, brings) } else { deliver(&args, &text, brings) }
}

/// What is to go along: a link, or a file. A text is not lost for a file that can't be read.
fn brings(named: &OsStr) -> Result<Media, String> {
    if let Some(media) = named.to_str().and_then(|link| Media::linked(link, None).ok()) {
        return Ok(media);
    }
    let path = Path::new(named);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let read = || -> std::io::Result<Vec<u8>> {
        // Of what has no end, such as a device, no more than tells that it is too large.
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) if bytes.len() as u64 > MAX_BYTES => Err(format!("{name} has more than {}", size(MAX_BYTES))),
        Ok(bytes) if bytes.is_empty() => Err(format!("{name} is empty")),
        Ok(bytes) => Ok(Media::file(&name, None, bytes.into(), None)),
        Err(e) => Err(format!("{name} can't be read: {e}")),
    }
}

/// Hands the message to the daemon.
fn deliver(args: &SendArgs, text: &str, brings: Option<Media>) -> anyhow::Result<Exit> {
    let media = brings.map(|media| match media.source {
        MediaSource::Link(url) => json!({ "url": url }),
        MediaSource::Bytes(bytes) => json!({ "name": media.name, "base64": BASE64.encode(&bytes) }),
    });
    let SendArgs { to, via, title, format, .. } = args;
    let format = format.as_str();
    let body = json!({ "to": to, "via": via, "title": title, "text": text, "format": format, "media": media });
    let body = body.to_string();
    let (status, answer) = match control::ask(args.state_dir.as_ref(), "POST /api/v1/messages", &body, PATIENCE)? {
        Asked::Answered(status, answer) => (status, answer),
        Asked::NoDaemon(why) => {
            say(&format!("hookbell send: {why}"));
            return Ok(Exit::TryAgain);
        }
    };
    if let Some(warning) = answer["warning"].as_str() {
        say(&format!("hookbell send: {warning}"));
    }
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
fn show(args: &SendArgs, text: String, brings: Option<Media>) -> anyhow::Result<Exit> {
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
    let account = |name: &AccountName| config.accounts.get(name).cloned();
    let brought = brings.map(|media| Brought::judged(media, &recipients, account, false)).unwrap_or_default();
    let message = new_message(args.title.clone(), text, args.format, Clock::system().now());
    let Composed { message, media, left_out, recipients, .. } =
        Composed::new(message.map_err(anyhow::Error::msg)?, brought, recipients);
    let mut out = media.as_ref().map(|media| format!("media: {}\n", media.label())).unwrap_or_default();
    out += &left_out.map(|why| format!("warning: only the text goes: {why}\n")).unwrap_or_default();
    for recipient in &recipients {
        out += &Preview::of(recipient, &config.accounts, &message, media.as_deref()).to_string();
    }
    out += "nothing was sent\n";
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(Exit::Fine)
}
