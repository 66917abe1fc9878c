//! A page of metrics, read as strictly as its formats are.

use std::collections::{BTreeMap, BTreeSet};

/// A page in one of the two formats.
pub(super) struct Page {
    /// Families: name and kind.
    pub(super) families: BTreeMap<String, String>,
    /// Series as they stand there, each with its value.
    pub(super) series: BTreeMap<String, f64>,
    /// Every label with its values.
    pub(super) labels: BTreeMap<String, BTreeSet<String>>,
}

impl Page {
    /// Reads it, and panics where it is not as it must be.
    pub(super) fn read(text: &str) -> Page {
        let mut page = Page { families: BTreeMap::new(), series: BTreeMap::new(), labels: BTreeMap::new() };
        let mut family = String::new();
        for line in text.lines() {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                let (name, kind) = of.split_once(' ').unwrap();
                assert!(page.families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                family = name.to_owned();
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                assert!(name.starts_with(&family), "{line} in the family {family}");
                for (label, value) in self::labels(labels) {
                    page.labels.entry(label).or_default().insert(value);
                }
                let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert!(page.series.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        page
    }

    /// The value of a series; 0 is something else than nothing.
    pub(super) fn value(&self, series: &str) -> f64 {
        let found = self.series.get(series);
        *found.unwrap_or_else(|| panic!("no {series} in {:#?}", self.series.keys().collect::<Vec<_>>()))
    }
}

/// `name="value",…}`
fn labels(text: &str) -> Vec<(String, String)> {
    let mut rest = text;
    let mut found = Vec::new();
    while rest != "}" {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {rest}"));
        let name = name.trim_start_matches(',');
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next().expect("no end of a value") {
                (at, '"') => break at + 1,
                (_, '\\') => match chars.next().unwrap().1 {
                    'n' => value.push('\n'),
                    plain @ ('\\' | '"') => value.push(plain),
                    other => panic!("\\{other}"),
                },
                (_, plain) => value.push(plain),
            }
        };
        found.push((name.to_owned(), value));
        rest = &after[end..];
    }
    found
}
