//! What a caller asks for beside the message: to try without ringing, or to be answered once it is known how it fared.

use std::time::Duration;

use http::HeaderMap;

use crate::action::send::{DRY_RUN, WAIT};
use crate::hook::Hook;
use crate::node::units;
use crate::request::Head;
use crate::url::{Broken, pairs, values_of};

/// The longest wait: a caller that wants more is answered after this. Proxies and clients rarely wait for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a call of a hook that sends asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// To try without ringing.
    pub(super) dry_run: bool,
    /// For how long to wait for how the message fares.
    pub(super) wait: Option<Duration>,
}

impl Asked {
    /// By header, and by url where the hook reads no parameter of that name itself: then it means its own.
    pub(super) fn of(hook: &Hook, head: Head<'_>) -> Asked {
        let (query, _) = pairs(head.raw_query(), Broken::Kept);
        let in_query = |name: &str| {
            let found = values_of(&query, name).next().filter(|_| !hook.reads_from_url(name));
            found.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let header = head.headers.get("hookbell-dry-run").map(|value| String::from_utf8_lossy(value.as_bytes()).into());
        // Whoever wants to try must not ring, however it is written.
        let dry_run = [header, in_query(DRY_RUN)].into_iter().flatten().any(|value: String| value.trim() != "0");
        let wait = in_query(WAIT).map(|value| (patience(&value), value)).and_then(|(patience, value)| {
            if patience.is_none() {
                // An alarm is not refused for that.
                tracing::warn!(hook = %hook.id, "wait={value:?} is no time, and nobody waits: write one like wait=20s");
            }
            patience
        });
        let wait = wait.or_else(|| preferred(head.headers)).map(|time| time.min(LONGEST_WAIT));
        Asked { dry_run, wait: wait.filter(|time| !time.is_zero()) }
    }
}

/// `20s`, or `20` as the header has it.
fn patience(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs).or_else(|| units::duration(text).ok())
}

/// RFC 7240: `Prefer: wait=20`, in seconds, among other preferences.
fn preferred(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split([',', ';'])).filter_map(|one| one.split_once('='));
    let (_, seconds) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case(WAIT))?;
    seconds.trim().trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_seconds_or_has_a_unit() {
        for (text, seconds) in [("20s", Some(20)), ("20", Some(20)), ("1m", Some(60)), ("", None), ("soon", None)] {
            assert_eq!(patience(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_preference_is_found_among_others() {
        for (line, seconds) in [
            ("wait=20", Some(20)),
            ("respond-async, Wait = \"5\"", Some(5)),
            ("respond-async; wait=7", Some(7)),
            ("wait=-1", None),
            ("wait", None),
        ] {
            let headers = HeaderMap::from_iter([(
                http::header::HeaderName::from_static("prefer"),
                HeaderValue::from_static(line),
            )]);
            assert_eq!(preferred(&headers), seconds.map(Duration::from_secs), "{line}");
        }
    }
}
