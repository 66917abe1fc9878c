//! What everybody may know of an account without knowing its provider: its name, the addresses it takes, its limits.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub mod chat;

/// The name of an account, as written in `accounts`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// The account called `name`.
    pub fn new(name: &str) -> AccountName {
        AccountName(name.into())
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an address is: `phone`, `whatsapp`, `telegram`, `email`, or a kind that a `command` account made up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKind(Arc<str>);

impl AddressKind {
    /// The kinds that every configuration knows.
    pub const KNOWN: [&'static str; 5] = ["phone", "whatsapp", "whatsapp-group", "telegram", "email"];

    /// The kind called `name`.
    pub fn new(name: &str) -> AddressKind {
        AddressKind(name.into())
    }

    /// Its name, as it stands in a contact.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether addresses of this kind are phone numbers, and so are read and kept as E.164.
    pub fn is_phone(&self) -> bool {
        matches!(&*self.0, "phone" | "whatsapp")
    }
}

/// One address: its kind and its text (a phone in E.164 with the plus).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// What it is.
    pub kind: AddressKind,
    /// The number, chat id, mail address or name.
    pub text: String,
}

impl Address {
    /// A WhatsApp group's id as people copy it: such as `120363041234567890@g.us`; of a group from before 2021 its founder's
    /// number, a dash and a time.
    ///
    /// # Errors
    /// What it is instead, and where ids are found.
    pub fn group(text: &str) -> Result<Address, String> {
        let text = text.trim();
        let Some(id) = text.strip_suffix("@g.us") else {
            let whose = match text.rsplit_once('@') {
                Some((_, "c.us" | "s.whatsapp.net")) => {
                    "this is a person: write the number as \"whatsapp\" or \"phone\""
                }
                Some((_, "newsletter")) => "this is a channel, which nobody can write to so",
                _ if text.contains("chat.whatsapp.com") => {
                    "this is an invitation: its code is not the group's id, which the provider lists once its number has joined"
                }
                _ if text.bytes().all(|byte| byte.is_ascii_digit()) => "add @g.us to it",
                _ => "the name of a group is not its id",
            };
            return Err(format!("\"{text}\" is no id of a WhatsApp group, as 120363041234567890@g.us is: {whose}"));
        };
        let parts: Vec<&str> = id.split('-').collect();
        let is_number = |part: &&str| part.len() >= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
        if parts.len() > 2 || !parts.iter().all(is_number) {
            return Err(format!("\"{text}\" is no id of a WhatsApp group: before @g.us stand digits"));
        }
        Ok(Address { kind: AddressKind::new("whatsapp-group"), text: text.to_owned() })
    }

    /// Whether many people read what goes there, so that a provider may let less through: a WhatsApp group; a Telegram
    /// group or channel, which has a minus before its number, or a public name.
    pub fn is_group(&self) -> bool {
        match self.kind.as_str() {
            "telegram" => self.text.starts_with(['-', '@']),
            kind => kind == "whatsapp-group",
        }
    }
}

/// Which addresses an account can write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Addresses of these kinds, the first that the contact has.
    Kinds(Vec<AddressKind>),
    /// Whatever the contact has, or only its name (a console).
    Any,
    /// None: the account itself is the address (a room's incoming webhook).
    Itself,
    /// None: the account is broken, and no way leads through it.
    Nothing,
}

/// What the accounts of a configuration are called and which addresses each takes.
pub type AccountDirectory = BTreeMap<AccountName, Takes>;

/// How often something may happen: one in every `interval`, and up to `burst` at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Time per message once the burst is used up.
    pub interval: Duration,
    /// How many may go at once; at least 1.
    pub burst: u32,
}

impl Rate {
    /// `count` in every `per`, with a burst of one.
    pub const fn per(count: u32, per: Duration) -> Rate {
        Rate { interval: Duration::from_nanos(per.as_nanos() as u64 / count as u64), burst: 1 }
    }

    /// The same rate with another burst.
    pub const fn burst(self, burst: u32) -> Rate {
        Rate { burst, ..self }
    }
}

/// How often an account may send, and what becomes of what has to wait for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Over all addresses.
    pub rate: Option<Rate>,
    /// To one address.
    pub per_recipient: Option<Rate>,
    /// To one address that is a group, where that is another rate.
    pub per_group: Option<Rate>,
    /// When more texts than this wait for one address's own limit, they go as one; 0: never.
    pub fold_after: u32,
}

impl Limits {
    /// None, for providers that document none.
    pub const NONE: Limits = Limits { rate: None, per_recipient: None, per_group: None, fold_after: 10 };

    /// How often to this address.
    pub fn of(&self, address: &Address) -> Option<Rate> {
        let group = self.per_group.filter(|_| address.is_group());
        group.or(self.per_recipient)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::NONE
    }
}
