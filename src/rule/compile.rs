//! A rule as written → a rule that can be judged, or all that is wrong with it.

use super::address::AddressRange;
use super::kind::{KINDS, Kind, PRESENT};
use super::raw::{RawMatch, RawParameter, RawRule};
use super::signature::{Digest, Scalr, Signature};
use super::text::TextTest;
use super::{Condition, Match, Rule, Test};
use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::go::header::canonical;
use crate::node::{Placed, Reader};
use crate::request::parameter::{Parameter, Source};
use crate::secret::Secret;

impl Rule {
    /// Compiles a rule. Mistakes go to the reader: what adnanh/webhook loads, loads in the classic form and fails at each
    /// call as it does there.
    pub fn compile(raw: Placed<RawRule>, soft_failures: bool, reader: &mut Reader<'_>) -> Option<Rule> {
        Some(Rule { condition: condition(raw, reader)?, soft_failures })
    }
}

fn condition(raw: Placed<RawRule>, reader: &mut Reader<'_>) -> Option<Condition> {
    let Placed { value: RawRule { and, or, not, one, says_something }, place } = raw;
    let present = [("and", and.is_some()), ("or", or.is_some()), ("not", not.is_some()), ("match", one.is_some())];
    let mut names = present.iter().filter(|(_, present)| *present).map(|(name, _)| *name);
    if let (Some(first), Some(second)) = (names.next(), names.next()) {
        reader.warn(&place, format!("of several conditions beside each other the first counts: \"{first}\" does, \"{second}\" does not; put both into an \"and\""));
    }
    match (and, or, not, one) {
        (Some(and), ..) => {
            if and.value.is_empty() {
                reader.warn(&and.place, "nothing stands here, so everybody is let in");
            }
            all(and.value, reader).map(Condition::All)
        }
        (None, Some(or), ..) => {
            if or.value.is_empty() {
                reader.warn(&or.place, "nothing stands here, so this is never satisfied");
            }
            all(or.value, reader).map(Condition::Any)
        }
        (None, None, Some(not), _) => Some(Condition::Not(Box::new(condition(*not, reader)?))),
        (None, None, None, Some(one)) => {
            let at = one.place.path.to_string().into();
            Some(Condition::Match(Box::new(Match { at, test: test(one, reader)? })))
        }
        (None, None, None, None) if says_something => None,
        (None, None, None, None) => {
            reader.warn(&place, "an empty rule is never satisfied; it takes an \"and\", \"or\", \"not\" or \"match\"");
            Some(Condition::Never)
        }
    }
}

/// All of them are looked at, so that all mistakes are told.
fn all(rules: Vec<Placed<RawRule>>, reader: &mut Reader<'_>) -> Option<Vec<Condition>> {
    let conditions: Vec<_> = rules.into_iter().map(|rule| condition(rule, reader)).collect();
    conditions.into_iter().collect()
}

fn test(one: Placed<RawMatch>, reader: &mut Reader<'_>) -> Option<Test> {
    let Placed { value: RawMatch { kind, parameter, value, regex, secrets, secret_is_away, ip_range }, place } = one;
    let named = kind.as_ref().and_then(|word| KINDS.iter().find(|(name, _)| *name == word.value));
    let named = match named {
        Some((_, named)) => Some(*named),
        None => {
            reader.mistake(unknown_kind(kind.as_ref(), &place))?;
            None
        }
    };
    // Both are looked at before one of them ends it, so that all mistakes are told.
    let parameter = match named {
        Some(Kind::Address | Kind::Scalr) => None,
        _ => compile_parameter(parameter, &place, reader),
    };
    let signs = matches!(named, Some(Kind::Signature(_) | Kind::Renamed(..) | Kind::Scalr));
    let secrets = if signs && !secret_is_away { known(secrets, &place, reader) } else { None };
    match named {
        Some(Kind::Value) => {
            let value = value.unwrap_or_else(|| Secret::new(""));
            Some(Test::Text(parameter?, TextTest::Value(value)))
        }
        Some(Kind::Regex) => {
            let pattern = pattern(regex, &place, reader);
            Some(Test::Text(parameter?, pattern?))
        }
        Some(Kind::Signature(digest)) => Some(signature(parameter?, digest, None, &secrets?)),
        Some(Kind::Renamed(old, new, digest)) => {
            let kind = kind.as_ref().map_or(&place, |kind| &kind.place);
            reader.warn(kind, format!("use of deprecated option {old}: use {new} instead"));
            Some(signature(parameter?, digest, Some((old, new)), &secrets?))
        }
        Some(Kind::Address) => address(ip_range, &place, reader),
        Some(Kind::Scalr) => Some(Test::Scalr(Scalr::new(&secrets?))),
        None => Some(Test::Text(parameter?, TextTest::Unknown)),
    }
}

fn unknown_kind(word: Option<&Placed<String>>, place: &Place) -> Diagnostic {
    let list = || KINDS.iter().take(PRESENT).map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match word {
        Some(Placed { value, place }) => {
            let meant = did_you_mean(value, KINDS.iter().map(|(name, _)| *name));
            let message = format!("no match is of the type \"{value}\", so this is never satisfied");
            Diagnostic::error(place, message).help(meant.unwrap_or_else(|| format!("one of {}", list())))
        }
        None => Diagnostic::error(place, "a match needs a \"type\"; without one it is never satisfied")
            .help(format!("one of {}", list())),
    }
}

fn compile_parameter(raw: Option<Placed<RawParameter>>, place: &Place, reader: &mut Reader<'_>) -> Option<Parameter> {
    let Some(Placed { value: RawParameter { source, name }, place }) = raw else {
        let finding =
            Diagnostic::error(place, "a match of this type needs a \"parameter\"; without one each call fails");
        reader.mistake(finding)?;
        return Some(Parameter { source: Source::Nowhere, name: String::new() });
    };
    let found = Parameter::of_peer(source.as_ref(), name.as_deref(), &place, reader)?;
    Some(match found {
        // As it is looked up, and as the peer names it in its log.
        Parameter { source: Source::Header, name } => {
            Parameter { source: Source::Header, name: canonical(&name).into_owned() }
        }
        other => other,
    })
}

fn pattern(regex: Option<Placed<String>>, place: &Place, reader: &mut Reader<'_>) -> Option<TextTest> {
    let Some(regex) = regex.filter(|regex| !regex.value.is_empty()) else {
        reader.warn(place, "an empty \"regex\" fits everything");
        return Some(TextTest::pattern(""));
    };
    let test = TextTest::pattern(&regex.value);
    if let TextTest::Pattern(Err(why)) = &test {
        reader.mistake(Diagnostic::error(&regex.place, why.to_string()))?;
    }
    Some(test)
}

/// The secrets of a signature. One that is empty or missing is no secret.
fn known(secrets: Vec<Placed<Secret>>, place: &Place, reader: &mut Reader<'_>) -> Option<Vec<Secret>> {
    let is_empty = |secret: &&Placed<Secret>| secret.value.expose().is_empty();
    let empty = secrets.iter().find(is_empty).map_or(place, |secret| &secret.place);
    if secrets.iter().all(|secret| is_empty(&secret)) {
        let message = "a signature can't be checked without a \"secret\": each call fails";
        reader.mistake(Diagnostic::error(empty, message))?;
    } else if secrets.iter().any(|secret| is_empty(&secret)) {
        reader.mistake(Diagnostic::error(empty, "this secret is empty, and nothing is signed with it"))?;
    }
    Some(secrets.into_iter().map(|secret| secret.value).collect())
}

fn signature(
    parameter: Parameter,
    digest: Digest,
    renamed: Option<(&'static str, &'static str)>,
    secrets: &[Secret],
) -> Test {
    Test::Signature { parameter, signature: Signature::new(digest, secrets), renamed }
}

fn address(range: Option<Placed<String>>, place: &Place, reader: &mut Reader<'_>) -> Option<Test> {
    let (text, place) = match &range {
        Some(range) => (range.value.as_str(), &range.place),
        None => ("", place),
    };
    let range = AddressRange::parse(text);
    if range.is_empty() {
        reader.warn(place, "nobody's address is in an empty \"ip-range\", so this is never satisfied");
    }
    for entry in range.broken().map(str::to_owned).collect::<Vec<_>>() {
        let finding = Diagnostic::error(place, format!("invalid CIDR address: {entry}"));
        let finding = if entry.contains(',') { finding.help("addresses are separated by blanks") } else { finding };
        reader.mistake(finding)?;
    }
    Some(Test::Address(range))
}
