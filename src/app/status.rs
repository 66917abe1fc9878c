//! What `systemctl status` shows: how the daemon fares, in a line.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::systemd::Systemd;
use crate::account::AccountName;
use crate::diagnostic::Diagnostic;
use crate::outbox::{AccountState, Outbox};
use crate::tasks::Tasks;

/// How often it is looked at what waits. The line is for people, who look now and then.
const LOOK: Duration = Duration::from_secs(15);

/// How long the outbox may take to answer; what hangs is told of elsewhere.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the last look at the files came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Hooks that are served.
    pub hooks: usize,
    /// Mistakes in the files.
    pub errors: usize,
    /// Whether they kept the newest text of the files from being taken.
    pub is_refused: bool,
}

/// The line, and whom it is told to. One owner writes it.
pub(super) struct Status {
    systemd: Systemd,
    place: String,
    facts: watch::Sender<Facts>,
}

impl Status {
    /// Of a daemon that listens at `place`.
    pub(super) fn new(systemd: Systemd, place: &str) -> Status {
        Status { systemd, place: place.to_owned(), facts: watch::Sender::default() }
    }

    /// A look at the files has ended.
    pub(super) fn set(&self, facts: Facts) {
        self.facts.send_replace(facts);
    }

    /// A reload begins that systemd waits for.
    pub(super) fn reloading(&self) {
        self.systemd.reloading();
    }

    /// The start, or such a reload, is done.
    pub(super) fn ready(&self) {
        let facts = self.facts.borrow().clone();
        self.systemd.ready(&Line { place: &self.place, facts: &facts, waiting: &Waiting::default() }.to_string());
    }

    /// The start failed: what `systemctl status` shows from now on, also where systemd's own lines about trying again and
    /// again have pushed ours out of sight.
    pub(super) fn failed(&self, findings: &[&Diagnostic]) {
        let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).collect();
        let text = match errors.as_slice() {
            [] => "there is no hook in the files".to_owned(),
            [only] => only.to_string(),
            [first, others @ ..] => format!("{first} (and {} more)", others.len()),
        };
        self.systemd.failed(&text);
    }

    /// Keeps the line true until `tasks` are told to end.
    pub(super) fn follow(&self, outbox: Arc<OnceLock<Outbox>>, tasks: &Tasks) {
        if !self.systemd.listens() {
            return;
        }
        let (systemd, place, mut told) = (self.systemd.clone(), self.place.clone(), self.facts.subscribe());
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            let mut look = interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut shown = String::new();
            tokio::pin!(stopping);
            loop {
                let is_news = tokio::select! {
                    biased;
                    () = &mut stopping => return,
                    Ok(()) = told.changed() => true,
                    _ = look.tick() => false,
                };
                let waiting = tokio::select! {
                    biased;
                    () = &mut stopping => return,
                    waiting = waiting(outbox.get()) => waiting,
                };
                let line =
                    Line { place: &place, facts: &told.borrow_and_update().clone(), waiting: &waiting }.to_string();
                // `ready` may have put another in its place meanwhile.
                if is_news || line != shown {
                    systemd.status(&line);
                    shown = line;
                }
            }
        });
    }
}

/// What waits, and for what.
#[derive(Default)]
struct Waiting {
    /// Deliveries that are queued or being tried.
    deliveries: i64,
    /// Accounts that are out of order while something waits for them.
    broken: Vec<AccountName>,
}

impl Waiting {
    fn of(accounts: Vec<AccountState>) -> Waiting {
        let waits = |account: &AccountState| account.queued + account.sending;
        let deliveries = accounts.iter().map(waits).sum();
        let is_broken = |account: &AccountState| account.broken.is_some() && !account.missing && waits(account) > 0;
        let broken = accounts.into_iter().filter(is_broken).map(|account| account.account).collect();
        Waiting { deliveries, broken }
    }
}

async fn waiting(outbox: Option<&Outbox>) -> Waiting {
    let Some(outbox) = outbox else { return Waiting::default() };
    let accounts = timeout(PATIENCE, outbox.accounts()).await.ok().and_then(Result::ok);
    accounts.map(Waiting::of).unwrap_or_default()
}

struct Line<'a> {
    place: &'a str,
    facts: &'a Facts,
    waiting: &'a Waiting,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { place, facts: Facts { hooks, errors, is_refused }, waiting } = self;
        write!(f, "serving {hooks} hook{} on {place}", plural(*hooks))?;
        if *is_refused {
            write!(f, "; the last edit of the files was refused")?;
        }
        if *errors > 0 {
            write!(f, "; {errors} error{} in the files, see the log", plural(*errors))?;
        }
        if waiting.deliveries > 0 {
            write!(f, "; waiting to be sent: {}", waiting.deliveries)?;
        }
        if !waiting.broken.is_empty() {
            let broken: Vec<_> = waiting.broken.iter().map(ToString::to_string).collect();
            write!(f, "; out of order: {}", broken.join(", "))?;
        }
        Ok(())
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn the_line_says_what_somebody_must_know_and_no_more() {
        let line = |hooks, errors, is_refused, deliveries, broken: &[&str]| {
            let broken = broken.iter().map(|name| AccountName::new(name)).collect();
            let (facts, waiting) = (Facts { hooks, errors, is_refused }, Waiting { deliveries, broken });
            Line { place: "[::]:9000", facts: &facts, waiting: &waiting }.to_string()
        };
        assert_eq!(line(1, 0, false, 0, &[]), "serving 1 hook on [::]:9000");
        assert_eq!(line(3, 1, false, 0, &[]), "serving 3 hooks on [::]:9000; 1 error in the files, see the log");
        assert_eq!(
            line(3, 2, true, 7, &["wa", "tg"]),
            "serving 3 hooks on [::]:9000; the last edit of the files was refused; 2 errors in the files, see the log; \
             waiting to be sent: 7; out of order: wa, tg"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_follows_the_files_and_ends_with_its_tasks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let ear = UnixDatagram::bind(&path).unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let heard = || {
            let mut buffer = [0; 512];
            let length = ear.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let status = Status::new(Systemd::new(Some(path.into()), None), ":1");
        let tasks = Tasks::new();
        status.follow(Arc::default(), &tasks);
        assert_eq!(heard(), "STATUS=serving 0 hooks on :1\n");
        status.set(Facts { hooks: 2, errors: 1, is_refused: true });
        assert!(heard().starts_with("STATUS=serving 2 hooks on :1; the last edit"));
        tasks.stop();
        tasks.ended().await;
    }
}
