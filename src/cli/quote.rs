//! Words as a POSIX shell reads them.

/// A word so written that a shell reads it as this one word.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command line of these words.
pub(super) fn line<T: AsRef<str>>(words: &[T]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(line(&["a", "", "b c", "it's", "$x", "Ж", "{{ msg }}"]), r"a '' 'b c' 'it'\''s' '$x' Ж '{{ msg }}'");
    }
}
