//! Differences that are meant: rows of the README's table, each with the way to know it again.

use super::Case;
use super::pair::Did;
use crate::fixture::Answer;

struct Known {
    /// The row's number.
    row: &'static str,
    is_it: fn(&Case, &Did) -> bool,
}

const KNOWN: &[Known] = &[
    // It panics over a path of several parts in parse-parameters-as-json.
    Known {
        row: "1",
        is_it: |case, did| {
            let told = |answer: &Answer| answer.body == "Internal Server Error\n";
            let wordless = case.request.is_head() && case.hook.node.written().contains("parse-parameters-as-json");
            did.peer.as_ref().is_ok_and(told) || wordless && status_is(&did.peer, &[500])
        },
    },
    // It signs nothing at all where the body is multipart.
    Known { row: "23", is_it: |case, _| case.request.is_multipart() && is_signed(case) },
    // A mistake takes the hook, not the file; the peer does not know the hook at all then.
    Known { row: "17", is_it: |_, did| peer_refused_the_file(did) && status_is(&did.ours, &[404, 503]) },
    // The older YAML reader takes no colon inside a plain scalar of a flow list or map.
    Known { row: "N5", is_it: |case, did| peer_refused_the_file(did) && has_scalar(case, &["12:30:45"]) },
    // It takes these for text, the newer one for numbers.
    Known { row: "N4", is_it: |case, _| has_scalar(case, &["1e3", "0.", "1."]) },
    // Go since 1.22 takes this way to name a group.
    Known { row: "N8", is_it: |case, did| status_is(&did.peer, &[500]) && case.hook.node.written().contains("(?<n>") },
    // Go since 1.22 writes these two characters shorter.
    Known {
        row: "N7",
        is_it: |case, did| {
            let looked_at = || case.hook.node.written().contains("\"regex\"") && has_short_controls(case);
            shorter(&did.peer_shown) == did.ours_shown || looked_at()
        },
    },
    // Text before a child keeps the children out.
    Known { row: "N6", is_it: |case, _| reads_xml(case) && has_text_before_child(case.request.body()) },
    // It passes over whatever stands between `<!` or `<?` and its end.
    Known { row: "25", is_it: |case, _| has_odd_markup(case.request.body()) },
];

/// The row of the table that a difference belongs to.
pub(crate) fn row(case: &Case, did: &Did) -> Option<&'static str> {
    KNOWN.iter().find(|known| (known.is_it)(case, did)).map(|known| known.row)
}

fn peer_refused_the_file(did: &Did) -> bool {
    let by_router = |answer: &Answer| !answer.header("x-content-type-options").is_empty();
    did.peer.as_ref().is_ok_and(|answer| answer.status == 404 && !by_router(answer))
}

/// Whether there is a comment, a directive or an instruction of XML, and something in the body that XML can't have.
fn has_odd_markup(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return body.windows(2).any(|two| two == b"<!" || two == b"<?") };
    let known = ["--", "[CDATA[", "DOCTYPE"];
    let odd = |rest: &str| !known.iter().any(|start| rest.starts_with(start));
    let control = |letter: char| letter.is_ascii_control() && !"\t\r\n".contains(letter);
    text.split("<!").skip(1).any(odd) || (text.contains(['!', '?']) && text.contains('<') && text.contains(control))
}

/// Whether the request has one of the characters that N7 is about, however it is written.
fn has_short_controls(case: &Case) -> bool {
    let text = case.request.shown() + &String::from_utf8_lossy(case.request.body());
    let text = text.to_lowercase();
    ["\\b", "\\f", "\\u0008", "\\u000c", "%08", "%0c", "\u{8}", "\u{c}"].iter().any(|word| text.contains(word))
}

/// Whether its body may be read as XML.
fn reads_xml(case: &Case) -> bool {
    case.request.says("xml") || case.hook.node.written().contains("xml")
}

fn has_text_before_child(body: &[u8]) -> bool {
    let mixed = ::regex::Regex::new(r"<[^<>/!?][^<>]*>[^<]*[^<\s][^<]*<[^/!?]").unwrap();
    mixed.is_match(&String::from_utf8_lossy(body))
}

fn is_signed(case: &Case) -> bool {
    let marks = &case.hook.marks;
    marks.scalr || !marks.signatures.is_empty()
}

/// Whether one of these stands in the file as it is.
fn has_scalar(case: &Case, scalars: &[&str]) -> bool {
    let written = case.hook.node.written();
    let ends = [",", "}", "]"];
    scalars.iter().any(|scalar| ends.iter().any(|end| written.contains(&format!(": {scalar}{end}"))))
}

fn shorter(text: &str) -> String {
    text.replace("\\u0008", "\\b").replace("\\u000c", "\\f")
}

fn status_is(answer: &Result<Answer, String>, of: &[u16]) -> bool {
    answer.as_ref().is_ok_and(|answer| of.contains(&answer.status))
}

#[test]
fn every_known_difference_is_a_row_of_the_readme() {
    KNOWN.iter().for_each(|known| assert!(crate::table::is_a_row(known.row), "{}", known.row));
}
