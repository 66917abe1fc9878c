//! Phone numbers, as people write them and as providers have them.

use std::borrow::Cow;

/// The country whose national numbers are completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Russia: `8 900 123-45-67` is `+79001234567`.
    Russia,
}

impl Region {
    /// The region that an ISO 3166 code means.
    pub fn named(code: &str) -> Option<Region> {
        Region::ALL.iter().find(|(name, _)| *name == code).map(|(_, region)| *region)
    }

    /// Every region with its code.
    pub const ALL: [(&'static str, Region); 1] = [("RU", Region::Russia)];
}

/// Whether somebody who writes this means a number, not a name.
pub(super) fn looks_like_a_phone(text: &str) -> bool {
    text.chars().any(|letter| letter.is_ascii_digit()) && !text.chars().any(char::is_alphabetic)
}

/// A phone number as E.164 (`+79001234567`), from how people and browsers write it.
///
/// Spaces, dashes and brackets are dropped; one leading blank stands for `+`, which is what a browser makes of
/// `?phone=+7…`. The error says what is wrong and, where that can be told, the number that was probably meant.
pub fn phone(text: &str, region: Option<Region>) -> Result<String, String> {
    let shown = text.trim();
    let body = text.trim_end();
    let blank_plus = body.starts_with(' ') && body[1..].starts_with(|letter: char| letter.is_ascii_digit());
    let mut plus = blank_plus;
    let mut digits = String::new();
    for letter in body.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            '+' if digits.is_empty() && !plus => plus = true,
            '-' | '(' | ')' | '[' | ']' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            blank if blank.is_whitespace() => {}
            other => return Err(format!("\"{shown}\" is no phone number: `{other}` can't stand in one")),
        }
    }
    let national = match (plus, digits.as_str()) {
        (false, d) if d.len() == 11 && d.starts_with('8') => Some(&d[1..]),
        (false, d) if d.len() == 10 && matches!(d.as_bytes()[0], b'3' | b'4' | b'8' | b'9') => Some(d),
        _ => None,
    };
    if let Some(national) = national {
        return match region {
            Some(Region::Russia) => Ok(format!("+7{national}")),
            None => Err(format!(
                "\"{shown}\" is a national number: write +7{national}, or set \"defaults\": {{\"region\": \"RU\"}}"
            )),
        };
    }
    // From Russia 810 begins what + begins elsewhere.
    if let Some(rest) = digits.strip_prefix("810").filter(|rest| !plus && rest.len() >= 10) {
        return Err(format!("\"{shown}\" is no E.164 number: write +{rest}"));
    }
    if digits.starts_with('7') && digits.len() != 11 {
        return Err(format!("\"{shown}\" is no phone number: ten digits follow +7"));
    }
    if plus && digits.len() == 11 && digits.starts_with("89") {
        return Err(format!("\"{shown}\" has no country code: write +7{}", &digits[1..]));
    }
    if let Some(rest) = digits.strip_prefix("00") {
        return Err(format!("\"{shown}\" is no E.164 number: write +{rest}"));
    }
    let enough = if plus { 7..=15 } else { 11..=15 };
    if !enough.contains(&digits.len()) || digits.starts_with('0') {
        return Err(format!("\"{shown}\" is no phone number: write it as +79001234567, with the country code"));
    }
    Ok(format!("+{digits}"))
}

/// A phone in E.164 as all spellings of its line have it: three countries put digits into their mobile numbers that some
/// networks leave out, WhatsApp's ids among them. It need not be a number that can be called.
///
/// Argentina `+54 9 …`, Mexico `+52 1 …`, Brazil `+55 AA 9 …`: see WhatsApp's help about international numbers.
pub fn line(phone: &str) -> Cow<'_, str> {
    let without = |at: usize, digit: char| match phone.split_at_checked(at) {
        Some((before, after)) => after.strip_prefix(digit).map(|after| format!("{before}{after}")),
        None => None,
    };
    let shortened = match (phone.get(..3), phone.len()) {
        (Some("+54"), 14) => without(3, '9'),
        (Some("+52"), 14) => without(3, '1'),
        (Some("+55"), 14) => without(5, '9'),
        _ => None,
    };
    shortened.map_or(Cow::Borrowed(phone), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_read_as_people_write_them() {
        for (text, number) in [
            ("+7 900 123-45-67", "+79001234567"),
            ("+79001234567", "+79001234567"),
            (" 79001234567", "+79001234567"),
            ("79001234567", "+79001234567"),
            ("+7 (900) 123\u{2011}45\u{2011}67\n", "+79001234567"),
            ("+3725123456", "+3725123456"),
            ("880123456789", "+880123456789"),
        ] {
            assert_eq!(phone(text, None).as_deref(), Ok(number), "{text:?}");
        }
    }

    #[test]
    fn a_national_number_is_completed_or_refused_with_the_likely_one() {
        for text in ["89001234567", "8 (900) 123-45-67", "9001234567", "900 123 45 67"] {
            assert_eq!(phone(text, Some(Region::Russia)).as_deref(), Ok("+79001234567"), "{text}");
            assert!(phone(text, None).unwrap_err().contains("+79001234567"), "{text}");
        }
        for text in ["+89001234567", "0079001234567", "8-10-7-900-123-45-67"] {
            assert!(phone(text, None).unwrap_err().contains("write +79001234567"), "{text}");
        }
        for text in ["+7 900 123-45-6", "+7 900 123-45-678", "790012345678"] {
            assert!(phone(text, None).unwrap_err().contains("ten digits"), "{text}");
        }
        for text in ["", "123", "+123456", "+1234567890123456", "7900x", "01234567890", "+0123456789", "7+9001234567"] {
            assert!(phone(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_has_one_name_however_it_is_written() {
        for (one, other) in [
            ("+5491123456789", "+541123456789"),
            ("+5215512345678", "+525512345678"),
            ("+5511987654321", "+551187654321"),
        ] {
            assert_eq!(line(one), other);
            assert_eq!(line(other), other);
        }
        assert_eq!(line("+79001234567"), "+79001234567");
        assert_eq!(line("-100123"), "-100123");
    }
}
