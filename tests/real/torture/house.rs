//! What the daemon is started on: accounts, contacts, hooks, and how that is edited while it runs.

use std::path::Path;

use serde_json::{Value, json};

/// Contacts that are called as people are.
pub(crate) const CONTACTS: usize = 16;

/// Contacts beyond them: a text to each of these is held up for a minute, and the others behind it.
pub(crate) const CURSED: usize = 2;

/// Stands in every secret, and must stand in no log.
pub(crate) const SECRET: &str = "s3cret";

/// Whether providers call the daemon, too. The configuration must know `callback-secret` and `app-secret`.
pub(crate) const CALLBACKS: bool = true;

/// In the path of the provider's calls, and what those are signed with.
pub(crate) const CALLBACK_SECRET: &str = "s3cret-of-the-path";
pub(crate) const APP_SECRET: &str = "s3cret-of-the-app";

/// How long texts of the hooks `short-…` live.
pub(crate) const SHORT: &str = "8s";

/// The accounts by name: the provider, and the number that its requests name it by.
pub(crate) const ACCOUNTS: [(&str, &str, u64); 4] = [
    ("wa", "whatsapp-cloud", 1),
    ("tg", "telegram", 2),
    // Comes and goes.
    ("wb", "whatsapp-cloud", 3),
    // Gives up on what is unknown.
    ("gu", "telegram", 4),
];

/// A hook, and to whom it sends.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) to: Vec<usize>,
    via: Vec<&'static str>,
    priority: &'static str,
    ttl: &'static str,
}

/// One version of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edition {
    /// Whether the account that comes and goes is there.
    pub(crate) with_wb: bool,
    /// Whether there is a hook more.
    pub(crate) with_extra: bool,
    /// What `wa` may send in a second.
    pub(crate) rate: u32,
}

impl Edition {
    /// With all that there is.
    pub(crate) const WHOLE: Edition = Edition { with_wb: true, with_extra: true, rate: 1000 };

    /// Writes it in the place of the one before, at one stroke, as an editor does.
    pub(crate) fn write(&self, folder: &Path, provider: &str) -> std::io::Result<()> {
        let new = folder.join(".hooks.json.new");
        std::fs::write(&new, self.config(provider).to_string())?;
        std::fs::rename(new, folder.join("hooks.json"))
    }

    fn config(&self, provider: &str) -> Value {
        let mut accounts = json!({});
        for (name, kind, number) in ACCOUNTS.iter().filter(|(name, ..)| self.has(name)) {
            accounts[name] = self.account(name, kind, *number, provider);
        }
        let mut contacts = json!({});
        for contact in 0..CONTACTS + CURSED {
            contacts[name(contact)] =
                json!({ "phone": format!("+{}", phone(contact)), "telegram": chat(contact).to_string() });
        }
        let hooks = hooks().into_iter().filter(|hook| self.with_extra || hook.id != "extra");
        let hooks: Vec<Value> = hooks.map(|hook| self.hook(&hook)).collect();
        json!({ "accounts": accounts, "contacts": contacts, "hooks": hooks })
    }

    fn has(&self, account: &str) -> bool {
        self.with_wb || account != "wb"
    }

    fn account(&self, name: &str, kind: &str, number: u64, provider: &str) -> Value {
        let rate = if name == "wa" { self.rate } else { 1000 };
        let mut account = json!({
            "provider": kind, "base-url": provider, "timeout": "1s",
            "rate": format!("{rate}/s burst {rate}"), "per-recipient": "1000/s burst 1000",
            "on-unknown": if name == "gu" { "give-up" } else { "retry" },
        });
        if kind == "telegram" {
            account["bot-token"] = json!(format!("{number}:{SECRET}"));
        } else {
            account["phone-number-id"] = json!(number.to_string());
            account["access-token"] = json!(format!("EAA{SECRET}"));
            if CALLBACKS {
                account["callback-secret"] = json!(CALLBACK_SECRET);
                account["app-secret"] = json!(APP_SECRET);
            }
        }
        account
    }

    fn hook(&self, hook: &Hook) -> Value {
        let mut via: Vec<&str> = hook.via.iter().copied().filter(|account| self.has(account)).collect();
        if via.is_empty() {
            via.push("wa");
        }
        let to: Vec<String> = hook.to.iter().map(|contact| name(*contact)).collect();
        json!({ "id": hook.id, "send": { "to": to, "via": via, "priority": hook.priority, "ttl": hook.ttl } })
    }
}

/// All hooks: each contact by one way in three priorities and by two ways, lists, and some that are special.
pub(crate) fn hooks() -> Vec<Hook> {
    let hook = |id: String, to: Vec<usize>, via: &[&'static str]| Hook {
        id,
        to,
        via: via.to_vec(),
        priority: "normal",
        ttl: "24h",
    };
    let mut all = vec![hook("extra".to_owned(), vec![0], &["wa"])];
    for contact in 0..CONTACTS {
        let one: &[&str] = if contact % 2 == 0 { &["wa"] } else { &["tg"] };
        for priority in ["high", "normal", "low"] {
            all.push(Hook { priority, ..hook(format!("{priority}-{contact}"), vec![contact], one) });
        }
        let two: &[&str] = [&["tg", "wa"], &["wa", "tg"], &["wb", "wa"]][contact % 3];
        all.push(hook(format!("two-{contact}"), vec![contact], two));
    }
    for n in 0..4 {
        all.push(hook(format!("list-{n}"), (n * 4..n * 4 + 4).collect(), &["wa", "tg"]));
        all.push(hook(format!("gone-{n}"), vec![n], &["wb"]));
        all.push(hook(format!("once-{n}"), vec![n], &["gu"]));
        all.push(Hook { priority: "low", ttl: SHORT, ..hook(format!("short-{n}"), vec![n], &["wa"]) });
    }
    for n in 0..CURSED {
        all.push(hook(format!("cursed-{n}"), vec![CONTACTS + n], if n % 2 == 0 { &["wa"] } else { &["tg"] }));
    }
    all
}

/// The name of a contact.
pub(crate) fn name(contact: usize) -> String {
    format!("c{contact}")
}

fn phone(contact: usize) -> u64 {
    79_990_000_100 + contact as u64
}

fn chat(contact: usize) -> u64 {
    1000 + contact as u64
}

/// Whether the provider can't reach an address by an account, ever.
pub(crate) fn is_refused(account: &str, address: &str) -> bool {
    let address: u64 = address.parse().unwrap_or_default();
    let refused = |contacts: [usize; 2], number: fn(usize) -> u64| contacts.map(number).contains(&address);
    match account {
        "tg" | "gu" => refused([5, 7], chat),
        _ => refused([5, 6], phone),
    }
}
