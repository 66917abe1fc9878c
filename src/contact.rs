//! People and rooms that can be reached: contacts, lists, phone numbers, and the ways a message may take to one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::account::{AccountDirectory, AccountName, Address, AddressKind, Takes};

mod phone;

use phone::looks_like_a_phone;
pub use phone::{Region, line, phone};

/// One way for a message to reach a contact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// The account that sends it.
    pub account: AccountName,
    /// The address it is sent to.
    pub address: Address,
    /// For how long it may hold a delivery, where that is written: then only a report of arrival satisfies it.
    pub patience: Option<Duration>,
}

/// An account that a hook or a contact would have a message go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The account.
    pub account: AccountName,
    /// The patience of the ways through it, where it is written.
    pub patience: Option<Duration>,
}

impl Via {
    /// An account without a word about patience.
    pub fn account(account: AccountName) -> Via {
        Via { account, patience: None }
    }
}

/// A contact with the ways to reach it, for one message. There is at least one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The contact's name, or the phone number that the caller gave.
    pub contact: String,
    /// In order of preference; never empty.
    pub ways: Vec<Way>,
}

/// A contact: a person or room by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its name.
    pub name: String,
    /// Its addresses, in the order of writing; phones in E.164.
    pub addresses: Vec<Address>,
    /// The accounts it would rather hear from, first the best.
    pub via: Vec<Via>,
}

/// All contacts and lists of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Contacts by name.
    pub contacts: BTreeMap<String, Contact>,
    /// Lists by name: the names of their contacts, lists inside lists resolved, each once.
    pub lists: BTreeMap<String, Vec<String>>,
    /// Contacts and lists that can't be used, for mistakes in them.
    pub broken: BTreeSet<String>,
    /// The country of national numbers.
    pub region: Option<Region>,
}

impl Directory {
    /// The contacts that a name means: a contact, or all of a list.
    pub fn named(&self, name: &str) -> Option<Vec<&Contact>> {
        if let Some(contact) = self.contacts.get(name) {
            return Some(vec![contact]);
        }
        let members = self.lists.get(name)?;
        Some(members.iter().filter_map(|member| self.contacts.get(member)).collect())
    }

    /// The contacts that a caller means: a contact, a list, or whoever has this phone number.
    /// The error is for the caller and says how to write it right.
    pub fn called(&self, text: &str) -> Result<Vec<Contact>, String> {
        if let Some(contacts) = self.named(text.trim()) {
            return Ok(contacts.into_iter().cloned().collect());
        }
        if !looks_like_a_phone(text) {
            return Err(format!("nobody is called \"{}\": neither a contact nor a list", text.trim()));
        }
        let phone = phone(text, self.region)?;
        let address = Address { kind: AddressKind::new("phone"), text: phone.clone() };
        Ok(vec![Contact { name: phone, addresses: vec![address], via: Vec::new() }])
    }

    /// Every name that a message can be sent to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.contacts.keys().chain(self.lists.keys()).map(String::as_str)
    }
}

impl Contact {
    /// The ways to this contact through the accounts of `via`, or its own where that is empty, or the only account.
    ///
    /// Its own preference moves accounts of `via` to the front, and its own patience counts where it has one. An account
    /// that takes no address of the contact is no way; the error says why none is left.
    pub fn ways(&self, via: &[Via], accounts: &AccountDirectory) -> Result<Vec<Way>, String> {
        let order: Vec<Via> = match (via, self.via.as_slice(), accounts.len()) {
            ([], [], 1) => accounts.keys().cloned().map(Via::account).collect(),
            ([], [], 0) => return Err("there is no account to send through".to_owned()),
            ([], [], _) => return Err(format!("no way to {}: name an account in \"via\"", self.name)),
            ([], own, _) => own.to_vec(),
            (via, own, _) => preferred(via, own),
        };
        let ways: Vec<Way> = order.iter().filter_map(|via| self.way(via, accounts)).collect();
        if ways.is_empty() {
            return Err(format!("no way to {}: {}", self.name, self.why_no_way(&order, accounts)));
        }
        Ok(ways)
    }

    fn way(&self, via: &Via, accounts: &AccountDirectory) -> Option<Way> {
        let Via { account, patience } = via;
        let address = self.address(account, accounts.get(account)?);
        address.map(|address| Way { account: account.clone(), address, patience: *patience })
    }

    fn why_no_way(&self, order: &[Via], accounts: &AccountDirectory) -> String {
        let quoted = |kind: &AddressKind| format!("\"{}\"", kind.as_str());
        let of = |Via { account, .. }: &Via| match accounts.get(account) {
            Some(Takes::Kinds(kinds)) => {
                format!("{account} writes to {}", kinds.iter().map(quoted).collect::<Vec<_>>().join(" or "))
            }
            _ => format!("{account} is broken"),
        };
        let each = order.iter().map(of).collect::<Vec<_>>().join(", ");
        let has = match self.addresses.as_slice() {
            _ if !each.contains(" writes to ") => return each,
            [] => format!("{} has no address", self.name),
            some => {
                let kinds: BTreeSet<_> = some.iter().map(|address| quoted(&address.kind)).collect();
                format!("{} has only {}", self.name, Vec::from_iter(kinds).join(", "))
            }
        };
        format!("{each}; {has}")
    }

    /// The address that an account writes to which takes these.
    pub fn address(&self, account: &AccountName, takes: &Takes) -> Option<Address> {
        match takes {
            Takes::Kinds(kinds) => {
                kinds.iter().find_map(|kind| self.addresses.iter().find(|address| address.kind == *kind)).cloned()
            }
            Takes::Any => self.addresses.first().cloned().or_else(|| Some(named("name", &self.name))),
            Takes::Itself => Some(named("room", account.as_str())),
            Takes::Nothing => None,
        }
    }
}

/// The accounts of `via`, first those that are also among its `own`, in the order and with the patience of those.
fn preferred(via: &[Via], own: &[Via]) -> Vec<Via> {
    let of = |list: &[Via], wanted: &Via| list.iter().find(|via| via.account == wanted.account).cloned();
    let first = own.iter().filter_map(|mine| {
        let theirs = of(via, mine)?;
        Some(Via { patience: mine.patience.or(theirs.patience), ..theirs })
    });
    first.chain(via.iter().filter(|theirs| of(own, theirs).is_none()).cloned()).collect()
}

/// Accounts and addresses of a recipient's ways.
type Place = Vec<(AccountName, Address)>;

/// The recipients that these contacts make, copies included; those with equal ways are one, and the one who is less
/// patient counts. A contact without a way is left out; the error says why none is left.
pub fn recipients<'a>(
    contacts: impl IntoIterator<Item = &'a Contact>,
    via: &[Via],
    also: &[AccountName],
    accounts: &AccountDirectory,
) -> Result<Vec<Recipient>, String> {
    let mut recipients: Vec<Recipient> = Vec::new();
    let mut places: HashMap<Place, (usize, HashSet<&str>)> = HashMap::new();
    let mut unreachable = None;
    let mut add = |contact: &'a str, ways: Vec<Way>| match places
        .entry(ways.iter().map(|way| (way.account.clone(), way.address.clone())).collect())
    {
        Entry::Occupied(mut known) => {
            let (at, names) = known.get_mut();
            if names.insert(contact) {
                recipients[*at].contact += &format!(", {contact}");
            }
            for (one, other) in recipients[*at].ways.iter_mut().zip(ways) {
                one.patience = one.patience.into_iter().chain(other.patience).min();
            }
        }
        Entry::Vacant(vacant) => {
            vacant.insert((recipients.len(), HashSet::from([contact])));
            recipients.push(Recipient { contact: contact.to_owned(), ways });
        }
    };
    for contact in contacts {
        // Whoever can't be reached is no reason to keep it from the others.
        let mut first = None;
        match contact.ways(via, accounts) {
            Ok(ways) => {
                first = ways.first().map(|way| way.account.clone());
                add(&contact.name, ways);
            }
            Err(why) => unreachable = Some(why),
        }
        // By its first way it goes anyway.
        for account in also.iter().filter(|account| first.as_ref() != Some(account)) {
            // A copy that finds no address is no reason to refuse the message itself.
            if let Ok(ways) = contact.ways(&[Via::account(account.clone())], accounts) {
                // Of one way: a contact's own patience would let a copy fail that nobody misses.
                add(&contact.name, ways.into_iter().map(|way| Way { patience: None, ..way }).collect());
            }
        }
    }
    if recipients.is_empty() {
        return Err(unreachable.unwrap_or_else(|| "nobody is left to send it to".to_owned()));
    }
    Ok(recipients)
}

fn named(kind: &str, text: &str) -> Address {
    Address { kind: AddressKind::new(kind), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_follow_the_hook_and_the_contact() {
        let kinds = |names: &[&str]| Takes::Kinds(names.iter().map(|name| AddressKind::new(name)).collect());
        let account = AccountName::new;
        let accounts = AccountDirectory::from([
            (account("wa"), kinds(&["whatsapp", "phone"])),
            (account("mail"), kinds(&["email"])),
            (account("room"), Takes::Itself),
            (account("broken"), Takes::Nothing),
            (account("con"), Takes::Any),
        ]);
        let contact = |via: &[&str]| Contact {
            name: "ivan".to_owned(),
            addresses: vec![named("phone", "+7900"), named("email", "i@x")],
            via: via.iter().map(|name| Via::account(account(name))).collect(),
        };
        for (own, via, expected) in [
            (&[][..], &["wa", "mail"][..], "wa:+7900 mail:i@x"),
            (&["mail"], &["wa", "mail"], "mail:i@x wa:+7900"),
            (&["mail", "con"], &["wa"], "wa:+7900"),
            (&["mail"], &[], "mail:i@x"),
            (&[], &["room", "broken", "con"], "room:room con:+7900"),
        ] {
            let via: Vec<_> = via.iter().map(|name| Via::account(account(name))).collect();
            let ways = contact(own).ways(&via, &accounts).unwrap();
            let shown: Vec<_> = ways.iter().map(|way| format!("{}:{}", way.account, way.address.text)).collect();
            assert_eq!(shown.join(" "), expected);
        }
        assert!(contact(&[]).ways(&[], &accounts).unwrap_err().contains("via"));
        assert!(
            contact(&[]).ways(&[Via::account(account("broken"))], &accounts).unwrap_err().contains("broken is broken")
        );
    }

    #[test]
    fn patience_is_the_contacts_own_or_the_hooks_and_merged_recipients_have_the_shorter() {
        let via = |name: &str, seconds: Option<u64>| Via {
            account: AccountName::new(name),
            patience: seconds.map(Duration::from_secs),
        };
        let accounts = AccountDirectory::from(["wa", "mail"].map(|name| (AccountName::new(name), Takes::Itself)));
        let contact = |own: Vec<Via>| Contact { name: "ivan".to_owned(), addresses: Vec::new(), via: own };
        let seconds = |ways: &[Way]| ways.iter().map(|way| way.patience.map(|p| p.as_secs())).collect::<Vec<_>>();
        let hooks = [via("wa", Some(60)), via("mail", Some(90))];
        let own = contact(vec![via("mail", None), via("wa", Some(5))]).ways(&hooks, &accounts).unwrap();
        assert_eq!(seconds(&own), [Some(90), Some(5)]);
        let (calm, hasty) = (contact(vec![via("wa", Some(9))]), contact(vec![via("wa", Some(3))]));
        let hasty = Contact { name: "petr".to_owned(), ..hasty };
        let merged = recipients([&calm, &hasty], &hooks, &[AccountName::new("mail")], &accounts).unwrap();
        let shown: Vec<_> = merged.iter().map(|to| (to.contact.as_str(), seconds(&to.ways))).collect();
        assert_eq!(shown, [("ivan, petr", vec![Some(3), Some(90)]), ("ivan, petr", vec![None])]);
    }
}
