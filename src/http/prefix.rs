//! `-urlprefix`: what stands in a path between the first slash and a hook's id.

use regex::Regex;

use crate::go::path::clean;
use crate::go::regex::compile;

/// The prefix, compiled.
///
/// upstream: gorilla/mux newRouteRegexp over `/PREFIX/{id:.*}`. A piece in braces stands for one segment of the path,
/// `{name}`, or for whatever a pattern of its own fits, `{name:pattern}`. Its name means nothing.
#[derive(Clone, Debug)]
pub enum Prefix {
    /// No braces: `/hooks/`, or `/` where hooks have no prefix.
    Plain(String),
    /// With braces: the whole path up to the id.
    Pattern(Regex),
    /// One that can't be understood: no hook is ever reached.
    Never,
}

impl Prefix {
    /// Compiles what `-urlprefix` says. It is put in as it is, slashes included. The error says why no hook will be
    /// reached; the peer starts all the same, and says nothing.
    pub fn new(prefix: &str) -> Result<Prefix, String> {
        let unreachable = |why: String| Err(format!("-urlprefix {prefix:?}: {why}, so that every hook answers 404"));
        let has_braces = prefix.contains(['{', '}']);
        let is_clean = prefix.is_empty() || has_braces || clean(prefix) == prefix;
        if prefix.starts_with('/') || prefix.ends_with('/') || !is_clean {
            return unreachable("paths lose their double slashes and dots before they are looked at".to_owned());
        }
        if !has_braces {
            return Ok(Prefix::Plain(if prefix.is_empty() { "/".to_owned() } else { format!("/{prefix}/") }));
        }
        pattern(prefix).map(Prefix::Pattern).or_else(unreachable)
    }

    /// What stands behind the prefix in a path, percent-decoded; `None` for a path that is no hook's.
    pub(super) fn id_in<'p>(&self, path: &'p str) -> Option<&'p str> {
        let id = match self {
            Prefix::Plain(prefix) => path.strip_prefix(prefix.as_str()),
            // The id is the last group; a pattern in braces may have some of its own, which the peer panics at.
            Prefix::Pattern(pattern) => {
                pattern.captures(path).and_then(|found| found.iter().last()?).map(|id| id.as_str())
            }
            Prefix::Never => None,
        };
        // upstream: the pattern of the id is `.*`, which no line break matches.
        id.filter(|id| !id.contains('\n'))
    }
}

/// The pattern of a whole path: what stands in braces as it is, what stands outside letter by letter.
fn pattern(prefix: &str) -> Result<Regex, String> {
    let mut whole = "^/".to_owned();
    let mut rest = prefix;
    while let Some(at) = rest.find(['{', '}']) {
        let (outside, from) = rest.split_at(at);
        push_quoted(&mut whole, outside);
        let end = closing(from).ok_or("its braces are unbalanced")?;
        let inside = &from[1..end];
        let (name, fits) = inside.split_once(':').unwrap_or((inside, "[^/]+"));
        if name.is_empty() || fits.is_empty() {
            return Err(format!("there is no name, or no pattern, in {{{inside}}}"));
        }
        // By itself as well: two halves must not make a whole.
        compile(fits).map_err(|why| format!("{{{inside}}}: {why}"))?;
        whole += &format!("(?:{fits})");
        rest = &from[end + 1..];
    }
    push_quoted(&mut whole, rest);
    compile(&format!("{whole}/(.*)$")).map_err(|why| why.to_string())
}

/// Where the brace is that closes the one `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            // One too many is no number.
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn push_quoted(pattern: &mut String, text: &str) {
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prefix, path, the id in it: what Debian's webhook 2.8.0 does, but for groups, at which it panics.
    const FOUND: &[(&str, &str, Option<&str>)] = &[
        ("hooks", "/hooks/a", Some("a")),
        ("hooks", "/hooks", None),
        ("", "/a", Some("a")),
        ("a/b", "/a/b/c/d", Some("c/d")),
        ("{p}", "/x/a", Some("a")),
        ("{p}", "/x/y/a", Some("y/a")),
        ("{p}", "/a", None),
        ("{id}", "/x/a", Some("a")),
        ("{p}/{p}", "/x/y/a", Some("a")),
        ("v{p:[0-9]+}x", "/v1x/a", Some("a")),
        ("v{p:[0-9]+}x", "/vx/a", None),
        ("{p:a/b}", "/a/b/a", Some("a")),
        ("{p:a{2}}", "/aa/a", Some("a")),
        ("{p:.*}", "/a/b/c", Some("c")),
        ("{p:a|b}", "/b/a", Some("a")),
        ("{p:(a|b)}", "/b/a", Some("a")),
        ("a.{p}", "/ax1/a", None),
        ("{p}", "/x/a\nb", None),
    ];

    #[test]
    fn an_id_is_found_where_the_peer_finds_it() {
        for (prefix, path, id) in FOUND {
            assert_eq!(Prefix::new(prefix).unwrap().id_in(path), *id, "{prefix} {path}");
        }
    }

    #[test]
    fn what_makes_hooks_unreachable_is_told() {
        for prefix in
            ["a{b", "a}b", "{p:}", "{:x}", "{}", "{p:[}", "{p:a)(b}", "/foo", "foo/", "a//b", "a/./b", "{p:{}"]
        {
            let why = Prefix::new(prefix).unwrap_err();
            assert!(why.starts_with("-urlprefix ") && why.ends_with("every hook answers 404"), "{why}");
        }
        assert_eq!(Prefix::Never.id_in("/a{b/a"), None);
    }
}
