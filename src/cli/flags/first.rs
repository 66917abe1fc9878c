//! What `hookbell init` and `hookbell import` are told.

use std::ffi::OsString;

use super::{ours, set};
use crate::cli::parse::{Flag, Takes};
use Takes::Value;

/// `hookbell init`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitArgs {
    /// The file, or the folder to put it into; none means the current folder.
    pub target: Option<OsString>,
}

/// The flags of `hookbell init`: it asks nothing, and nothing is to be said.
pub const INIT: &[Flag<InitArgs>] = &[];

/// `hookbell import`, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportArgs {
    /// Where to put the files; none means to print them.
    pub output: Option<OsString>,
    /// What to read.
    pub from: From,
}

/// What `hookbell import` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A unit, a hooks file, or a script that starts one of the known programs.
    File(OsString),
    /// The words behind `--`: a command line.
    Command(Vec<String>),
}

impl Default for From {
    fn default() -> From {
        From::Command(Vec::new())
    }
}

/// The flags of `hookbell import`.
pub const IMPORT: &[Flag<ImportArgs>] =
    &[ours("o", Value("DIR"), super::VERB, "write hooks.json and override.conf there, over nothing", "", |args, v| {
        set(&mut args.output, Ok(v.to_owned()))
    })];
