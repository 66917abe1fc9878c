//! Regular expressions as Go's regexp reads them, run by the regex crate.
//!
//! Both descend from RE2 and agree in most things. Where they don't, the pattern is rewritten so that it means here what
//! it means there: Go's `\d`, `\w`, `\s`, `\b` are ASCII, it has `\Q…\E` and octal escapes, a `{` that counts nothing is a
//! character, and so is all that the regex crate adds to classes. What Go refuses is refused, in Go's words.
//!
//! Stricter than Go: half of a surrogate pair (`\x{D800}`, `\p{Cs}`), more than 250 groups inside each other, and patterns whose
//! program takes more than 32 MiB.

mod class;
mod walk;

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

pub use class::PatternError;
pub use walk::translate;

/// The largest program that a pattern may become, in bytes.
const MAX_PROGRAM: usize = 32 << 20;

const TOO_LARGE: &str = "expression too large";
const TOO_DEEP: &str = "expression nests too deeply";

/// Compiles a pattern of Go's. It searches in texts that [`subject`] made.
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let translated = translate(pattern)?;
    RegexBuilder::new(&translated).size_limit(MAX_PROGRAM).build().map_err(|why| match why {
        regex::Error::CompiledTooBig(_) => PatternError::new(TOO_LARGE, pattern),
        _ => PatternError::new(TOO_DEEP, pattern),
    })
}

/// What Go's regexp sees in these bytes: each byte that is not UTF-8 is one U+FFFD, where Rust's own conversion makes one
/// of several.
pub fn subject(bytes: &[u8]) -> Cow<'_, str> {
    let mut chunks = bytes.utf8_chunks();
    let Some(first) = chunks.next() else { return Cow::Borrowed("") };
    if first.invalid().is_empty() {
        return Cow::Borrowed(first.valid());
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in std::iter::once(first).chain(chunks) {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pattern, text, whether it fits: what Debian's webhook 2.8.0 answers, but for `(?<n>…)`, which newer Go takes.
    const FITS: &[(&str, &[u8], bool)] = &[
        ("b+c", b"xxbbbcyy", true),
        ("^hello$", b"hello\n", false),
        ("a.c", b"a\nc", false),
        ("(?s)a.c", b"a\nc", true),
        ("(?m)^b$", b"a\nb\nc", true),
        ("^a..c$", b"a\xe2\x82c", true),
        (r"\x{FFFD}", b"\xff", true),
        (r"^\d$", "٣".as_bytes(), false),
        (r"^\W$", "é".as_bytes(), true),
        (r"\s", b"\x0b", false),
        ("[[:space:]]", b"\x0b", true),
        (r"a\b", "aé".as_bytes(), true),
        (r"\B", "aéa".as_bytes(), false),
        (r"\B", "é".as_bytes(), true),
        (r"(?i)\w", "ſ".as_bytes(), true),
        (r"^\Qa*\E+$", b"a**", true),
        (r"\Qa.b", b"axb", false),
        (r"a\Q\E*b", b"b", true),
        ("(?P<1>a)(?<n>b)", b"ab", true),
        ("[a&&b]", b"&", true),
        ("[a-c--z]", b"b", true),
        ("[!--]", b"-", true),
        ("[[a]]", b"a", false),
        ("[[a]]", b"[]", true),
        (r"\<a", b"<a", true),
        (r"\p{Greek}\PL\p{^Lu}", "α11".as_bytes(), true),
        (r"[^\p{Lu}\d]", b"5", false),
        ("a  b", b"a b", false),
        (r"\123\x53\x{53}\_\ ", b"SSS_ ", true),
        (r"\08", b"\x008", true),
        ("^a{,2}$", b"a{,2}", true),
        ("a{01}{x}{1,", b"a{01}{x}{1,", true),
        ("^a(?i)+$", b"aAa", false),
        ("^ab(?i)?c$", b"aC", true),
        ("a*(?i)*", b"a", true),
        ("a(?i)b|c", b"C", true),
        ("(?i:a)b", b"AB", false),
        ("(?i-i)a(?)(?ii)b", b"aB", true),
        ("[]a][^]a]", b"]b", true),
        (r"^[\d-z]$", b"y", false),
        ("[Z-[:digit:]]", b"[]", true),
        ("[~~a#]", b"~", true),
        ("(?:a{0}){1000}|(?:a{1000}){0}", b"", true),
        ("(|a)*||^*|()|(?:)*", b"", true),
    ];

    /// What Go refuses, with its words.
    const REFUSED: &[(&str, &str)] = &[
        (r"\Z", "invalid escape sequence: `\\Z`"),
        (r"\C", "invalid escape sequence: `\\C`"),
        (r"\E", "invalid escape sequence: `\\E`"),
        (r"(a)\1", "invalid escape sequence: `\\1`"),
        (r"\u{61}", "invalid escape sequence: `\\u`"),
        (r"\b{start}\y", "invalid escape sequence: `\\y`"),
        (r"\", "trailing backslash at end of expression: ``"),
        ("(?x)a b", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?=x)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?P<n-a>a)", "invalid named capture: `(?P<n-a>`"),
        (r"\p{sc=Greek}", "invalid character class range: `\\p{sc=Greek}`"),
        (r"\p{Alphabetic}", "invalid character class range: `\\p{Alphabetic}`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        (r"[a-\d]", "invalid escape sequence: `\\d`"),
        ("[]", "missing closing ]: `[]`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("(?:a{500}){3}", "invalid repeat count: `{3}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{1,99999999999}", "invalid repeat count: `{1,99999999999}`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a???", "invalid nested repetition operator: `???`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("(?i)*", "missing argument to repetition operator: `*`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
    ];

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, text, fits) in FITS {
            let found = compile(pattern).map(|regex| regex.is_match(&subject(text)));
            assert_eq!(found, Ok(*fits), "{pattern} on {}", subject(text));
        }
        for (pattern, words) in REFUSED {
            let refused = compile(pattern).map(|_| ()).map_err(|why| why.to_string());
            assert_eq!(refused, Err(format!("error parsing regexp: {words}")), "{pattern}");
        }
    }

    #[test]
    fn a_program_that_grows_too_large_is_refused_soon() {
        let error = compile(r"(?:\pL{30}\pN{30}){33}").map(|_| ()).map_err(|why| why.to_string());
        assert!(error.is_err_and(|why| why.contains(TOO_LARGE)));
        assert!(compile(&format!("{}{}", "(".repeat(300), ")".repeat(300))).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// What the walk lets through, the regex crate takes.
        #[test]
        fn every_translation_compiles(pattern in r"([a\[\](){}|*+?^$.,:<>=!1-9PQEbdpsx\\-]|\(\?i\)|\{2\}|é|\[:alpha:\]){0,24}") {
            if translate(&pattern).is_ok() {
                let compiled = compile(&pattern).map(|_| ()).map_err(|why| why.to_string());
                prop_assert!(compiled.is_ok() || compiled.is_err_and(|why| why.contains(TOO_LARGE)));
            }
        }
    }
}
