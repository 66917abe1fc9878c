//! What may stand in a property, and what it is for: the part of a property's row that everybody may look at.
//!
//! The rows are the only list of properties there is. The reader reads by them, and the JSON Schema is made of them, so
//! that an editor completes and explains what the daemon takes.

/// A row without what reads it.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The key, in lower case with dashes.
    pub name: &'static str,
    /// What may stand there.
    pub takes: Shape,
    /// What it is for, in a sentence or two.
    pub help: &'static str,
    /// What holds where it is left out, as it would be written; empty where that is nothing.
    pub default: &'static str,
    /// Whether it may be left out.
    pub needed: Needed,
    /// Whether it guards something: then an empty one would guard nothing, and null is refused.
    pub guards: bool,
}

/// Whether a property may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// It may.
    No,
    /// Not in the full form; the classic one takes what adnanh/webhook takes.
    InFull,
    /// It may not.
    Always,
}

/// What may stand in a property.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text; numbers and booleans are taken, too.
    Text,
    /// A text that this regular expression matches, of the kind that JSON Schema has.
    Pattern(&'static str),
    /// One of these words.
    Words(fn() -> Vec<&'static str>),
    /// One of these words; the classic form loads any other with a warning, as adnanh/webhook does.
    PeerWords(fn() -> Vec<&'static str>),
    /// True or false.
    Boolean,
    /// A whole number in these bounds, the bounds included.
    Integer(i64, i64),
    /// A length of time, which may be zero.
    Duration,
    /// A length of time, but not zero.
    SomeTime,
    /// How often something may happen.
    Rate,
    /// A secret, or an object that says where it is.
    Secret,
    /// One secret or several, or an object of names and the secrets of each.
    Callers,
    /// A text, or an object that names the file that it is in.
    TextOrFile,
    /// The path of a file that is read.
    File,
    /// A program, perhaps with its arguments.
    Program,
    /// The path of a directory.
    Directory,
    /// An object with the properties of a table.
    Object(Table),
    /// An object of names that the file gives, and such values.
    Map(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// A list, or one element alone.
    OneOrMore(&'static Shape),
    /// One of these, which differ in what JSON calls their type.
    Either(&'static [Shape]),
}

/// A table of properties, by its name in the schema.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its rows.
    pub rows: fn() -> Vec<About>,
}
