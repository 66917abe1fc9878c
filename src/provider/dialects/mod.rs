//! The dialects in the program: every JSON file of this folder, each a provider by its own name.
//!
//! One is read when an account, or somebody who lists them, asks for it: the others cost no memory.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::dialect::{Parsed, parsed};
use super::{Described, Kind, Open, Opened};
use crate::diagnostic::{Diagnostic, Source};
use crate::node::{About, Form, Node, Placed, Reader};
use crate::secret::Surroundings;

include!(concat!(env!("OUT_DIR"), "/dialects.rs"));

/// One dialect in the program.
pub struct BuiltIn {
    /// Its name, and the provider's.
    pub name: &'static str,
    /// Its text: a good start for somebody's own.
    pub text: &'static str,
    parsed: OnceLock<Option<Parsed>>,
}

/// Every dialect in the program, in order of name.
pub fn all() -> &'static [BuiltIn] {
    &BUILT_IN
}

/// The one called `name`.
pub fn named(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|dialect| dialect.name == name)
}

impl BuiltIn {
    const fn new(name: &'static str, text: &'static str) -> BuiltIn {
        BuiltIn { name, text, parsed: OnceLock::new() }
    }

    /// What it is, in a sentence.
    pub fn help(&self) -> &str {
        self.parsed().map_or("", Parsed::help)
    }

    /// Its row of the table.
    pub fn kind(&'static self) -> Option<Kind> {
        let parsed = self.parsed()?;
        Some(Kind {
            name: self.name,
            limits: parsed.limits(),
            can: parsed.can(),
            help: parsed.help(),
            properties: Vec::new,
            open: Open::Described(self),
        })
    }

    /// What there is to correct in it: nothing, but a test makes sure.
    pub fn findings(&self) -> Vec<Diagnostic> {
        self.read().1
    }

    /// The dialect itself.
    pub fn parsed(&self) -> Option<&Parsed> {
        self.parsed.get_or_init(|| self.read().0).as_ref()
    }

    fn read(&self) -> (Option<Parsed>, Vec<Diagnostic>) {
        let (mut findings, mut surroundings) = (Vec::new(), Surroundings::default());
        let mut reader = Reader { form: Form::Full, findings: &mut findings, surroundings: &mut surroundings };
        let source = Source::new(PathBuf::from(format!("{}.json", self.name)), self.text);
        let parsed = parsed(&Arc::new(source), &mut reader);
        (parsed, findings)
    }
}

impl Described for BuiltIn {
    fn base_url(&'static self) -> Option<&'static str> {
        self.parsed().and_then(Parsed::base_url)
    }

    fn needs_base_url(&self) -> bool {
        self.parsed().is_some_and(Parsed::needs_base_url)
    }

    fn rows(&'static self) -> Vec<About> {
        self.parsed().map(Parsed::rows).unwrap_or_default()
    }

    fn open(&self, node: &Node, base_url: Option<&Placed<String>>, reader: &mut Reader<'_>) -> Option<Opened> {
        self.parsed()?.open(node, base_url, &[], reader)
    }
}
