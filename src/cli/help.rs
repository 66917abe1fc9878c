//! Usage texts and `hookbell help`, made from the tables.

mod properties;
mod providers;
mod topics;

use std::fmt::Write as _;

pub use providers::markdown as provider_table;
pub use topics::TOPICS;

use super::flags::accounts::ACCOUNTS;
use super::flags::callers::{OMPROG, ZABBIX_MEDIA};
use super::flags::check::CHECK;
use super::flags::first::{IMPORT, INIT};
use super::flags::link::LINK;
use super::flags::messages::MESSAGES;
use super::flags::send::SEND;
use super::flags::{SERVE, TOKEN};
use super::parse::{Flag, Shown, Takes, shown};
use crate::diagnostic::did_you_mean;

/// A command's name, its arguments, and what it does, in a line.
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// What follows it.
    pub arguments: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What there is to know beyond that.
    pub more: &'static str,
}

/// Every command, in the order of the overview.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "init",
        arguments: "[FILE|DIR]",
        help: "write a first hooks.json that rings, and say what to do next",
        more: "Without a word it writes ./hooks.json. It asks nothing and never writes over a file.",
    },
    Verb {
        name: "import",
        arguments: "[-o DIR] FILE | -- COMMAND …",
        help: "print what webhook or shell2http did, in hookbell's words",
        more: "FILE is a unit of systemd (webhook.service is looked for where units are), a hooks file of adnanh/webhook, or a\n\
               script that starts webhook or shell2http. COMMAND is such a command line. It reads, and runs nothing.\n\
               hooks.json goes to standard output, everything else to standard error: the command line, what\n\
               `systemctl edit hookbell` needs, and what could not be translated. If there is any, it exits with 1.\n\
               A hook whose script sends its text to a phone (by yowsup-cli or the like) becomes a hook that sends.",
    },
    Verb {
        name: "check",
        arguments: "[flags] [FILE …]",
        help: "read the files, tell everything that is wrong with them",
        more: "Without FILE it reads hooks.json. It exits with 1 where there is an error (with -strict: or a warning).\n\
               It makes nothing, and connects to nothing without -online.\n\
               Programs, directories and files that the service may not use are told, with what mends it.\n\
               -format json prints an object: findings (each with severity, message, help, did-you-mean, file, line,\n\
               column, path, hook, account; what is not known is null), the counts hooks, accounts, contacts, errors,\n\
               warnings, the user and unit that access was judged by, with -online: online (each with account,\n\
               provider, works, says), and with -compat: differences.",
    },
    Verb {
        name: "schema",
        arguments: "",
        help: "print a JSON Schema of the files, for editors",
        more: "hookbell schema > hookbell.schema.json, and in the full form \"$schema\": \"./hookbell.schema.json\";\n\
               in YAML a first line # yaml-language-server: $schema=./hookbell.schema.json.",
    },
    Verb {
        name: "token",
        arguments: "NAME [flags]",
        help: "print the generated secret NAME",
        more: "The daemon makes the secret when it first loads a file that says {\"generated\": \"NAME\"}.\n\
               callbacks-ACCOUNT is what stands in the path of an account's callbacks: /callbacks/ACCOUNT/SECRET.",
    },
    Verb {
        name: "send",
        arguments: "-to NAME|PHONE [flags] TEXT|-",
        help: "send one message through the running daemon",
        more: "With - as its text it reads standard input. It exits with 75 where it is worth trying again.\n\
               What -file names goes along where the channel has such things; who can't get it gets a link to it, or the\n\
               text alone, which is told: an alarm is not lost for its picture.",
    },
    Verb {
        name: "link",
        arguments: "[flags]",
        help: "print a link that opens a chat in WhatsApp, with a text in it",
        more: "https://wa.me/NUMBER?text=…: whoever follows it finds the text typed, and presses Send. For alarms that no\n\
               account carries, or the other way round: a link to your own number, for people to open the 24 hours in\n\
               which free text may be sent to them. In send.text and run it is {{ msg|wa_link(\"+7 900 123-45-67\") }}.",
    },
    Verb {
        name: "accounts",
        arguments: "[test|setup NAME | dialects [NAME] | providers] [flags]",
        help: "list accounts and how they fare, try one, or have its provider call us",
        more: "Without a word it lists accounts: what waits, how news of them comes, their limits, and what is wrong.\n  \
               test NAME   ask its provider whether it works, send a small message by it -to CONTACT, and tell each step\n              \
               until it is delivered, where the account hears of that, else sent\n  \
               setup NAME  have its provider call us, where it can be told by a call; else the URL to enter there by hand\n  \
               dialects    gateways that a file describes; with a NAME that file, as a start for one's own\n  \
               providers   what accounts can be: a table of all providers\n\
               OLDEST is how long the first of the queue waits; WINDOWS, to how many contacts free text may be sent now.\n\
               A test exits with 0 once it has arrived, with 1 where it failed, with 75 where -wait is over; it goes on\n\
               then, and after Ctrl-C. While no daemon runs the list is read from its outbox.db.",
    },
    Verb {
        name: "messages",
        arguments: "[show|retry|cancel ID | purge | expected] [flags]",
        help: "list messages and how they fare, or act on them",
        more: "Without a word it lists deliveries, the newest first, times in UTC.\n  \
               show ID     one message, with every try and what came of it\n  \
               retry ID    put what failed, expired or was canceled back to the queue, with its time to live anew\n  \
               cancel ID   take back what is queued, and what is being tried once that try has failed\n  \
               purge       forget messages that have ended; with -older-than\n  \
               expected    canaries of accounts, and hooks with expect-every: the last time, the next, and what is amiss\n\
               The beginning of an ID is enough if no other begins so. While no daemon runs, list, show and expected read\n\
               its outbox.db and change nothing there; the others exit with 75.",
    },
    Verb {
        name: "omprog",
        arguments: "-hook ID | -url URL [flags]",
        help: "send what rsyslog's omprog writes, line by line",
        more: "For action(type=\"omprog\" confirmMessages=\"on\"): it says OK once, then for each line on standard input OK\n\
               when its message is stored, or why not; then rsyslog keeps the line in its queue and brings it again.\n\
               A line that is brought again does not become a second message. It ends with its input.",
    },
    Verb {
        name: "zabbix-media",
        arguments: "[flags]",
        help: "print a media type for Zabbix 6.0 and newer",
        more: "In Zabbix: Alerts, Media types, Import (in 6.0: Administration, Media types).",
    },
    Verb {
        name: "generate",
        arguments: "man|bash|zsh|fish",
        help: "print the man page, or a shell's completions",
        more: "The Debian package and install.sh have put them where they belong. By hand, for example:\n  \
               hookbell generate man | man -l -\n  \
               hookbell generate bash > ~/.local/share/bash-completion/completions/hookbell",
    },
    Verb { name: "help", arguments: "[TOPIC]", help: "tell more about a command, a flag or a topic", more: "" },
];

/// What `-h` and a wrong flag print: how to call the daemon.
pub fn usage() -> String {
    let mut text = "usage: hookbell [flags]\n       hookbell COMMAND …   (see hookbell help)\n".to_owned();
    rows(&mut text, &shown(SERVE));
    text
}

/// Flags whose value Go's usage calls a number.
const NUMBERS: &[&str] = &["max-multipart-mem", "port", "setgid", "setuid", "x-request-id-limit"];

/// Flags that may be given again: their value is a `value` to Go, and has no default.
const REPEATABLE: &[&str] = &["header", "hooks"];

/// The same in the form of Go's package `flag`, for whoever calls us as the peer: `called` is argv[0].
pub fn peer_usage(called: &str) -> String {
    let mut flags: Vec<_> = SERVE.iter().filter(|flag| flag.takes != Takes::NotYet).collect();
    flags.sort_by_key(|flag| flag.name);
    let mut text = format!("Usage of {called}:\n");
    for Flag { name, takes, help, default, ours, .. } in flags {
        let kind = match takes {
            Takes::Switch => "",
            _ if REPEATABLE.contains(name) => " value",
            _ if NUMBERS.contains(name) => " int",
            _ => " string",
        };
        let default = match (kind, *default) {
            (" value", _) | (_, "" | "false") => String::new(),
            (" string", default) if !ours => format!(" (default \"{default}\")"),
            (_, default) => format!(" (default {default})"),
        };
        writeln!(text, "  -{name}{kind}\n    \t{help}{default}").ok();
    }
    text
}

/// How to call the command `name`; empty if there is none.
pub fn verb_usage(name: &str) -> String {
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else { return String::new() };
    let mut text = format!("usage: hookbell {name} {}\n\n{}\n", verb.arguments, verb.help);
    if !verb.more.is_empty() {
        text += verb.more;
        text += "\n";
    }
    rows(&mut text, &verb_flags(name));
    text
}

/// The flags of the command `name`, for all texts that are made of them.
pub fn verb_flags(name: &str) -> Vec<Shown> {
    match name {
        "init" => shown(INIT),
        "import" => shown(IMPORT),
        "check" => shown(CHECK),
        "token" => shown(TOKEN),
        "send" => shown(SEND),
        "link" => shown(LINK),
        "accounts" => shown(ACCOUNTS),
        "messages" => shown(MESSAGES),
        "omprog" => shown(OMPROG),
        "zabbix-media" => shown(ZABBIX_MEDIA),
        _ => Vec::new(),
    }
}

/// `hookbell help [TOPIC]`. The error says which topics there are.
pub fn help(topic: Option<&str>) -> Result<String, String> {
    let Some(asked) = topic else { return Ok(overview()) };
    let name = asked.trim_start_matches('-');
    if let Some(verb) = VERBS.iter().find(|verb| verb.name == name && !asked.starts_with('-')) {
        let more = about(name).map(|text| format!("\n{text}")).unwrap_or_default();
        return Ok(verb_usage(verb.name) + &more);
    }
    if name == "flags" {
        return Ok(usage());
    }
    if !asked.starts_with('-')
        && let Some(text) = about(name)
    {
        return Ok(text);
    }
    if let Some(flag) = shown(SERVE).iter().find(|flag| flag.name == name) {
        let mut text = String::new();
        row(&mut text, flag, 0);
        return Ok(text);
    }
    if SERVE.iter().any(|flag| flag.name == name) {
        return Ok(format!("-{name} is not in this version of hookbell\n"));
    }
    let topics = names();
    let advice = did_you_mean(name, topics.clone().chain(SERVE.iter().map(|flag| flag.name)));
    let advice =
        advice.unwrap_or_else(|| format!("there are {}, and every flag", topics.collect::<Vec<_>>().join(", ")));
    Err(format!("no help is called \"{asked}\": {advice}"))
}

/// What help can be asked for besides flags: commands and topics, each once.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    let beside = TOPICS.iter().map(|topic| topic.0).filter(|name| VERBS.iter().all(|verb| verb.name != *name));
    VERBS.iter().map(|verb| verb.name).chain(["flags"]).chain(beside)
}

/// The text of a topic, and the properties that it is about.
pub fn about(name: &str) -> Option<String> {
    let (.., text) = TOPICS.iter().find(|(topic, ..)| *topic == name)?;
    let table = if name == "providers" { providers::told() } else { properties::of(name) };
    Some(format!("{text}{table}"))
}

fn overview() -> String {
    let mut text = "hookbell: a hook is called, a bell rings\n\n".to_owned();
    let width =
        VERBS.iter().map(|verb| verb.name.len() + 1 + verb.arguments.chars().count()).max().unwrap_or_default() + 2;
    let mut line = |call: &str, help: &str| writeln!(text, "  hookbell {call:<width$}{help}").ok();
    line("[flags]", "serve hooks until told to stop");
    for Verb { name, arguments, help, .. } in VERBS {
        line(&format!("{name} {arguments}"), help);
    }
    text += "\nhelp for\n";
    let under = width - "help ".len();
    let mut line = |topic: &str, help: &str| writeln!(text, "  hookbell help {topic:<under$}{help}").ok();
    line("flags", "every flag of the daemon (also: hookbell -h)");
    for (topic, help, _) in TOPICS {
        line(topic, help);
    }
    text
}

fn rows(text: &mut String, table: &[Shown]) {
    let mut group = "";
    let width = table.iter().map(|flag| flag.call().len()).max().unwrap_or_default();
    for flag in table {
        if flag.group != group {
            group = flag.group;
            write!(text, "\n{group}\n").ok();
        }
        row(text, flag, width);
    }
}

/// A flag's line, whose first column takes `width`.
fn row(text: &mut String, flag: &Shown, width: usize) {
    writeln!(text, "  {:<width$}  {}{}", flag.call(), flag.help, flag.notes()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_has_a_line_for_every_flag_of_this_version_and_no_other() {
        let text = usage();
        for flag in SERVE {
            let shown = text.lines().filter(|line| line.split_whitespace().next() == Some(&format!("-{}", flag.name)));
            assert_eq!(shown.count(), usize::from(flag.takes != Takes::NotYet), "-{}", flag.name);
        }
        let [longest, drain] =
            ["-x-request-id-limit BYTES  take", "-drain TIME                how"].map(|row| text.contains(row));
        assert!(longest && drain, "the second column is straight: {text}");
        assert!(text.contains("how long a stop waits for what is under way (default 30s; $HOOKBELL_DRAIN)"));
    }

    #[test]
    fn the_peer_s_usage_is_in_go_s_form() {
        let text = peer_usage("/usr/bin/webhook");
        assert!(text.starts_with("Usage of /usr/bin/webhook:\n  -admin string\n    \t"), "{text}");
        for line in
            ["  -port int\n", " (default 9000)\n", " (default \"0.0.0.0\")\n", "  -hooks value\n", "  -verbose\n"]
        {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
        let names: Vec<_> = text.lines().filter(|line| line.starts_with("  -")).collect();
        assert!(names.is_sorted() && !text.contains("hooks.json\")"), "{text}");
        for name in NUMBERS.iter().chain(REPEATABLE) {
            assert!(SERVE.iter().any(|flag| flag.name == *name), "-{name}");
        }
    }

    #[test]
    fn every_group_is_one_block() {
        let groups: Vec<_> = SERVE.iter().filter(|f| f.takes != Takes::NotYet).map(|f| f.group).collect();
        let mut blocks = groups.clone();
        blocks.dedup();
        let distinct: std::collections::BTreeSet<_> = groups.iter().collect();
        assert_eq!(blocks.len(), distinct.len(), "{groups:?}");
    }

    #[test]
    fn every_topic_of_the_overview_has_its_help() {
        let overview = help(None).unwrap();
        for verb in VERBS {
            assert!(overview.contains(&format!("  {}", verb.help)), "{}", verb.name);
            assert!(help(Some(verb.name)).unwrap().contains(verb.arguments));
        }
        for (topic, ..) in TOPICS {
            assert!(help(Some(topic)).is_ok());
        }
        assert!(help(Some("-port")).unwrap().contains("default 9000"));
        assert!(help(Some("admin")).unwrap().contains("operators and monitors"));
        assert!(help(Some("chekc")).unwrap_err().contains("did you mean \"check\"?"));
        assert!(help(Some("zzzz")).unwrap_err().contains("there are init, import, check, schema"));
    }
}
