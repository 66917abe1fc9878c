//! Where a text of JSON ends.

/// How many bytes a text goes on before it ends, or is not what it says: at a quote, a backslash or a control character.
pub(super) fn plain(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        if let Some(within) = first_end(*word) {
            return at * 8 + within;
        }
    }
    let mut last = [b'"'; 8];
    last.iter_mut().zip(rest).for_each(|(byte, from)| *byte = *from);
    words.len() * 8 + first_end(last).map_or(rest.len(), |within| within.min(rest.len()))
}

/// The first such byte of eight, all looked at in one go: a byte that is less than another borrows from its highest bit.
fn first_end(bytes: [u8; 8]) -> Option<usize> {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(bytes);
    let less = |word: u64, than: u8| word.wrapping_sub(EACH * u64::from(than)) & !word;
    let is = |byte: u8| less(word ^ (EACH * u64::from(byte)), 1);
    // Borrowing may spoil the bytes behind the first one, not those before it.
    let found = (less(word, 0x20) | is(b'"') | is(b'\\')) & (EACH << 7);
    (found != 0).then_some(found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_text_ends_where_it_ends(text in prop::collection::vec(prop_oneof![0x1e..=0x23u8, 0x5b..=0x5du8, any::<u8>()], 0..40)) {
            let ends = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
            prop_assert_eq!(plain(&text), text.iter().position(ends).unwrap_or(text.len()));
        }
    }
}
