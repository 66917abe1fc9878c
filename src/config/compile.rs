//! All files together → one configuration and everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::defaults::Hearers;
use super::raw::RawFile;
use super::template::{guarded, parse};
use super::{Config, canary, defaults};
use crate::account::chat::Chat;
use crate::account::{AccountDirectory, AccountName, Address, AddressKind, Takes};
use crate::contact::{Contact, Directory, Region, phone};
use crate::diagnostic::{Diagnostic, Place, Source, did_you_mean};
use crate::hook::catalog::Slot;
use crate::hook::{Hook, HookId, Known, properties, via};
use crate::message::canary::Canary;
use crate::message::expected::Expectations;
use crate::node::{self, Entry, Form, Node, Reader, Value};
use crate::provider::Account;
use crate::provider::table::PROVIDERS;
use crate::secret::Surroundings;

/// A configuration and what was found on the way to it.
#[derive(Default)]
pub struct Compiled {
    /// The configuration: what is broken is left out or, if a hook, in quarantine.
    pub config: Config,
    /// Findings outside of hooks, and those of hooks that have no place of their own.
    pub findings: Vec<Diagnostic>,
    /// Findings of hooks, warnings included.
    pub hook_findings: BTreeMap<HookId, Vec<Diagnostic>>,
    /// Files that could not even be parsed.
    pub unparsed: BTreeSet<PathBuf>,
    /// The hooks of each file, in order, quarantined ones too.
    pub hooks_of: Vec<(PathBuf, Vec<HookId>)>,
    /// Where each hook stands.
    pub hook_places: BTreeMap<HookId, Place>,
    /// Where each account stands.
    pub account_places: BTreeMap<AccountName, Place>,
}

impl Compiled {
    /// Everything that was found, in the order of files and lines.
    pub fn all_findings(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.findings.iter().chain(self.hook_findings.values().flatten()).collect();
        all.sort_by_key(|finding| finding.place.as_ref().map(|place| (place.source.path.clone(), place.span.start)));
        all
    }

    /// The id of the hook that a finding is about, where it is about one.
    pub fn hook_at(&self, finding: &Diagnostic) -> Option<String> {
        let at = finding.place.as_ref()?;
        let holds = |place: &Place| {
            place.source.path == at.source.path && place.span.start <= at.span.start && at.span.end <= place.span.end
        };
        let found = self.hook_places.iter().find(|(_, place)| !at.span.is_empty() && holds(place));
        found.map(|(id, _)| id.to_string())
    }

    /// Hooks in quarantine.
    pub fn quarantined(&self) -> BTreeSet<HookId> {
        let broken = self.hook_findings.iter().filter(|(_, findings)| findings.iter().any(Diagnostic::is_error));
        broken.map(|(id, _)| id.clone()).collect()
    }
}

/// Compiles the files. `told` has what flags say of hooks; the rest of it is filled in.
pub fn compile(sources: &[Arc<Source>], told: Known, surroundings: &mut Surroundings) -> Compiled {
    let mut compiled = Compiled::default();
    let mut files = Vec::with_capacity(sources.len());
    for source in sources {
        match parse(source) {
            Ok(node) => {
                let form = RawFile::form_of(&node);
                files.extend(RawFile::read(node, &mut Reader { form, findings: &mut compiled.findings, surroundings }));
            }
            Err(finding) => {
                compiled.findings.push(finding);
                compiled.unparsed.insert(source.path.clone());
            }
        }
    }
    let mut reader = Reader { form: Form::Full, findings: &mut compiled.findings, surroundings };
    let defaults = defaults::read(&files, &mut reader);
    let mut directory = Directory { region: defaults.region, ..Directory::default() };
    let accounts = accounts(&files, &mut compiled.config, &mut reader);
    let places = files.iter().flat_map(|file| &file.accounts);
    compiled.account_places = places.map(|entry| (AccountName::new(&entry.key), entry.key_place.clone())).collect();
    let reporting = reporting(&compiled.config.accounts);
    let mut names = Names::default();
    contacts(&files, (&accounts, &reporting), &mut directory, &mut names, &mut reader);
    lists(&files, &mut directory, &mut names, &mut reader);
    let (directory, accounts, reporting) = (Arc::new(directory), Arc::new(accounts), Arc::new(reporting));
    let known = Known { directory: directory.clone(), accounts: accounts.clone(), reporting, ..told };
    compiled.config.on_failure = defaults.on_failure(&known, &mut reader);
    let hearers = Hearers::new(&defaults, &compiled.config.on_failure);
    let canaries = canaries(&files, &known, &hearers, &mut reader);
    let known = Known { on_failure: hearers.any(), ..known };
    compiled.config.directory = directory;
    compiled.config.account_directory = accounts;
    hooks(files, &known, surroundings, &mut compiled);
    let calls = compiled.config.hooks.expected_calls();
    compiled.config.expected = Arc::new(Expectations { canaries, calls });
    compiled
}

fn accounts(files: &[RawFile], config: &mut Config, reader: &mut Reader<'_>) -> AccountDirectory {
    let mut directory = AccountDirectory::new();
    let mut names = Names::default();
    for entry in files.iter().flat_map(|file| &file.accounts) {
        if !names.claim(entry, "account", reader) {
            continue;
        }
        let name = AccountName::new(&entry.key);
        // A broken account breaks only the ways through it.
        match Account::open(PROVIDERS, &name, &entry.value, reader) {
            Some(account) => {
                directory.insert(name.clone(), account.takes.clone());
                config.accounts.insert(name, Arc::new(account));
            }
            None => drop(directory.insert(name, Takes::Nothing)),
        }
    }
    directory
}

/// The canaries of the accounts that can be used.
fn canaries(
    files: &[RawFile],
    known: &Known,
    hearers: &Hearers<'_>,
    reader: &mut Reader<'_>,
) -> BTreeMap<AccountName, Canary> {
    let mut canaries = BTreeMap::new();
    for entry in files.iter().flat_map(|file| &file.accounts) {
        let account = AccountName::new(&entry.key);
        // A name that is taken twice was told, and the first has it.
        if !canaries.contains_key(&account)
            && let Some(canary) = canary::read(&account, entry, known, hearers, reader)
        {
            canaries.insert(account, canary);
        }
    }
    canaries
}

/// The accounts whose providers report when a message arrives.
fn reporting(accounts: &BTreeMap<AccountName, Arc<Account>>) -> BTreeSet<AccountName> {
    let reports = |account: &Account| account.can.reports();
    accounts.iter().filter(|(_, account)| reports(account)).map(|(name, _)| name.clone()).collect()
}

/// Names that are taken, and where.
#[derive(Default)]
struct Names(BTreeMap<String, Place>);

impl Names {
    /// Takes a name; notes an error where it is taken already.
    fn claim(&mut self, entry: &Entry, what: &str, reader: &mut Reader<'_>) -> bool {
        if let Some(first) = self.0.get(&entry.key) {
            let (line, _) = first.line_column();
            let message =
                format!("the name \"{}\" is taken already, at {}:{line}", entry.key, first.source.path.display());
            reader.error(&entry.key_place, message);
            return false;
        }
        if entry.key.trim().is_empty() {
            reader.error(&entry.key_place, format!("this {what} has no name"));
            return false;
        }
        self.0.insert(entry.key.clone(), entry.key_place.clone());
        true
    }
}

fn contacts(
    files: &[RawFile],
    (accounts, reporting): (&AccountDirectory, &BTreeSet<AccountName>),
    directory: &mut Directory,
    names: &mut Names,
    reader: &mut Reader<'_>,
) {
    let mut kinds: BTreeSet<&str> = AddressKind::KNOWN.into();
    for takes in accounts.values() {
        if let Takes::Kinds(taken) = takes {
            kinds.extend(taken.iter().map(AddressKind::as_str));
        }
    }
    for entry in files.iter().flat_map(|file| &file.contacts) {
        if !names.claim(entry, "contact", reader) {
            continue;
        }
        match contact(entry, (accounts, reporting), &kinds, directory.region, reader) {
            Some(contact) => drop(directory.contacts.insert(entry.key.clone(), contact)),
            None => drop(directory.broken.insert(entry.key.clone())),
        }
    }
}

fn contact(
    entry: &Entry,
    (accounts, reporting): (&AccountDirectory, &BTreeSet<AccountName>),
    kinds: &BTreeSet<&str>,
    region: Option<Region>,
    reader: &mut Reader<'_>,
) -> Option<Contact> {
    let mut contact = Contact { name: entry.key.clone(), addresses: Vec::new(), via: Vec::new() };
    for property in reader.entries(&entry.value)? {
        let key = property.key.as_str();
        if key == "via" {
            // One bad name is told, and the others still count.
            for written in reader.one_or_more(&property.value, via::read) {
                contact.via.extend(written.compile(accounts, reporting, reader));
            }
        } else if kinds.contains(key) {
            // One bad address is told, and the others still reach the contact.
            contact.addresses.extend(address(key, &property.value, region, reader));
        } else {
            let message = format!("\"{key}\" is no kind of address");
            let known = kinds.iter().copied().chain(["via"]);
            let help = did_you_mean(key, known.clone())
                .unwrap_or_else(|| format!("known are {}", known.collect::<Vec<_>>().join(", ")));
            reader.findings.push(Diagnostic::error(&property.key_place, message).help(help));
        }
    }
    Some(contact)
}

fn address(kind: &str, node: &Node, region: Option<Region>, reader: &mut Reader<'_>) -> Option<Address> {
    let text = reader.text(node)?;
    let kind = AddressKind::new(kind);
    if kind.as_str() == "whatsapp-group" {
        return Address::group(&text).map_or_else(|why| reader.wrong(&node.place, why), Some);
    }
    if !kind.is_phone() {
        // A warning only: what another provider than Telegram's own takes for a chat, nobody knows here.
        if let Some(why) = Chat::read(&text).err().filter(|_| kind.as_str() == "telegram") {
            reader.warn(&node.place, format!("no bot can write there: {why}"));
        }
        return Some(Address { kind, text });
    }
    match phone(&text, region) {
        Ok(text) => Some(Address { kind, text }),
        Err(why) => reader.wrong(&node.place, why),
    }
}

fn lists(files: &[RawFile], directory: &mut Directory, names: &mut Names, reader: &mut Reader<'_>) {
    let mut written: BTreeMap<String, Vec<node::Placed<String>>> = BTreeMap::new();
    for entry in files.iter().flat_map(|file| &file.lists) {
        if !names.claim(entry, "list", reader) {
            continue;
        }
        let members = reader.one_or_more(&entry.value, Reader::placed_text);
        if matches!(&entry.value.value, Value::List(members) if members.is_empty()) {
            let message = "nobody is on this list: a message to it would reach no one";
            reader.error(&entry.value.place, message)
        }
        written.insert(entry.key.clone(), members);
    }
    for (name, members) in &written {
        let mut contacts = Vec::new();
        let mut seen = BTreeSet::new();
        gather(members, &written, directory, &mut vec![name.as_str()], (&mut contacts, &mut seen), reader);
        // One wrong name is told, and the others of the list still get their message.
        if contacts.is_empty() {
            directory.broken.insert(name.clone());
        } else {
            directory.lists.insert(name.clone(), contacts);
        }
    }
}

/// Adds the contacts of a list's members. `inside` are the lists that are being gathered, for the circle; a mistake is
/// told where its own list is, and a circle once.
fn gather<'w>(
    members: &'w [node::Placed<String>],
    written: &'w BTreeMap<String, Vec<node::Placed<String>>>,
    directory: &Directory,
    inside: &mut Vec<&'w str>,
    (contacts, seen): (&mut Vec<String>, &mut BTreeSet<&'w str>),
    reader: &mut Reader<'_>,
) {
    for member in members {
        let name = member.value.as_str();
        if directory.contacts.contains_key(name) {
            if seen.insert(name) {
                contacts.push(name.to_owned());
            }
        } else if inside.contains(&name) {
            if inside.first() == Some(&name) && inside.iter().min() == Some(&name) {
                let circle = inside.join(" → ");
                let message = format!("lists in a circle: {circle} → {name}");
                reader.error(&member.place, message)
            }
        } else if let Some(members) = written.get(name) {
            inside.push(name);
            gather(members, written, directory, inside, (contacts, seen), reader);
            inside.pop();
        } else if inside.len() == 1 && !directory.broken.contains(name) {
            let message = format!("nobody is called \"{name}\": neither a contact nor a list");
            let help = did_you_mean(name, directory.contacts.keys().chain(written.keys()).map(String::as_str));
            reader.findings.push(Diagnostic { help, ..Diagnostic::error(&member.place, message) });
        }
    }
}

fn hooks(files: Vec<RawFile>, known: &Known, surroundings: &mut Surroundings, compiled: &mut Compiled) {
    let mut first_of: BTreeMap<HookId, Place> = BTreeMap::new();
    for file in files {
        let mut ids = Vec::new();
        for node in file.hooks {
            let mut findings = Vec::new();
            let mut reader = Reader { form: file.form, findings: &mut findings, surroundings };
            let place = &node.place;
            let mut hook = hook_at(&node, known, &mut reader);
            hook.iter_mut().for_each(|hook| hook.guarded.extend(guarded(&node)));
            let Some(id) = id_of(&node, file.form, &mut findings) else {
                compiled.findings.extend(findings);
                continue;
            };
            if let Some(first) = first_of.get(&id) {
                let (line, _) = first.line_column();
                let first = format!("{}:{line}", first.source.path.display());
                let message = format!("the hook id \"{id}\" is taken already, at {first}; that one serves");
                compiled.findings.extend(findings);
                compiled.findings.push(Diagnostic::error(place, message));
                continue;
            }
            first_of.insert(id.clone(), place.clone());
            let broken = findings.iter().any(Diagnostic::is_error);
            let slot = match hook {
                Some(hook) if !broken => Some(Slot::Ready(Arc::new(hook))),
                // Switched off.
                None if !broken => None,
                _ => Some(Slot::Broken(findings.clone().into())),
            };
            if !findings.is_empty() {
                compiled.hook_findings.insert(id.clone(), findings);
            }
            if let Some(slot) = slot {
                compiled.config.hooks.insert(id.clone(), slot, fingerprint(&node));
                ids.push(id);
            }
        }
        compiled.hooks_of.push((file.path, ids));
    }
    compiled.hook_places = first_of;
}

fn hook_at(node: &Node, known: &Known, reader: &mut Reader<'_>) -> Option<Hook> {
    // upstream: an empty element of the list is a hook of nothing.
    let raw = match node.value {
        Value::Null => Default::default(),
        _ => properties::read(node, reader)?,
    };
    Hook::compile(raw, &node.place, known, reader)
}

/// The id, read apart from the rest so that a broken hook has a place where it answers 503.
fn id_of(node: &Node, form: Form, findings: &mut Vec<Diagnostic>) -> Option<HookId> {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    // upstream: of `ID` and `id` the later one in the order of bytes counts, and null says nothing.
    let named = match form {
        Form::Classic => {
            let ids = entries.iter().filter(|entry| entry.key.eq_ignore_ascii_case("id"));
            let last: BTreeMap<&str, &Entry> = ids.map(|entry| (entry.key.as_str(), entry)).collect();
            last.into_values().rfind(|entry| !matches!(entry.value.value, Value::Null))
        }
        Form::Full => entries.iter().rfind(|entry| entry.key == "id"),
    };
    let is_hook = matches!(node.value, Value::Map(_) | Value::Null);
    let text = named.and_then(|entry| {
        let mut ignored = Vec::new();
        Reader { form, findings: &mut ignored, surroundings: &mut Surroundings::default() }.text(&entry.value)
    });
    match (text, form) {
        (Some(id), _) if !id.is_empty() || form == Form::Classic => Some(HookId::new(&id)),
        // upstream: a hook without an id is served at the bare prefix.
        (None, Form::Classic) if named.is_none() && is_hook => Some(HookId::new("")),
        _ => {
            if !findings.iter().any(Diagnostic::is_error) {
                findings.push(Diagnostic::error(&node.place, "a hook needs an \"id\": its name in the URL"));
            }
            None
        }
    }
}

fn fingerprint(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    node.place.source.text.get(node.place.span.clone()).hash(&mut hasher);
    hasher.finish()
}
