//! What a message goes by: how it writes addresses and texts, and what it carries.

use crate::account::AddressKind;
use crate::message::media::MediaKind;
use crate::provider::markup::{PLAIN, Style, WHATSAPP};

/// What a message goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Sms,
    /// SMS, and pictures with it: networks of the United States and Canada only.
    Mms,
    WhatsApp,
}

impl Channel {
    /// Every channel with its word.
    pub(super) const ALL: [(&'static str, Channel); 3] =
        [("sms", Channel::Sms), ("mms", Channel::Mms), ("whatsapp", Channel::WhatsApp)];

    /// The kinds of address that it takes.
    pub(super) fn kinds(self) -> Vec<AddressKind> {
        let kinds: &[&str] = if self == Channel::WhatsApp { &["whatsapp", "phone"] } else { &["phone"] };
        kinds.iter().map(|kind| AddressKind::new(kind)).collect()
    }

    /// An address as Twilio writes it: `whatsapp:+79001234567`, or the number alone.
    pub(super) fn shown(self, address: &str) -> String {
        if self == Channel::WhatsApp { format!("{PREFIX}{address}") } else { address.to_owned() }
    }

    /// The address in what Twilio writes; none where that is one of another channel.
    pub(super) fn read(self, shown: &str) -> Option<&str> {
        match (shown.strip_prefix(PREFIX), self) {
            (Some(address), Channel::WhatsApp) => Some(address),
            // Those that we know nothing of, `messenger:…` and the like, have a prefix, too.
            (None, Channel::Sms | Channel::Mms) => Some(shown).filter(|shown| !shown.contains(':')),
            _ => None,
        }
    }

    /// How it writes what is marked up.
    pub(super) fn style(self) -> &'static Style {
        if self == Channel::WhatsApp { &WHATSAPP } else { &PLAIN }
    }

    /// Whether a text goes along with such media, as its caption. Twilio has none for documents
    /// (<https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages>), nor has WhatsApp for recordings.
    pub(super) fn captions(self, media: MediaKind) -> bool {
        self == Channel::Mms || matches!(media, MediaKind::Image | MediaKind::Video)
    }
}

const PREFIX: &str = "whatsapp:";

/// Who writes: a number or a name, or a Messaging Service, which chooses one.
#[derive(Clone)]
pub(super) enum Sender {
    From(String),
    Service(String),
}

impl Sender {
    /// Whether a call is about this sender, which names its number and its service.
    pub(super) fn is(&self, number: &str, service: &str) -> bool {
        match self {
            Sender::From(own) => own == number,
            Sender::Service(own) => own == service,
        }
    }
}
