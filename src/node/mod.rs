//! A configuration file as it was written: values with their places.
//!
//! Every file goes through one YAML 1.1-tolerant reader, whatever its name, for that is what adnanh/webhook does with
//! its `hooks.json` (upstream: gopkg.in/yaml.v2 under ghodss/yaml). A serde derive can't read it: that stops at the
//! first error, can't fold keys, and loses how a scalar was written.

use crate::diagnostic::Place;

mod complaint;
mod lenient;
mod mistake;
mod parse;
mod read;
mod resolve;
mod scalar;
mod shape;
mod tree;
pub mod units;

pub use parse::parse;
pub use read::{COMMENTS, Form, Property, Read, Reader, beside, guard, needed, needed_in_full, property, rows, usual};
pub use scalar::is_newest_number;
pub use shape::{About, Needed, Shape, Table};

/// A value that was read, and where it stands: for what is judged later than it is read.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where.
    pub place: Place,
    /// What.
    pub value: Value,
}

impl Node {
    /// What was read from it, with its place.
    pub fn placed<T>(&self, read: Option<T>) -> Option<Placed<T>> {
        read.map(|value| Placed { value, place: self.place.clone() })
    }
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing: `null`, `~`, or an empty place.
    Null,
    /// A text, number or boolean, as it was written.
    Scalar {
        /// The text, unescaped where it was quoted.
        text: String,
        /// Written without quotes, and so perhaps a number or a boolean.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// An object. Of a key given twice both are here, in order.
    Map(Vec<Entry>),
}

/// One key of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key as written.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// Its value.
    pub value: Node,
}
