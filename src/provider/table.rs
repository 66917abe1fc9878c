//! All providers in one table, whether a file of Rust or a dialect makes them.

use super::kinds::KINDS;
use super::{Kind, Providers, dialects};

/// Where accounts look up their providers: a dialect is read when it is asked for.
pub const PROVIDERS: Providers = Providers { names, named };

/// Every provider, in order of name.
pub fn table() -> Vec<Kind> {
    names().into_iter().filter_map(named).collect()
}

/// The names of all, in order.
pub fn names() -> Vec<&'static str> {
    let dialects = dialects::all().iter().map(|dialect| dialect.name);
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).chain(dialects).collect();
    names.sort_unstable();
    names
}

/// The provider of this name.
pub fn named(name: &str) -> Option<Kind> {
    let kind = KINDS.iter().find(|kind| kind.name == name).cloned();
    kind.or_else(|| dialects::named(name)?.kind())
}
