//! What a channel is a channel of: the messenger, whom it reaches, and how it names a chat.

use serde::Serialize;

use crate::account::{Address, AddressKind};
use crate::provider::markup::{PLAIN, Style, WHATSAPP};

/// `text` takes so many characters in WhatsApp; the other messengers take fewer.
pub(super) const TEXT_CHARACTERS: usize = 10_000;

/// What a channel is a channel of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// WhatsApp by a phone's own account.
    WhatsApp,
    /// WhatsApp Business API: templates, and the window of 24 hours.
    Waba,
    /// Telegram by a person's account.
    Telegram,
    /// A bot of Telegram.
    TelegramBot,
    Viber,
}

/// Where a message goes, in Wazzup's words: one of the three.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chat<'a> {
    chat_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<String>,
    /// Telegram only.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    /// Telegram only.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl Transport {
    /// Every transport with its word in `GET /v3/channels`.
    pub(super) const ALL: [(&'static str, Transport); 5] = [
        ("whatsapp", Transport::WhatsApp),
        ("wapi", Transport::Waba),
        ("tgapi", Transport::Telegram),
        ("telegram", Transport::TelegramBot),
        ("viber", Transport::Viber),
    ];

    pub(super) fn as_str(self) -> &'static str {
        Transport::ALL.iter().find(|(_, transport)| *transport == self).map_or("", |(word, _)| word)
    }

    /// The kinds of address that it takes.
    pub(super) fn kinds(self) -> Vec<AddressKind> {
        let kinds: &[&str] = match self {
            Transport::WhatsApp => &["whatsapp", "phone", "whatsapp-group"],
            Transport::Waba => &["whatsapp", "phone"],
            Transport::Telegram => &["telegram", "phone"],
            Transport::TelegramBot => &["telegram"],
            Transport::Viber => &["phone"],
        };
        kinds.iter().map(|kind| AddressKind::new(kind)).collect()
    }

    /// The longest text, in characters.
    pub(super) fn most(self) -> usize {
        match self {
            Transport::WhatsApp => TEXT_CHARACTERS,
            // Wazzup documents no figure for Viber; the smallest of the others is safe.
            Transport::Waba | Transport::Telegram | Transport::TelegramBot | Transport::Viber => 4096,
        }
    }

    /// How it writes what is marked up; a person's Telegram shows characters and nothing else.
    pub(super) fn style(self) -> &'static Style {
        if self == Transport::Telegram { &PLAIN } else { &WHATSAPP }
    }

    /// The chat at this address.
    pub(super) fn chat(self, address: &Address) -> Chat<'_> {
        let text = address.text.as_str();
        let digits = || text.chars().filter(char::is_ascii_digit).collect::<String>();
        let chat = |chat_type, chat_id| Chat { chat_type, chat_id: Some(chat_id), username: None, phone: None };
        let by_telegram = Chat { chat_type: "telegram", chat_id: None, username: None, phone: None };
        match self {
            Transport::WhatsApp | Transport::Waba if address.is_group() => chat("whatsgroup", text.to_owned()),
            Transport::WhatsApp | Transport::Waba => chat("whatsapp", digits()),
            Transport::Viber => chat("viber", digits()),
            _ if address.kind.is_phone() => Chat { phone: Some(digits()), ..by_telegram },
            _ => match text.strip_prefix('@') {
                Some(name) => Chat { username: Some(name), ..by_telegram },
                None => chat(if address.is_group() { "telegroup" } else { "telegram" }, text.to_owned()),
            },
        }
    }
}
