//! From a dialect's text to what opens accounts by it.

use std::sync::Arc;

use super::file::{BaseUrl, Dialect};
use super::gateway;
use super::settings::Declared;
use crate::account::Limits;
use crate::diagnostic::Source;
use crate::node::{self, About, Node, Placed, Reader};
use crate::provider::capabilities::Capabilities;
use crate::provider::{Opened, named_template};

/// A dialect, ready to open accounts by.
pub struct Parsed(Arc<Dialect>);

/// Reads the text of a dialect's file; `None` after a mistake, which the reader has noted, with its place in that file.
pub fn parsed(source: &Arc<Source>, reader: &mut Reader<'_>) -> Option<Parsed> {
    match node::parse(source) {
        Ok(node) => Dialect::read(&node, reader).map(|dialect| Parsed(Arc::new(dialect))),
        Err(finding) => reader.note(finding),
    }
}

impl Parsed {
    /// What the gateway is, in a sentence.
    pub fn help(&self) -> &str {
        &self.0.help
    }

    /// Where its API is for accounts without a `base-url`; `None` where they have none.
    pub fn base_url(&self) -> Option<&str> {
        match &self.0.base_url {
            BaseUrl::Known(url) => Some(url),
            BaseUrl::Needed => Some(""),
            BaseUrl::None => None,
        }
    }

    /// Whether an account must have a `base-url`.
    pub fn needs_base_url(&self) -> bool {
        self.0.base_url == BaseUrl::Needed
    }

    /// The properties of its accounts.
    pub fn rows(&'static self) -> Vec<About> {
        let approved = self.0.template.as_ref().map(|_| named_template::ABOUT);
        self.0.properties.iter().map(Declared::about).chain(approved).collect()
    }

    /// What its accounts can do.
    pub fn can(&self) -> Capabilities {
        self.0.can()
    }

    /// How often its accounts may send.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Opens an account by it. `besides` are properties that are none of the dialect's.
    pub fn open(
        &self,
        node: &Node,
        base_url: Option<&Placed<String>>,
        besides: &[&str],
        reader: &mut Reader<'_>,
    ) -> Option<Opened> {
        gateway::open(&self.0, node, base_url, besides, reader)
    }
}
