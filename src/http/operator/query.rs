//! What an operator's query asks for.

use crate::clock::Timestamp;
use crate::diagnostic::did_you_mean;
use crate::message::delivery::{DeliveryId, DeliveryState};
use crate::node::units;
use crate::outbox::Filter;
use crate::url::{Broken, pairs};

/// Rows of a list that says nothing else.
const USUAL: u32 = 50;

/// The most rows of one answer; there is always a next one.
const MOST: u32 = 1000;

/// The names of a query with their values; each is taken once, and what is left is a mistake.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as it stands in a URL.
    pub(super) fn read(query: &str) -> Result<Query, String> {
        let (found, is_whole) = pairs(query.as_bytes(), Broken::Kept);
        if !is_whole {
            return Err("the query has a broken escape".to_owned());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Query(found.iter().map(|(key, value)| (text(key), text(value))).collect()))
    }

    /// A list's filter.
    pub(super) fn filter(mut self, now: Timestamp) -> Result<Filter, String> {
        let state = |text: &str| {
            let words = DeliveryState::ALL.map(|(word, _)| word);
            DeliveryState::named(text).ok_or_else(|| {
                let help = did_you_mean(text, words).unwrap_or_else(|| format!("there are {}", words.join(", ")));
                format!("no state is called \"{text}\": {help}")
            })
        };
        let filter = Filter {
            state: self.take("state").map(|text| state(&text)).transpose()?,
            hook: self.take("hook"),
            contact: self.take("contact"),
            account: self.take("account"),
            since: self.time("since", now)?,
            until: self.time("until", now)?,
            before: self.number("before")?.map(DeliveryId),
            limit: self.limit(MOST)?,
        };
        self.nothing_else(&["state", "hook", "contact", "account", "since", "until", "before", "limit"])?;
        Ok(filter)
    }

    /// The only thing that may be asked for: how many, up to `most`.
    pub(super) fn only_limit(mut self, most: u32) -> Result<u32, String> {
        let limit = self.limit(most)?;
        self.nothing_else(&["limit"])?;
        Ok(limit)
    }

    /// Nothing may be asked for.
    pub(super) fn nothing(&self) -> Result<(), String> {
        self.nothing_else(&[])
    }

    /// Whether a retry is meant also where it may arrive twice.
    pub(super) fn force(mut self) -> Result<bool, String> {
        let force = self.take("force").is_some_and(|value| value != "0");
        self.nothing_else(&["force"])?;
        Ok(force)
    }

    /// What a purge counts as old: there is no usual value for that.
    pub(super) fn older(mut self, now: Timestamp) -> Result<Timestamp, String> {
        let older = self.time("older-than", now)?;
        self.nothing_else(&["older-than"])?;
        older.ok_or_else(|| "how old? say older-than=30d".to_owned())
    }

    /// The only thing that may be asked for: this one, if it is there.
    pub(super) fn only(mut self, name: &str) -> Result<Option<String>, String> {
        let value = self.take(name).filter(|value| !value.is_empty());
        self.nothing_else(&[name])?;
        Ok(value)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    fn number(&mut self, name: &str) -> Result<Option<i64>, String> {
        let wrong = |text: &str| format!("{name}={text}: write a number");
        self.take(name).map(|text| text.parse().map_err(|_| wrong(&text))).transpose()
    }

    fn limit(&mut self, most: u32) -> Result<u32, String> {
        match self.number("limit")?.map(u32::try_from) {
            None => Ok(USUAL),
            Some(Ok(limit @ 1..)) => Ok(limit.min(most)),
            Some(_) => Err("limit: write a number above 0".to_owned()),
        }
    }

    /// So long ago, or a time of day.
    fn time(&mut self, name: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.take(name) else { return Ok(None) };
        if let Ok(ago) = units::duration(&text) {
            let ago = Timestamp::default().plus(ago).millis();
            return Ok(Some(Timestamp::from_millis(now.millis().saturating_sub(ago).max(0))));
        }
        let wrong = |_| format!("{name}={text}: write 2h or 30d for so long ago, or 2026-11-20T23:15:00Z");
        text.parse().map(Some).map_err(wrong)
    }

    fn nothing_else(&self, known: &[&str]) -> Result<(), String> {
        let Some((key, _)) = self.0.first() else { return Ok(()) };
        if known.contains(&key.as_str()) {
            return Err(format!("\"{key}\" stands here twice"));
        }
        let help = did_you_mean(key, known.iter().copied()).unwrap_or_else(|| match known {
            [] => "there is nothing to ask for here".to_owned(),
            known => format!("there are {}", known.join(", ")),
        });
        Err(format!("nothing is called \"{key}\" here: {help}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn filter(query: &str) -> Result<Filter, String> {
        Query::read(query).and_then(|query| query.filter(NOW))
    }

    #[test]
    fn a_list_s_filter_is_read_from_the_query() {
        let read =
            filter("state=failed&contact=%D0%B8&since=2h&until=2026-11-20T23:00:00Z&limit=9999&before=7").unwrap();
        let (since, until) = (NOW.millis() - 7_200_000, NOW.millis() - 900_000);
        assert_eq!((read.state, read.contact.as_deref()), (Some(DeliveryState::Failed), Some("и")));
        assert_eq!(
            (read.since, read.until),
            (Some(Timestamp::from_millis(since)), Some(Timestamp::from_millis(until)))
        );
        assert_eq!((read.limit, read.before), (MOST, Some(DeliveryId(7))));
        assert_eq!(filter("").unwrap().limit, USUAL);
    }

    #[test]
    fn what_can_not_be_read_is_told_with_advice() {
        for (query, words) in [
            ("state=faild", "did you mean \"failed\"?"),
            ("contakt=ivan", "did you mean \"contact\"?"),
            ("hook=a&hook=b", "stands here twice"),
            ("since=2", "since=2: write 2h"),
            ("limit=0", "above 0"),
            ("before=x", "write a number"),
        ] {
            let why = filter(query).unwrap_err();
            assert!(why.contains(words), "{query}: {why}");
        }
        assert!(Query::read("").unwrap().older(NOW).is_err());
    }
}
