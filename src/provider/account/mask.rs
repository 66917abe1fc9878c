//! What nobody is to see of an account.

use http::Uri;

use crate::message::delivery::{Report, SendError};
use crate::message::news::{News, Standing, Told};
use crate::provider::Account;
use crate::provider::probe::{Fault, Learned};
use crate::secret::Secret;
use crate::url::{encode_segment, encode_value};

/// What stands for a secret.
const MASK: &str = "[secret]";

/// What ends words that were cut.
const CUT: char = '…';

/// Shorter ones are looked for in vain: they stand in any words, by chance.
const SHORTEST: usize = 4;

/// Shorter ones count only where they stand alone, and are not a part of a number or a word.
const UNMISTAKABLE: usize = 8;

impl Account {
    /// Words without its secrets, and without the address that it is called at: also as they stand in JSON and in an
    /// address, and cut at their end. A provider may repeat whatever it is sent.
    pub fn masked(&self, words: &str, callback: Option<&Secret>) -> String {
        let secrets = self.secrets.iter().chain(callback).map(Secret::expose);
        let mut forms: Vec<String> = secrets.filter(|secret| secret.len() >= SHORTEST).flat_map(forms_of).collect();
        // A longer one may have a shorter one in it.
        forms.sort_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
        forms.dedup();
        masked(words, &forms)
    }

    /// The same of an error of its provider: callers hear it, and it stands in the log.
    pub fn masked_error(&self, error: SendError) -> SendError {
        let [code, detail] = [error.code, error.detail].map(|words| self.masked(&words, None));
        SendError { code, detail, ..error }
    }

    /// The same of what its provider tells by itself; what people wrote stays as it is.
    pub fn masked_news(&self, news: News) -> News {
        match news {
            News::Told(Told { report: Report::Failed(error), receipt, key, at }) => {
                News::Told(Told { report: Report::Failed(self.masked_error(error)), receipt, key, at })
            }
            News::Standing(Standing::Down { why }) => News::Standing(Standing::Down { why: self.masked(&why, None) }),
            news => news,
        }
    }

    /// The same of what was learned of it by asking.
    pub fn masked_learned(&self, Learned { well, faults }: Learned) -> Learned {
        let fault = |Fault { is_error, message, help }| Fault {
            is_error,
            message: self.masked(&message, None),
            help: help.map(|help: String| self.masked(&help, None)),
        };
        Learned { well: self.masked(&well, None), faults: faults.into_iter().map(fault).collect() }
    }
}

fn forms_of(secret: &str) -> Vec<String> {
    let in_json = serde_json::Value::from(secret).to_string();
    let in_json = in_json.get(1..in_json.len() - 1).unwrap_or_default().to_owned();
    let mut forms = vec![secret.to_owned(), in_json, encode_segment(secret), encode_value(secret.as_bytes())];
    // A secret address is repeated without its host.
    let url = secret.parse::<Uri>().ok().filter(|url| url.host().is_some());
    forms.extend(url.and_then(|url| Some(url.path_and_query()?.to_string())).filter(|path| path.len() >= SHORTEST));
    forms
}

fn masked(words: &str, forms: &[String]) -> String {
    let (mut shown, mut rest, mut before) = (String::with_capacity(words.len()), words, None);
    while let Some(letter) = rest.chars().next() {
        let found = forms.iter().find(|form| {
            let behind = rest.strip_prefix(form.as_str()).map(|behind| behind.chars().next());
            let alone = |next: Option<char>| ![before, next].into_iter().flatten().any(char::is_alphanumeric);
            behind.is_some_and(|next| form.len() >= UNMISTAKABLE || alone(next))
        });
        let cut = || forms.iter().any(|form| begins(form, rest));
        let length = match found {
            Some(form) => form.len(),
            // What was masked before.
            None if rest.starts_with(MASK) => MASK.len(),
            None if cut() => rest.len() - CUT.len_utf8(),
            None => {
                shown.push(letter);
                (before, rest) = (Some(letter), rest.get(letter.len_utf8()..).unwrap_or_default());
                continue;
            }
        };
        shown.push_str(MASK);
        (before, rest) = (Some(']'), rest.get(length..).unwrap_or_default());
    }
    shown
}

/// Whether the rest of the words is where this begins, and was cut.
fn begins(form: &str, rest: &str) -> bool {
    let begun = rest.strip_suffix(CUT).map(str::trim_end);
    begun.is_some_and(|begun| begun.len() >= SHORTEST && begun.len() < form.len() && form.starts_with(begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_however_they_stand_there() {
        let secrets =
            ["secret", "s3cret-path/+", "1234", "p\"w\"p\"w\"p\"w", "https://chat.example.org/rooms/9?key=abc"];
        let mut forms: Vec<_> = secrets.into_iter().flat_map(forms_of).collect();
        forms.sort_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
        forms.dedup();
        for (words, shown) in [
            ("a secret, [secret] and secrets", "a [secret], [secret] and secrets"),
            ("call https://h/s3cret-path%2F+ or ?x=s3cret-path%2F%2B", "call https://h/[secret] or ?x=[secret]"),
            ("{\"k\":\"p\\\"w\\\"p\\\"w\\\"p\\\"w\"}", "{\"k\":\"[secret]\"}"),
            ("code 131234 for +791234, pin 1234", "code 131234 for +791234, pin [secret]"),
            ("no such address: https://h/s3cret-p…", "no such address: https://h/[secret]…"),
            ("cut elsewhere…", "cut elsewhere…"),
            ("nobody at /rooms/9?key=abc, host chat.example.org", "nobody at [secret], host chat.example.org"),
        ] {
            assert_eq!(masked(words, &forms), shown);
        }
    }
}
