//! What a message goes by.

use crate::account::AddressKind;
use crate::provider::markup::{PLAIN, Style, WHATSAPP};

/// `content.text` takes so many characters by WhatsApp.
pub(super) const TEXT_CHARACTERS: usize = 4096;

/// What a message goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    WhatsApp,
    Sms,
}

impl Channel {
    /// Every channel with its word.
    pub(super) const ALL: [(&'static str, Channel); 2] = [("whatsapp", Channel::WhatsApp), ("sms", Channel::Sms)];

    /// The kinds of address that it takes.
    pub(super) fn kinds(self) -> Vec<AddressKind> {
        let kinds: &[&str] = if self == Channel::WhatsApp { &["whatsapp", "phone"] } else { &["phone"] };
        kinds.iter().map(|kind| AddressKind::new(kind)).collect()
    }

    /// The longest text, in characters. Infobip names none for SMS: fifteen parts of Cyrillic are long enough.
    pub(super) fn most(self) -> usize {
        if self == Channel::WhatsApp { TEXT_CHARACTERS } else { 1000 }
    }

    /// How it writes what is marked up.
    pub(super) fn style(self) -> &'static Style {
        if self == Channel::WhatsApp { &WHATSAPP } else { &PLAIN }
    }

    /// Whether `shown` is this sender, however it is written.
    pub(super) fn is(self, own: &str, shown: &str) -> bool {
        own == shown.trim_start_matches('+')
    }
}

/// The digits of a number.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
