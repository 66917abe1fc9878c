//! What commands and the scripts that they name say, as plain text: which variables are used, which programs are named.

/// The longest script that is looked at, in bytes.
const MAX_SCRIPT: u64 = 64 << 10;

/// A command, and the text of each script that it names by its whole path.
pub(super) fn named_in(command: &str) -> Vec<String> {
    let paths =
        command.split(|c: char| c.is_whitespace() || "'\"`$();|&<>=".contains(c)).filter(|word| word.starts_with('/'));
    std::iter::once(command.to_owned()).chain(paths.filter_map(text)).collect()
}

/// A file's text, if it is a script.
pub(super) fn text(path: &str) -> Option<String> {
    let is_small = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MAX_SCRIPT);
    let text = Some(path).filter(|_| is_small).and_then(|path| std::fs::read_to_string(path).ok())?;
    text.starts_with("#!").then_some(text)
}

/// The names behind a prefix: `from` of `$v_from` for `v_`. In order, each once.
pub(super) fn variables(texts: &[String], prefix: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for (at, _) in text.match_indices(prefix) {
            let name: String = text[at + prefix.len()..].chars().take_while(|c| is_word(*c)).collect();
            let begins = !text[..at].ends_with(is_word);
            if begins && !name.is_empty() && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// Whether a program is named anywhere in a text: a guess, for advice.
pub(super) fn names(text: &str, program: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = code.flat_map(|line| line.split(|c: char| c.is_whitespace() || "'\"`$();|&<>".contains(c)));
    words.into_iter().any(|word| word == program || word.strip_suffix(program).is_some_and(|path| path.ends_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_programs_are_found() {
        let text = "echo $v_from ${v_to:-1} $xv_no v_ # $v_from\nsudo /usr/bin/systemctl restart x".to_owned();
        assert_eq!(variables(std::slice::from_ref(&text), "v_"), ["from", "to"]);
        assert!(names(&text, "sudo") && names(&text, "systemctl") && !names(&text, "restar"));
        assert!(!names("# sudo x", "sudo"));
    }
}
