//! The list of providers, nothing else.

use super::Kind;

/// Every provider, in order of name.
pub const KINDS: &[Kind] = &[];
