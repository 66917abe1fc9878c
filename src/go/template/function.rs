//! The functions of a template: their names, and what those do that need nothing from outside.
//!
//! upstream: Go's text/template/funcs.go

use std::ops::Range;

use super::{Fault, MAX_TEXT, Value, escape, print};
use crate::diagnostic::did_you_mean;

/// A function: its name, and how many arguments it takes.
#[derive(Clone, Copy)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) least: usize,
    pub(super) most: usize,
}

const fn function(name: &'static str, least: usize, most: usize) -> Function {
    Function { name, least, most }
}

const ANY: usize = usize::MAX;

const FUNCTIONS: &[Function] = &[
    function("and", 1, ANY),
    function("cat", 1, 1),
    function("credential", 1, 1),
    function("eq", 1, ANY),
    function("ge", 2, 2),
    function("getenv", 1, 1),
    function("gt", 2, 2),
    function("html", 0, ANY),
    function("js", 0, ANY),
    function("le", 2, 2),
    function("len", 1, 1),
    function("lt", 2, 2),
    function("ne", 2, 2),
    function("not", 1, 1),
    function("or", 1, ANY),
    function("print", 0, ANY),
    function("printf", 1, ANY),
    function("println", 0, ANY),
    function("urlquery", 0, ANY),
];

/// What Go has, and nobody can use in a hooks file, for there are no data to use it on.
const REFUSED: [&str; 9] = ["block", "break", "call", "continue", "define", "index", "range", "slice", "template"];

/// The function of a name.
pub(super) fn named(name: &str, span: &Range<usize>) -> Result<Function, Fault> {
    if let Some(found) = FUNCTIONS.iter().find(|function| function.name == name) {
        return Ok(*found);
    }
    if REFUSED.contains(&name) {
        let why = format!("`{name}` is refused: it needs data, and a hooks file has none");
        return Err(Fault::new(span.clone(), why).help("write out what it would yield"));
    }
    let fault = Fault::new(span.clone(), format!("there is no function `{name}`"));
    let known = FUNCTIONS.iter().map(|function| function.name);
    let help = did_you_mean(name, known).unwrap_or_else(|| {
        "for the environment write {{ getenv \"NAME\" | js }}; for braces that are meant as text {{ \"{{\" }}"
            .to_owned()
    });
    Err(fault.help(help))
}

/// Calls a function that is not `and`, `or`, or one that looks outside. The error says why it can't be called so.
pub(super) fn built_in(name: &str, values: &[Value]) -> Result<Value, String> {
    let text = |text: String| Ok(Value::Text(text));
    let truth = |truth: Result<bool, String>| truth.map(Value::Bool);
    let total: usize = values.iter().map(|value| if let Value::Text(text) = value { text.len() } else { 0 }).sum();
    // What is escaped grows, at most sixfold.
    if total > MAX_TEXT {
        return Err("its arguments are too long".to_owned());
    }
    match (name, values) {
        ("print", _) => text(print::print(values)),
        ("println", _) => text(print::println(values)),
        ("printf", [Value::Text(format), values @ ..]) => print::printf(format, values).map(Value::Text),
        ("printf", _) => Err("its first argument is a text".to_owned()),
        ("js", _) => text(escape::js(&print::joined(values))),
        ("html", _) => text(escape::html(&print::joined(values))),
        ("urlquery", _) => text(escape::query(&print::joined(values))),
        ("len", [Value::Text(text)]) => Ok(Value::Int(i64::try_from(text.len()).unwrap_or(i64::MAX))),
        ("len", [value]) => Err(format!("a {} has no length", value.kind())),
        ("not", [value]) => Ok(Value::Bool(!value.truth())),
        ("eq", [first, others @ ..]) => truth(equal(first, others)),
        ("ne", [a, b]) => truth(equal(a, std::slice::from_ref(b)).map(|equal| !equal)),
        ("lt", [a, b]) => truth(compare(a, b).map(|order| order.is_some_and(|order| order.is_lt()))),
        ("le", [a, b]) => truth(compare(a, b).map(|order| order.is_some_and(|order| order.is_le()))),
        ("gt", [a, b]) => truth(compare(a, b).map(|order| order.is_some_and(|order| order.is_gt()))),
        ("ge", [a, b]) => truth(compare(a, b).map(|order| order.is_some_and(|order| order.is_ge()))),
        _ => Err("these are not its arguments".to_owned()),
    }
}

/// Whether the first equals any of the others.
fn equal(first: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("there is nothing to compare with".to_owned());
    }
    for other in others {
        let is_nil = *first == Value::Nil || *other == Value::Nil;
        if !is_nil && first.kind() != other.kind() {
            return Err(incompatible(first, other));
        }
        if first == other {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(a: &Value, b: &Value) -> Result<Option<std::cmp::Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (a, b) => Err(incompatible(a, b)),
    }
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("a {} can't be compared with a {}", a.kind(), b.kind())
}
