//! What a message goes by: whom it reaches, and what it carries.

use crate::account::{Address, AddressKind};
use crate::message::media::MediaKind;
use crate::provider::markup::{PLAIN, Style, WHATSAPP};

/// `text` takes so many characters by WhatsApp; the other channels take fewer.
pub(super) const TEXT_CHARACTERS: usize = 4096;

/// What a message goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    WhatsApp,
    Sms,
    Viber,
    Messenger,
}

impl Channel {
    /// Every channel with our word and Vonage's.
    pub(super) const ALL: [(&'static str, &'static str, Channel); 4] = [
        ("whatsapp", "whatsapp", Channel::WhatsApp),
        ("sms", "sms", Channel::Sms),
        ("viber", "viber_service", Channel::Viber),
        ("messenger", "messenger", Channel::Messenger),
    ];

    /// Vonage's word.
    pub(super) fn as_str(self) -> &'static str {
        Channel::ALL.iter().find(|(_, _, channel)| *channel == self).map_or("", |(_, word, _)| word)
    }

    /// The kinds of address that it takes. A person on Messenger is known to a page by an id of its own.
    pub(super) fn kinds(self) -> Vec<AddressKind> {
        let kinds: &[&str] = match self {
            Channel::WhatsApp => &["whatsapp", "phone"],
            Channel::Sms | Channel::Viber => &["phone"],
            Channel::Messenger => &["messenger"],
        };
        kinds.iter().map(|kind| AddressKind::new(kind)).collect()
    }

    /// The longest text, in characters (source: Vonage's Python SDK, `vonage_messages/models`).
    pub(super) fn most(self) -> usize {
        match self {
            Channel::WhatsApp => TEXT_CHARACTERS,
            Channel::Sms | Channel::Viber => 1000,
            Channel::Messenger => 640,
        }
    }

    /// The longest caption; none where such media have none. A video on Viber wants a picture of it, its length and its
    /// size, which nobody knows here: its link goes within the text, as media do by SMS.
    pub(super) fn carries(self, media: MediaKind) -> Carries {
        match (self, media) {
            (Channel::Sms, _) | (Channel::Viber, MediaKind::Video | MediaKind::Audio) => Carries::Link,
            (Channel::WhatsApp, MediaKind::Image | MediaKind::Video | MediaKind::Document) => Carries::Caption(1024),
            (Channel::Viber, MediaKind::Image) => Carries::Caption(1000),
            (Channel::WhatsApp | Channel::Viber | Channel::Messenger, _) => Carries::Apart,
        }
    }

    /// How it writes what is marked up.
    pub(super) fn style(self) -> &'static Style {
        if self == Channel::WhatsApp { &WHATSAPP } else { &PLAIN }
    }

    /// An address as Vonage writes it: international digits, without a plus.
    pub(super) fn shown(self, address: &Address) -> String {
        match self {
            Channel::Messenger => address.text.clone(),
            _ => digits(&address.text),
        }
    }

    /// The address of whoever is called so by Vonage.
    pub(super) fn read(self, shown: &str) -> String {
        if self == Channel::Messenger { shown.to_owned() } else { format!("+{}", shown.trim_start_matches('+')) }
    }
}

/// How media go.
pub(super) enum Carries {
    /// With the text as a caption of so many characters.
    Caption(usize),
    /// As a message of their own.
    Apart,
    /// By their link within the text.
    Link,
}

/// The digits of a number.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
