//! The phone that a script sends to.

/// Where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phone {
    /// It stands in the script.
    Fixed {
        /// In E.164.
        phone: String,
        /// As it stands there.
        written: String,
    },
    /// The caller says it.
    Called {
        /// The parameter's source.
        source: String,
        /// The parameter's name.
        name: String,
    },
}

/// What messengers write behind a phone.
const HOSTS: [&str; 2] = ["@s.whatsapp.net", "@c.us"];

impl Phone {
    /// A phone as scripts write it: with a plus, with digits only, or with a messenger's host behind it.
    pub(super) fn fixed(written: &str) -> Option<Phone> {
        let bare = HOSTS.iter().find_map(|host| written.strip_suffix(host)).unwrap_or(written);
        let digits = bare.strip_prefix('+').unwrap_or(bare);
        let is_phone = (11..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_phone || digits.starts_with('0') {
            return None;
        }
        // 8 900 … is Russia's way to dial at home, and 84 … Vietnam: a wrong guess rings a stranger.
        let is_doubtful = digits.len() == 11 && digits.starts_with('8') && !bare.starts_with('+');
        (!is_doubtful).then(|| Phone::Fixed { phone: format!("+{digits}"), written: written.to_owned() })
    }

    /// How an account's command writes a phone so.
    pub(super) fn template(&self) -> String {
        let Phone::Fixed { written, .. } = self else { return "{{ to[1:] }}".to_owned() };
        let host = HOSTS.iter().find(|host| written.ends_with(**host)).unwrap_or(&"");
        let number = if written.starts_with('+') { "{{ to }}" } else { "{{ to[1:] }}" };
        format!("{number}{host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_recognised_and_written_back_as_they_were() {
        for (written, phone, template) in [
            ("79001234567", "+79001234567", "{{ to[1:] }}"),
            ("+79001234567", "+79001234567", "{{ to }}"),
            ("79001234567@s.whatsapp.net", "+79001234567", "{{ to[1:] }}@s.whatsapp.net"),
            ("4915112345678", "+4915112345678", "{{ to[1:] }}"),
        ] {
            let Some(found @ Phone::Fixed { .. }) = Phone::fixed(written) else { panic!("{written}") };
            assert_eq!(found.template(), template);
            assert_eq!(found, Phone::Fixed { phone: phone.into(), written: written.into() });
        }
        for no in ["89001234567", "9000", "2024-01-01", "7900123456a", "", "+", "0079001234567", "1234567890123456"] {
            assert_eq!(Phone::fixed(no), None, "{no}");
        }
    }
}
