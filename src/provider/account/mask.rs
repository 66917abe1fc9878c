//! What nobody is to see of an account.

use crate::provider::{Account, Outgoing};
use crate::secret::Secret;
use crate::url::{encode_segment, encode_value};

/// Shorter ones are looked for in vain: they stand in any words, by chance.
const SHORTEST: usize = 4;

impl Account {
    /// Words about something that it sends, without its secrets: also as they stand in JSON and in an address. A provider
    /// may repeat whatever it is sent.
    pub fn masked(&self, words: &str, out: &Outgoing) -> String {
        let secrets = out.callback.iter().chain(&self.secrets).map(Secret::expose);
        secrets.filter(|secret| secret.len() >= SHORTEST).fold(words.to_owned(), |words, secret| {
            let in_json = serde_json::Value::from(secret).to_string();
            let in_json = in_json.get(1..in_json.len() - 1).unwrap_or_default().to_owned();
            let forms = [secret.to_owned(), in_json, encode_segment(secret), encode_value(secret.as_bytes())];
            forms.iter().fold(words, |words, form| words.replace(form, "[secret]"))
        })
    }
}
