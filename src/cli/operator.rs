//! What an operator asks of `/api/v1`: of the running daemon, or, where none runs, of what it left on the disk.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::control::{self, Asked};
use super::exit::say;
use super::state;
use crate::clock::Clock;
use crate::http::operator::{NoAnswer, look};
use crate::outbox::Reader;

/// How long an answer may take: a cancel waits for a try that is under way.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long one may take that a provider is asked for: some ten questions, each with the account's timeout.
pub(super) const PROVIDER_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Somebody who asks by a command.
#[derive(Clone, Copy)]
pub(super) struct Operator<'a> {
    /// The command, which says what is told on stderr.
    pub(super) verb: &'static str,
    /// Where the daemon is found, or its outbox.
    pub(super) state_dir: Option<&'a OsString>,
}

impl Operator<'_> {
    /// What stands there: as the daemon says, or, where none runs, as its file does. `None`: neither is there, which is told.
    pub(super) fn read(self, target: &str) -> anyhow::Result<Option<Value>> {
        let why = match control::ask(self.state_dir, &format!("GET /api/v1/{target}"), "", PATIENCE)? {
            Asked::Answered(status, answer) => return self.answered(status, answer),
            Asked::NoDaemon(why) => why,
        };
        let verb = self.verb;
        let Some(folder) =
            state::directory(self.state_dir.cloned(), "outbox.db").filter(|folder| folder.join("outbox.db").exists())
        else {
            say(&format!("hookbell {verb}: {why}; and no outbox.db there"));
            return Ok(None);
        };
        say(&format!("hookbell {verb}: {why}; read from {}", folder.join("outbox.db").display()));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match Reader::open(&folder).map_err(NoAnswer::from).and_then(|r| look(&r, path, query, Clock::system().now())) {
            Ok(value) => Ok(Some(value)),
            Err(why) => bail!("{why}"),
        }
    }

    /// Has the daemon do something. `None`: none runs, or not now, which is told.
    pub(super) fn tell(self, target: &str, patience: Duration) -> anyhow::Result<Option<Value>> {
        match control::ask(self.state_dir, &format!("POST /api/v1/{target}"), "", patience)? {
            Asked::Answered(status, answer) => self.answered(status, answer),
            Asked::NoDaemon(why) => {
                say(&format!("hookbell {}: {why}; this needs a running daemon", self.verb));
                Ok(None)
            }
        }
    }

    fn answered(self, status: u16, answer: Value) -> anyhow::Result<Option<Value>> {
        let why = answer["error"].as_str().map(str::to_owned);
        match status {
            200 => Ok(Some(answer)),
            404 => bail!("{}", why.context("the daemon knows of no such thing: is it an older version?")?),
            503 => {
                say(&format!("hookbell {}: {}", self.verb, why.as_deref().unwrap_or("the daemon can't do it now")));
                Ok(None)
            }
            _ => bail!("{}", why.as_deref().unwrap_or("the daemon refused it")),
        }
    }
}
