//! Filters of our own.

use minijinja::Value;

use crate::contact::phone;
use crate::url;

/// `{{ msg|wa_link }}`, `{{ msg|wa_link("+7 900 123-45-67") }}`: a link that opens a chat with that text. A number that is
/// none is left out, and the reader chooses: an alarm is not refused for it.
pub(super) fn wa_link(text: &Value, to: Option<&Value>) -> String {
    let to = to.filter(|to| !to.is_undefined() && !to.is_none()).and_then(|to| phone(&to.to_string(), None).ok());
    let text = if text.is_undefined() || text.is_none() { String::new() } else { text.to_string() };
    url::wa_link(to.as_deref(), &text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::template::{Template, Words};

    #[test]
    fn a_link_opens_a_chat_with_a_number_if_that_is_one() {
        let values = json!({ "msg": "a b", "query": { "to": "+7 900 123-45-67", "bad": "8x" } });
        for (tag, link) in [
            ("{{ msg|wa_link }}", "?text=a%20b"),
            ("{{ msg|wa_link(query.to) }}", "79001234567?text=a%20b"),
            ("{{ msg|wa_link(query.bad) }}", "?text=a%20b"),
            ("{{ msg|wa_link(query.none) }}", "?text=a%20b"),
            ("{{ title|wa_link('+79001234567') }}", "79001234567"),
        ] {
            let link = format!("https://wa.me/{link}");
            assert_eq!(Template::parse(tag).map(|text| text.render(&values)), Ok(Ok(link.clone())), "{tag}");
            let words = Words::parse(&format!("open {tag}")).map(|words| words.render(&values));
            assert_eq!(words, Ok(Ok(vec!["open".to_owned(), link])), "{tag}");
        }
    }
}
