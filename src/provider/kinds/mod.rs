//! The list of providers, nothing else.

use super::Kind;

mod command;
mod console;
mod devino;
mod green_api;
mod http_json;
mod infobip;
mod phone;
mod smtp;
mod telegram;
mod twilio;
mod vonage;
mod wazzup;
mod whatsapp_cloud;

/// Every provider, in order of name.
pub const KINDS: &[Kind] = &[
    command::KIND,
    console::KIND,
    devino::KIND,
    green_api::KIND,
    http_json::KIND,
    infobip::KIND,
    phone::KIND,
    smtp::KIND,
    telegram::KIND,
    twilio::KIND,
    vonage::KIND,
    wazzup::KIND,
    whatsapp_cloud::KIND,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_unique() {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "keep the table in order: {names:?}");
    }

    #[test]
    fn a_base_url_has_no_slash_at_its_end() {
        for kind in KINDS {
            if let super::super::Open::Http { base_url, .. } = kind.open {
                assert!(!base_url.ends_with('/'), "{}", kind.name);
            }
        }
    }
}
