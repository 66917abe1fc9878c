//! Differences that are meant: rows of the README's table, each with the way to know it again.

use super::Case;
use super::pair::Did;

struct Known {
    /// The row's number.
    row: &'static str,
    is_it: fn(&Case, &Did) -> bool,
}

const KNOWN: &[Known] = &[
    // A mistake takes the hook, not the file; the peer does not know the hook at all then.
    Known { row: "17", is_it: |_, did| peer_refused_the_file(did) && status_is(&did.ours, &[404, 503]) },
    // Go since 1.22 writes these two characters shorter.
    Known {
        row: "N9",
        is_it: |_, did| did.peer_shown.replace("\\u0008", "\\b").replace("\\u000c", "\\f") == did.ours_shown,
    },
    Known { row: "16", is_it: |_, did| status_is(&did.ours, &[415]) },
];

/// The row of the table that a difference belongs to.
pub(crate) fn row(case: &Case, did: &Did) -> Option<&'static str> {
    KNOWN.iter().find(|known| (known.is_it)(case, did)).map(|known| known.row)
}

fn peer_refused_the_file(did: &Did) -> bool {
    did.peer.as_ref().is_ok_and(|answer| answer.status == 404 && answer.body == "Hook not found.")
}

fn status_is(answer: &Result<crate::fixture::Answer, String>, of: &[u16]) -> bool {
    answer.as_ref().is_ok_and(|answer| of.contains(&answer.status))
}
