//! Both programs, with the same hooks.

use std::fs;
use std::sync::LazyLock;

use regex::Regex;

use super::hooks::Hook;
use crate::dice::Dice;
use crate::fixture::Answer;
use crate::program::{Daemon, House, Kind};
use crate::table::shown;

/// What stands between the parts that `programs/tell` prints.
const BETWEEN: &str = "\u{2}\u{3}\u{4}";

/// The command line of both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    prefix: Option<&'static str>,
    header: bool,
    methods: Option<&'static str>,
}

impl Flags {
    pub(crate) fn thrown(dice: &mut Dice) -> Flags {
        Flags {
            prefix: dice.chance(20).then(|| dice.pick(&["", "a/b", "x"])),
            header: dice.chance(30),
            methods: dice.chance(15).then(|| dice.pick(&[" post , Put", "GET,POST", "*"])),
        }
    }

    pub(crate) fn prefix(&self) -> &'static str {
        self.prefix.unwrap_or("hooks")
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        arguments.extend(self.prefix.map(|prefix| format!("-urlprefix={prefix}")));
        arguments.extend(self.header.then(|| "-header=X-G=g=1".to_owned()));
        arguments.extend(self.methods.map(|methods| format!("-http-methods={methods}")));
        arguments
    }

    /// As a fixture has them.
    pub(crate) fn fixture(&self) -> serde_json::Value {
        let mut flags = serde_json::Map::new();
        flags.extend(self.prefix.map(|prefix| ("url-prefix".to_owned(), prefix.into())));
        flags.extend(self.header.then(|| ("headers".to_owned(), serde_json::json!([["X-G", "g=1"]]))));
        flags.extend(self.methods.map(|methods| ("methods".to_owned(), methods.into())));
        flags.into()
    }
}

struct Side {
    kind: Kind,
    house: House,
    arguments: Vec<String>,
    daemon: Daemon,
}

impl Side {
    fn open(kind: Kind, flags: &Flags, hooks: &[Hook]) -> Result<Side, String> {
        let house = House::new();
        let mut arguments = flags.arguments();
        for (number, hook) in hooks.iter().enumerate() {
            let path = house.path().join(format!("{number}.json"));
            fs::write(&path, house.fill_in(&format!("[{}]\n", hook.node.written()))).unwrap();
            arguments.extend(["-hooks".to_owned(), path.display().to_string()]);
        }
        let daemon = Daemon::start(kind, &house, &arguments)?;
        Ok(Side { kind, house, arguments, daemon })
    }
}

pub(crate) struct Pair {
    peer: Side,
    ours: Side,
}

/// What both did with one request: as a caller sees it, without what may differ.
pub(crate) struct Did {
    pub(crate) peer: Result<Answer, String>,
    pub(crate) ours: Result<Answer, String>,
    pub(crate) peer_shown: String,
    pub(crate) ours_shown: String,
}

impl Pair {
    pub(crate) fn open(flags: &Flags, hooks: &[Hook]) -> Result<Pair, String> {
        Ok(Pair { peer: Side::open(Kind::Peer, flags, hooks)?, ours: Side::open(Kind::Ours, flags, hooks)? })
    }

    pub(crate) fn ask(&self, request: &[u8]) -> Did {
        let (peer, ours) = (self.peer.daemon.ask(request), self.ours.daemon.ask(request));
        let (peer_shown, ours_shown) = (seen(&self.peer, &peer), seen(&self.ours, &ours));
        Did { peer, ours, peer_shown, ours_shown }
    }

    /// Starts again what died of a call.
    pub(crate) fn revive(&mut self, did: &Did) -> Result<(), String> {
        for (side, answer) in [(&mut self.peer, &did.peer), (&mut self.ours, &did.ours)] {
            if answer.is_err() && side.daemon.is_gone() {
                side.daemon = Daemon::start(side.kind, &side.house, &side.arguments)?;
            }
        }
        Ok(())
    }

    /// The end of hookbell's log.
    pub(crate) fn log(&self) -> String {
        let log = self.ours.daemon.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(4)..].join("\n")
    }
}

impl Did {
    /// What the peer made of it, in a word.
    pub(crate) fn outcome(&self) -> String {
        let Ok(answer) = &self.peer else { return "no answer".to_owned() };
        let known = [
            ("Error occurred while evaluating", "rule fault"),
            ("Error occurred while executing", "command failed"),
            ("Error occurred while parsing", "body fault"),
            ("Hook rules were not satisfied", "not satisfied"),
            ("Hook not found", "unknown hook"),
        ];
        let word = known.iter().find(|(text, _)| answer.body.starts_with(text)).map(|(_, word)| *word);
        let told = if answer.body.contains(BETWEEN) { "command told" } else { "other" };
        word.unwrap_or(if answer.status == 405 { "method" } else { told }).to_owned()
    }

    /// The statuses, and where those are alike, what is not.
    pub(crate) fn sort(&self) -> String {
        let (Ok(peer), Ok(ours)) = (&self.peer, &self.ours) else {
            return format!("{:?} {:?}", self.peer.is_ok(), self.ours.is_ok());
        };
        let parts = |shown: &str| shown.split(BETWEEN).map(str::to_owned).collect::<Vec<_>>();
        let (theirs, own) = (parts(&self.peer_shown), parts(&self.ours_shown));
        let part = theirs.iter().zip(&own).position(|(theirs, own)| theirs != own);
        format!("{} {} {part:?} {}", peer.status, ours.status, peer.body.is_empty())
    }

    /// In words, where there is one.
    pub(crate) fn difference(&self) -> Option<String> {
        let Did { peer_shown, ours_shown, .. } = self;
        (peer_shown != ours_shown)
            .then(|| format!("  webhook  {}\n  hookbell {}", short(peer_shown), short(ours_shown)))
    }
}

fn short(text: &str) -> String {
    let shown: String = text.chars().take(1500).collect();
    shown.escape_debug().to_string()
}

/// A variable that names a file that was made for it.
static FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^([^=]*=[^\x00]*/[^/]*?)(?:\d|RANDOM)+(x?)$").unwrap());

fn seen(side: &Side, answer: &Result<Answer, String>) -> String {
    let Ok(answer) = answer else { return "no answer".to_owned() };
    let text = side.house.leave_out(&shown(answer));
    let mut parts: Vec<String> = text.split(BETWEEN).map(str::to_owned).collect();
    // The order of the environment says nothing, nor does the random part of a file's name.
    if let Some(environment) = parts.get_mut(1).filter(|_| text.matches(BETWEEN).count() >= 2) {
        let inherited = |variable: &&str| variable.starts_with("PATH=") || variable.starts_with("HOME=");
        let variables = environment.split('\0').filter(|variable| !inherited(variable));
        let mut variables: Vec<_> = variables.map(|variable| FILE.replace(variable, "${1}RANDOM${2}")).collect();
        variables.sort_unstable();
        *environment = variables.join("\0");
    }
    parts.join(BETWEEN)
}
