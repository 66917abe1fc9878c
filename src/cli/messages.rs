//! What there is in the outbox, and what an operator does about it: by the running daemon, or read from the file of one
//! that is down.

mod table;

use std::ffi::OsString;
use std::time::Duration;

use serde_json::{Value, json};

use super::exit::{Exit, print, say};
use super::flags::messages::{Act, MessagesArgs};
use super::operator::{Operator, PATIENCE};
use crate::diagnostic::did_you_mean;
use crate::url::encode_value;

/// How long a purge may take: a disk needs its time for a million messages.
const PURGE_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Rows of a list that says nothing else.
const USUAL: usize = 50;

/// The words after `messages`.
const WORDS: [&str; 6] = ["list", "show", "retry", "cancel", "purge", "expected"];

/// What the words say. The error is for a terminal.
pub(super) fn act(words: &[OsString]) -> Result<Act, String> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] | ["list"] => Ok(Act::List),
        ["show", id] => Ok(Act::Show(beginning(id)?)),
        ["retry", id] => Ok(Act::Retry(beginning(id)?)),
        ["cancel", id] => Ok(Act::Cancel(beginning(id)?)),
        ["purge"] => Ok(Act::Purge),
        ["expected"] => Ok(Act::Expected),
        [word @ ("show" | "retry" | "cancel")] => Err(format!("{word} which one? give an ID or its beginning")),
        [word, .., more] if WORDS.contains(word) => Err(format!("{more:?} is one word too many")),
        [word, ..] => {
            let advice = did_you_mean(word, WORDS).unwrap_or_else(|| format!("there are {}", WORDS.join(", ")));
            Err(format!("nothing is called {word:?}: {advice}"))
        }
    }
}

/// The beginning of an id, which has only such letters and digits.
fn beginning(id: &str) -> Result<String, String> {
    let is_one = !id.is_empty() && id.len() <= 26 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_one {
        Ok(id.to_ascii_uppercase())
    } else {
        Err(format!("{id:?} is no message's ID, nor the beginning of one"))
    }
}

/// Whether the flags go with what is to be done: an ignored filter would be a surprise.
pub(super) fn check(args: &MessagesArgs) -> Result<(), String> {
    let MessagesArgs { act, state, hook, to, account, since, limit, refused, json: _, force, older_than, state_dir: _ } =
        args;
    let filters = [state, hook, to, account, since].iter().any(|filter| filter.is_some());
    let is_list = *act == Act::List;
    if *refused && filters {
        return Err("-refused has no filters but -limit".to_owned());
    }
    if !is_list && (filters || *refused || limit.is_some()) {
        return Err("filters go with the list only".to_owned());
    }
    if limit.is_some_and(|limit| limit < 1) {
        return Err("-limit: give a number above 0".to_owned());
    }
    if *force && !matches!(act, Act::Retry(_)) {
        return Err("-force goes with retry".to_owned());
    }
    match (act, older_than) {
        (Act::Purge, None) => Err("purge what? give -older-than 30d".to_owned()),
        (Act::Purge, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err("-older-than goes with purge".to_owned()),
    }
}

/// Does it, or says why not.
pub(super) fn messages(args: MessagesArgs) -> Exit {
    done(args).unwrap_or_else(|why| {
        say(&format!("hookbell messages: {why:#}"));
        Exit::Trouble
    })
}

fn done(args: MessagesArgs) -> anyhow::Result<Exit> {
    let (exit, shown) = match &args.act {
        Act::List => match list(&args)? {
            Some(listed) => (Exit::Fine, shown(&args, &listed, table::listed)),
            None => return Ok(Exit::TryAgain),
        },
        Act::Show(id) => match operator(&args).read(&format!("messages/{id}"))? {
            Some(message) => (Exit::Fine, shown(&args, &message, table::message)),
            None => return Ok(Exit::TryAgain),
        },
        Act::Expected => match operator(&args).read("expected")? {
            Some(expected) => (Exit::Fine, shown(&args, &expected, table::expected)),
            None => return Ok(Exit::TryAgain),
        },
        Act::Retry(id) => {
            let target = format!("messages/{id}/retry{}", if args.force { "?force=1" } else { "" });
            let Some(touched) = operator(&args).tell(&target, PATIENCE)? else { return Ok(Exit::TryAgain) };
            (outcome(&touched), shown(&args, &touched, table::touched))
        }
        Act::Cancel(id) => {
            let Some(touched) = operator(&args).tell(&format!("messages/{id}/cancel"), PATIENCE)? else {
                return Ok(Exit::TryAgain);
            };
            (outcome(&touched), shown(&args, &touched, table::touched))
        }
        Act::Purge => {
            let older = encode_value(args.older_than.as_deref().unwrap_or_default().as_bytes());
            let Some(purged) = operator(&args).tell(&format!("purge?older-than={older}"), PURGE_PATIENCE)? else {
                return Ok(Exit::TryAgain);
            };
            (Exit::Fine, shown(&args, &purged, |purged| format!("purged {}\n", purged["purged"])))
        }
    };
    if shown.is_empty() {
        say("hookbell messages: nothing found");
    }
    print(&shown);
    Ok(exit)
}

fn shown(args: &MessagesArgs, value: &Value, table: impl Fn(&Value) -> String) -> String {
    if args.json { format!("{value:#}\n") } else { table(value) }
}

/// Nothing done is a failure, for scripts.
fn outcome(touched: &Value) -> Exit {
    let any = touched["deliveries"].as_array().into_iter().flatten().any(|delivery| delivery["done"] == json!(true));
    if any { Exit::Fine } else { Exit::Trouble }
}

/// The whole list, piece by piece: each piece is found soon, so that nobody keeps the outbox for long.
fn list(args: &MessagesArgs) -> anyhow::Result<Option<Value>> {
    let wanted = args.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(USUAL);
    if args.refused {
        return operator(args).read(&format!("refused?limit={wanted}"));
    }
    let MessagesArgs { state, hook, to, account, since, .. } = args;
    let named = [("state", state), ("hook", hook), ("contact", to), ("account", account), ("since", since)];
    let given = named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let filters: String = given.map(|(name, value)| format!("&{name}={}", encode_value(value.as_bytes()))).collect();
    let (mut found, mut before) = (Vec::new(), String::new());
    loop {
        let left = wanted - found.len();
        let Some(mut piece) = operator(args).read(&format!("messages?limit={left}{filters}{before}"))? else {
            return Ok(None);
        };
        if let Some(Value::Array(rows)) = piece.get_mut("deliveries").map(Value::take) {
            found.extend(rows);
        }
        match piece["next"].as_i64() {
            Some(next) if found.len() < wanted => before = format!("&before={next}"),
            _ => return Ok(Some(json!({ "deliveries": found }))),
        }
    }
}

/// Who asks.
fn operator(args: &MessagesArgs) -> Operator<'_> {
    Operator { verb: "messages", state_dir: args.state_dir.as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> Result<Act, String> {
        act(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn words_say_what_to_do() {
        assert_eq!(said(&[]), Ok(Act::List));
        assert_eq!(said(&["show", "01kabc"]), Ok(Act::Show("01KABC".to_owned())));
        for (words, why) in [
            (&["shwo", "x"][..], "did you mean \"show\"?"),
            (&["retry"], "retry which one?"),
            (&["cancel", "a", "b"], "one word too many"),
            (&["show", "../x"], "no message's ID"),
            (&["show", ""], "no message's ID"),
        ] {
            let text = said(words).unwrap_err();
            assert!(text.contains(why), "{words:?}: {text}");
        }
    }

    #[test]
    fn a_flag_that_would_do_nothing_is_a_mistake() {
        let with = |act, set: fn(&mut MessagesArgs)| {
            let mut args = MessagesArgs { act, ..MessagesArgs::default() };
            set(&mut args);
            check(&args)
        };
        let show = || Act::Show("0".to_owned());
        assert_eq!(with(Act::List, |args| args.state = Some("failed".to_owned())), Ok(()));
        assert_eq!(with(Act::Retry("0".to_owned()), |args| args.force = true), Ok(()));
        assert_eq!(with(Act::Purge, |args| args.older_than = Some("30d".to_owned())), Ok(()));
        assert!(with(Act::Purge, |_| ()).is_err());
        assert!(with(show(), |args| args.limit = Some(1)).is_err());
        assert!(with(show(), |args| args.force = true).is_err());
        assert!(with(show(), |args| args.older_than = Some("1d".to_owned())).is_err());
        assert!(with(Act::List, |args| args.limit = Some(0)).is_err());
        assert!(with(Act::List, |args| (args.refused, args.hook) = (true, Some("a".to_owned()))).is_err());
    }
}
