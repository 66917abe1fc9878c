//! A failing call is made smaller while it still fails, and is shown as a fixture.

use std::collections::BTreeMap;

use super::hooks::Hook;
use super::pair::Pair;
use super::{Case, Failure, known};

/// Tries for one failure, each of which starts both programs.
const TRIES: usize = 80;

/// Failures of one sort that are looked at.
const OF_A_SORT: usize = 3;

/// Some of the failures, made small, and no two alike. Of each sort some are tried.
pub(crate) fn examples(failures: &[Failure], most: usize) -> Vec<String> {
    let mut sorts: BTreeMap<&str, Vec<&Failure>> = BTreeMap::new();
    for failure in failures {
        sorts.entry(&failure.sort).or_default().push(failure);
    }
    let mut told = BTreeMap::new();
    for round in 0..OF_A_SORT {
        for same in sorts.values() {
            if let Some(failure) = same.get(round).filter(|_| told.len() < most) {
                let (gist, example) = example(failure);
                told.entry(gist).or_insert_with(|| format!("[{} of the sort {}]\n{example}", same.len(), failure.sort));
            }
        }
    }
    told.into_values().collect()
}

/// The case as small as it gets: its gist, and a fixture with the difference.
fn example(failure: &Failure) -> (String, String) {
    let Failure { case, difference, sort } = failure;
    let Some((mut case, mut difference)) = failing(case, sort).map(|found| (case.clone(), found)) else {
        let (request, hook) = (case.request.shown(), case.hook.node.written());
        return (hook.clone(), format!("only among others: {request}\n{hook}\n{difference}"));
    };
    let mut tries = TRIES;
    while tries > 0 {
        let mut tried = 0;
        let smaller = smaller(&case).into_iter().take(tries).find_map(|smaller| {
            tried += 1;
            failing(&smaller, sort).map(|difference| (smaller, difference))
        });
        let Some(next) = smaller else { break };
        (case, difference) = next;
        tries -= tried;
    }
    (case.hook.node.written().replace(&case.hook.id, ""), format!("{}\n{difference}", fixture(&case)))
}

/// The difference and the log, where there is one of this sort that is not known.
fn failing(case: &Case, sort: &str) -> Option<String> {
    let pair = Pair::open(&case.flags, std::slice::from_ref(&case.hook)).ok()?;
    let did = pair.ask(&case.request.bytes());
    let difference = did.difference().filter(|_| did.sort() == sort && known::row(case, &did).is_none())?;
    Some(format!("{difference}\n{}", pair.log()))
}

fn smaller(case: &Case) -> Vec<Case> {
    let hooks = case.hook.node.smaller().into_iter();
    let hooks = hooks.map(|node| Case { hook: Hook { node, ..case.hook.clone() }, ..case.clone() });
    let requests = case.request.smaller().into_iter().map(|request| Case { request, ..case.clone() });
    let plain = Case { flags: super::Flags::default(), ..case.clone() };
    let flags = (case.flags.prefix() == plain.flags.prefix()).then_some(plain);
    // The flags once, then big things first.
    flags.into_iter().filter(|_| case.flags.fixture() != serde_json::json!({})).chain(hooks).chain(requests).collect()
}

fn has_plain_numbers(value: &serde_json::Value, written: &str) -> bool {
    match value {
        serde_json::Value::Number(number) => written.contains(&number.to_string()),
        serde_json::Value::Array(items) => items.iter().all(|item| has_plain_numbers(item, written)),
        serde_json::Value::Object(entries) => entries.values().all(|item| has_plain_numbers(item, written)),
        _ => true,
    }
}

fn fixture(case: &Case) -> String {
    let written = format!("[{}]", case.hook.node.written());
    // JSON writes numbers in its own way.
    let hooks = serde_json::from_str(&written).ok().filter(|hooks| has_plain_numbers(hooks, &written));
    let hooks = hooks.unwrap_or(serde_json::Value::String(written));
    let fixture = serde_json::json!({
        "why": "found by chance",
        "flags": case.flags.fixture(),
        "hooks": hooks,
        "calls": [{ "request": case.request.fixture(), "response": 200 }],
    });
    serde_json::to_string(&fixture).unwrap()
}
