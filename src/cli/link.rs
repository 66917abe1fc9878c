//! Links that open a chat in WhatsApp, with a text ready to be sent.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;

use super::exit::{Exit, say};
use super::flags::link::LinkArgs;
use crate::app::settings::DEFAULT_HOOKS;
use crate::config::load::{Loader, Sources};
use crate::contact::{Contact, phone};
use crate::url::wa_link;

/// Characters of a link beyond which some programs cut it.
const LONGEST: usize = 2000;

/// Prints a link; of a list one for each, with the names.
pub(super) fn link(args: &LinkArgs) -> anyhow::Result<Exit> {
    let text = args.text.as_deref().unwrap_or_default();
    let links: Vec<(String, String)> = match &args.to {
        None => vec![(String::new(), wa_link(None, text))],
        Some(to) => called(to, args)?.into_iter().map(|(name, phone)| (name, wa_link(Some(&phone), text))).collect(),
    };
    if let Some((_, link)) = links.iter().find(|(_, link)| link.len() > LONGEST) {
        let length = link.len();
        say(&format!("hookbell link: the link has {length} characters; over {LONGEST} some programs cut it"));
    }
    let lines: String = match links.as_slice() {
        [(_, link)] => format!("{link}\n"),
        links => links.iter().map(|(name, link)| format!("{name} {link}\n")).collect(),
    };
    std::io::stdout().write_all(lines.as_bytes())?;
    Ok(Exit::Fine)
}

/// Those who are meant, each with a number that WhatsApp may know. For a number in full no file is read.
fn called(to: &str, args: &LinkArgs) -> anyhow::Result<Vec<(String, String)>> {
    if let Ok(phone) = phone(to, None) {
        return Ok(vec![(phone.clone(), phone)]);
    }
    let mut named: Vec<PathBuf> = args.hooks.iter().map(PathBuf::from).collect();
    if named.is_empty() {
        named.push(DEFAULT_HOOKS.into());
    }
    let compiled = Loader::new(Sources { named, ..Sources::default() }).start();
    let contacts = match compiled.config.directory.called(to) {
        Ok(contacts) => contacts,
        Err(why) => {
            for finding in compiled.all_findings().into_iter().filter(|finding| finding.is_error()) {
                say(&finding.to_string());
            }
            bail!("{why}");
        }
    };
    let number = |contact: &Contact| {
        let of = |kind: &str| contact.addresses.iter().find(|address| address.kind.as_str() == kind);
        of("whatsapp").or_else(|| of("phone")).map(|address| (contact.name.clone(), address.text.clone()))
    };
    let found: Vec<_> = contacts.iter().filter_map(number).collect();
    for contact in contacts.iter().filter(|contact| number(contact).is_none()) {
        say(&format!("hookbell link: {} has no phone", contact.name));
    }
    if found.is_empty() {
        bail!("nobody there has a phone");
    }
    Ok(found)
}
