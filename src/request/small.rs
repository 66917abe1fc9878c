//! A text that takes no memory of its own as long as it is short.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

/// What is kept in place, in bytes: as many as make it no larger than a `Vec`.
const SHORT: usize = 22;

/// The bytes of a text that won't change. Most keys of a payload and many of its values are a word or a name: to ask for
/// memory for each of them costs more than to read them.
#[derive(Clone)]
pub struct Text(Room);

/// By its length alone a text is in one or the other.
#[derive(Clone)]
enum Room {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Text {
    /// The text in place, if it is short.
    fn short(text: &[u8]) -> Option<Text> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Text(Room::Short { length: u8::try_from(text.len()).ok()?, bytes }))
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Room::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Room::Long(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Text {
    fn from(text: &[u8]) -> Text {
        Text::short(text).unwrap_or_else(|| Text(Room::Long(text.into())))
    }
}

impl<const LENGTH: usize> From<&[u8; LENGTH]> for Text {
    fn from(text: &[u8; LENGTH]) -> Text {
        text.as_slice().into()
    }
}

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Text {
        Text::short(&text).unwrap_or_else(|| Text(Room::Long(text.into())))
    }
}

impl From<Cow<'_, [u8]>> for Text {
    fn from(text: Cow<'_, [u8]>) -> Text {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        match (&self.0, &other.0) {
            // Behind a short text there are zeroes, so this is the order of the texts alone. Most differ in the first eight.
            (Room::Short { length, bytes }, Room::Short { length: others, bytes: other }) => {
                let first = |bytes: &[u8; SHORT]| bytes.first_chunk().map(|first| u64::from_be_bytes(*first));
                first(bytes).cmp(&first(other)).then_with(|| bytes.cmp(other)).then(length.cmp(others))
            }
            _ => (**self).cmp(other),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_was_made_of() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255, 256, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let text = Text::from(&*bytes);
            assert_eq!(*text, *bytes);
            assert_eq!([&text, &text], [&Text::from(bytes.clone()), &Text::from(Cow::Owned(bytes))]);
            assert_eq!(matches!(text.0, Room::Short { .. }), length <= SHORT, "{length}");
        }
        assert_eq!(format!("{:?}", Text::from(b"a\"\xff")), r#""a\"\xff""#);
    }

    #[test]
    fn texts_are_ordered_by_their_bytes() {
        let long = "b".repeat(SHORT + 1);
        let sorted = ["", "a", "a\0", "a\0a", "ab", "b", &long, "bc"].map(|text| Text::from(text.as_bytes()));
        assert!(sorted.is_sorted_by(|one, other| one < other), "{sorted:?}");
    }
}
