//! What sends, how it fares, and whether it works: by the running daemon, or read from the file of one that is down.

mod dialects;
mod setup;
mod table;
mod test;

use std::ffi::OsString;
use std::time::Duration;

use super::exit::{Exit, print, say};
use super::flags::accounts::{AccountsAct, AccountsArgs};
use super::help;
use super::operator::Operator;
use crate::diagnostic::did_you_mean;

/// The words after `accounts`.
const WORDS: [&str; 4] = ["test", "setup", "dialects", "providers"];

/// The longest that a test is followed: then it is given up.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What the words say. The error is for a terminal.
pub(super) fn act(words: &[OsString]) -> Result<AccountsAct, String> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] | ["list"] => Ok(AccountsAct::List),
        ["test", name] => Ok(AccountsAct::Test((*name).to_owned())),
        ["setup", name] => Ok(AccountsAct::Setup((*name).to_owned())),
        ["dialects"] => Ok(AccountsAct::Dialects(None)),
        ["dialects", name] => Ok(AccountsAct::Dialects(Some((*name).to_owned()))),
        ["providers"] => Ok(AccountsAct::Providers),
        [word @ ("test" | "setup")] => Err(format!("{word} which one? give the NAME of an account")),
        [word, .., more] if WORDS.contains(word) => Err(format!("{more:?} is one word too many")),
        [word, ..] => {
            let advice = did_you_mean(word, WORDS).unwrap_or_else(|| format!("there are {}", WORDS.join(", ")));
            Err(format!("nothing is called {word:?}: {advice}"))
        }
    }
}

/// Whether the flags go with what is to be done.
pub(super) fn check(args: &AccountsArgs) -> Result<(), String> {
    let AccountsArgs { act, to, wait, url, show, json, state_dir: _ } = args;
    let (is_test, is_setup) = (matches!(act, AccountsAct::Test(_)), matches!(act, AccountsAct::Setup(_)));
    match (is_test, to) {
        (true, None) => return Err("to whom? give -to CONTACT".to_owned()),
        (false, Some(_)) => return Err("-to goes with test".to_owned()),
        _ => {}
    }
    if wait.is_some() && !is_test {
        return Err("-wait goes with test".to_owned());
    }
    if wait.is_some_and(|wait| wait > LONGEST) {
        return Err("-wait: at most 15m, for then a test is given up".to_owned());
    }
    if (url.is_some() || *show) && !is_setup {
        return Err("-url and -show go with setup".to_owned());
    }
    if *json && *act == AccountsAct::Providers {
        return Err("-format json does not go with providers: hookbell schema has them all".to_owned());
    }
    if *json && is_test {
        return Err(
            "-format json does not go with test: `hookbell messages show ID -json` tells what came of it".to_owned()
        );
    }
    Ok(())
}

/// Does it, or says why not.
pub(super) fn accounts(args: AccountsArgs) -> Exit {
    let operator = Operator { verb: "accounts", state_dir: args.state_dir.as_ref() };
    let done = match &args.act {
        AccountsAct::List => list(&args, operator),
        AccountsAct::Test(name) => test::test(name, &args, operator),
        AccountsAct::Setup(name) => setup::set_up(name, &args, operator),
        AccountsAct::Dialects(name) => dialects::dialects(name.as_deref(), args.json),
        AccountsAct::Providers => {
            print(&help::about("providers").unwrap_or_default());
            Ok(Exit::Fine)
        }
    };
    done.unwrap_or_else(|why| {
        say(&format!("hookbell accounts: {why:#}"));
        Exit::Trouble
    })
}

fn list(args: &AccountsArgs, operator: Operator<'_>) -> anyhow::Result<Exit> {
    let Some(listed) = operator.read("accounts")? else { return Ok(Exit::TryAgain) };
    let shown = if args.json { format!("{listed:#}\n") } else { table::listed(&listed) };
    if shown.is_empty() {
        say("hookbell accounts: there is none");
    }
    print(&shown);
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_to_do() {
        let said = |words: &[&str]| act(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(said(&[]), Ok(AccountsAct::List));
        assert_eq!(said(&["test", "wa"]), Ok(AccountsAct::Test("wa".to_owned())));
        for (words, why) in [
            (&["tset", "wa"][..], "did you mean \"test\"?"),
            (&["setup"], "setup which one?"),
            (&["test", "a", "b"], "one word too many"),
        ] {
            let text = said(words).unwrap_err();
            assert!(text.contains(why), "{words:?}: {text}");
        }
    }

    #[test]
    fn a_flag_that_would_do_nothing_is_a_mistake() {
        let with = |act, set: fn(&mut AccountsArgs)| {
            let mut args = AccountsArgs { act, ..AccountsArgs::default() };
            set(&mut args);
            check(&args)
        };
        let (test, setup) = (|| AccountsAct::Test("a".to_owned()), || AccountsAct::Setup("a".to_owned()));
        let to = |args: &mut AccountsArgs| args.to = Some("ivan".to_owned());
        assert_eq!(with(test(), to), Ok(()));
        assert_eq!(with(setup(), |args| args.show = true), Ok(()));
        assert!(with(test(), |_| ()).is_err() && with(AccountsAct::List, to).is_err() && with(setup(), to).is_err());
        assert!(with(AccountsAct::List, |args| args.wait = Some(Duration::ZERO)).is_err());
        assert!(with(AccountsAct::List, |args| args.show = true).is_err());
        assert!(with(test(), |args| (args.to, args.wait) = (Some("i".to_owned()), Some(LONGEST * 2))).is_err());
    }
}
