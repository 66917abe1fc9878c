//! Mail addresses as people write them.

use lettre::Address;

use crate::provider::mail::Mailbox;

/// An address with its domain in ASCII, as servers know it: `ivan@пример.рф` is `ivan@xn--e1afmkfd.xn--p1ai`. None if it
/// is no address. What stands before the `@` stays as it is; where that is not ASCII, few servers take it.
pub(super) fn ascii(written: &str) -> Option<String> {
    let (user, domain) = written.trim().rsplit_once('@')?;
    let domain = match domain.starts_with('[') {
        true => domain.to_owned(),
        false => idna::domain_to_ascii(domain).ok()?,
    };
    // It stands in a command between angle brackets, on a line of its own.
    let plain = |c: char| !c.is_control() && !matches!(c, '<' | '>');
    let address = format!("{user}@{domain}");
    (address.chars().all(plain) && address.parse::<Address>().is_ok()).then_some(address)
}

/// `ADDRESS` or `NAME <ADDRESS>`, the name in quotes or not. None if it is neither.
pub(super) fn mailbox(written: &str) -> Option<Mailbox> {
    let written = written.trim();
    let Some(inside) = written.strip_suffix('>') else {
        return Some(Mailbox { name: None, address: ascii(written)? });
    };
    let (name, address) = inside.rsplit_once('<')?;
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name).trim();
    let sound = !name.contains(['<', '>', '"']) && !name.chars().any(char::is_control);
    let name = Some(name).filter(|name| !name.is_empty()).map(str::to_owned);
    if sound { Some(Mailbox { name, address: ascii(address)? }) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_known_by_its_ascii_name() {
        for (written, address) in [
            (" ivan@example.org ", Some("ivan@example.org")),
            ("ivan@пример.рф", Some("ivan@xn--e1afmkfd.xn--p1ai")),
            ("иван@example.org", Some("иван@example.org")),
            ("root@localhost", Some("root@localhost")),
            ("ops@[192.0.2.1]", Some("ops@[192.0.2.1]")),
            ("o'hara+disk@example.org", Some("o'hara+disk@example.org")),
            ("ivan", None),
            ("@example.org", None),
            ("ivan@", None),
            ("a b@example.org", None),
            ("ivan@example.org, petr@example.org", None),
            ("ivan@example.org>\r\nRCPT TO:<petr@example.org", None),
            ("ivan\n@example.org", None),
            ("<ivan@example.org>", None),
        ] {
            assert_eq!(ascii(written).as_deref(), address, "{written:?}");
        }
    }

    #[test]
    fn a_mailbox_may_have_a_name_in_any_script() {
        for (written, name, address) in [
            ("a@b.example", None, "a@b.example"),
            ("<a@b.example>", None, "a@b.example"),
            ("Сервер db1 🔔 <a@b.example>", Some("Сервер db1 🔔"), "a@b.example"),
            ("\"Alarm, db1\" <a@b.example>", Some("Alarm, db1"), "a@b.example"),
        ] {
            let mailbox = mailbox(written).unwrap();
            assert_eq!((mailbox.name.as_deref(), mailbox.address.as_str()), (name, address), "{written:?}");
        }
        for wrong in ["alarm", "Alarm <a>", "A <a@b.example> <c@d.example>", "A\r\nBcc: x <a@b.example>", "\"A <a@b>"] {
            assert_eq!(mailbox(wrong), None, "{wrong:?}");
        }
    }
}
