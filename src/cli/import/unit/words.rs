//! The words of a line as systemd splits and fills them in.
//!
//! upstream: systemd.service(5) "Command lines", systemd.unit(5) "Specifiers", systemd.exec(5) `Environment=`.

/// What a line is filled in with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Around {
    /// `%n`
    unit: String,
    /// `%u`
    user: String,
    /// `$NAME`; of a name given twice the last counts.
    pub environment: Vec<(String, String)>,
}

impl Around {
    /// Of a unit of the system.
    pub(crate) fn of_unit(name: &str, user: Option<&str>) -> Around {
        Around { unit: name.to_owned(), user: user.unwrap_or("root").to_owned(), environment: Vec::new() }
    }

    /// A variable's value; empty where it is not set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A text with its `%` specifiers filled in, and those that can't be.
    pub(crate) fn specifiers(&self, text: &str) -> (String, Vec<String>) {
        let (mut filled, mut unknown) = (String::new(), Vec::new());
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                filled.push(c);
                continue;
            }
            match rest.next() {
                Some('%') | None => filled.push('%'),
                Some(letter) => match self.specifier(letter) {
                    Some(value) => filled.push_str(&value),
                    None => {
                        filled.extend(['%', letter]);
                        unknown.push(format!("%{letter}"));
                    }
                },
            }
        }
        (filled, unknown)
    }

    fn specifier(&self, letter: char) -> Option<String> {
        let stem = self.unit.rsplit_once('.').map_or(self.unit.as_str(), |(stem, _)| stem);
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        let fixed = match letter {
            'n' => &self.unit,
            'N' => stem,
            'p' | 'P' => prefix,
            'i' | 'I' => instance,
            'u' => &self.user,
            // Of a unit of the system: that of systemd itself, not of User=.
            'h' => "/root",
            's' => "/bin/sh",
            't' => "/run",
            'S' => "/var/lib",
            'C' => "/var/cache",
            'L' => "/var/log",
            'E' => "/etc",
            'T' => "/tmp",
            'V' => "/var/tmp",
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

/// The words of a command line, and what of it could not be filled in. Of several commands (`;`) the first counts.
pub(crate) fn split(line: &str, around: &Around) -> (Vec<String>, Vec<String>) {
    let mut words = Vec::new();
    let mut unknown = Vec::new();
    let mut fills = true;
    for (at, Part { text, quoted }) in parts(line).into_iter().enumerate() {
        if text == ";" && !quoted {
            unknown.push("a second command behind `;`".to_owned());
            break;
        }
        let mut text = text.as_str();
        if at == 0 {
            let bare = text.trim_start_matches(['@', '-', ':', '+', '!', '|']);
            fills = !text[..text.len() - bare.len()].contains(':');
            text = bare;
        }
        let (text, missing) = around.specifiers(text);
        unknown.extend(missing);
        match text.strip_prefix('$').filter(|name| fills && !quoted && is_name(name)) {
            // Alone, and without braces, it may become several words.
            Some(name) => words.extend(around.variable(name).unwrap_or_default().split_whitespace().map(str::to_owned)),
            None if fills => words.push(filled(&text, around)),
            None => words.push(text),
        }
    }
    // `@`: the second word is only what the program is called.
    if line.trim_start().trim_start_matches(['-', ':', '+', '!', '|']).starts_with('@') && words.len() > 1 {
        words.remove(1);
    }
    (words, unknown)
}

/// The assignments of a line `Environment=`, and what could not be filled in.
pub(crate) fn assignments(line: &str, around: &Around) -> (Vec<(String, String)>, Vec<String>) {
    let (mut assigned, mut unknown) = (Vec::new(), Vec::new());
    for Part { text, .. } in parts(line) {
        let (text, missing) = around.specifiers(&text);
        unknown.extend(missing);
        if let Some((name, value)) = text.split_once('=') {
            assigned.push((name.to_owned(), value.to_owned()));
        }
    }
    (assigned, unknown)
}

/// The assignments in a file of `EnvironmentFile=`.
pub(crate) fn environment_file(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let split = lines.filter_map(|line| line.split_once('='));
    split.map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()))).collect()
}

fn unquoted(value: &str) -> String {
    let inside = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inside.unwrap_or(value).to_owned()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// A word with `${NAME}` filled in; `$$` is a dollar.
fn filled(text: &str, around: &Around) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, behind) = rest.split_at(at);
        filled.push_str(before);
        let name =
            behind.strip_prefix("${").and_then(|inside| inside.split_once('}')).filter(|(name, _)| is_name(name));
        rest = match name {
            Some((name, after)) => {
                filled.push_str(around.variable(name).unwrap_or_default());
                after
            }
            None => {
                filled.push('$');
                behind.strip_prefix("$$").or_else(|| behind.strip_prefix('$')).unwrap_or_default()
            }
        };
    }
    filled + rest
}

/// A word before anything is filled in.
struct Part {
    text: String,
    quoted: bool,
}

fn parts(line: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open: Option<Part> = None;
    let mut quote = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if quote.is_none() && c.is_whitespace() {
            parts.extend(open.take());
            continue;
        }
        let word = open.get_or_insert_with(|| Part { text: String::new(), quoted: false });
        match c {
            '\\' => escape(&mut word.text, &mut rest),
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                word.quoted = true;
                quote = Some(c);
            }
            c => word.text.push(c),
        }
    }
    parts.extend(open);
    parts
}

fn escape(text: &mut String, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let Some(c) = rest.next() else { return text.push('\\') };
    let (digits, radix) = match c {
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        '0'..='7' => (3, 8),
        _ => {
            let plain = match c {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                's' => ' ',
                '\\' | '"' | '\'' => c,
                // No escape that systemd knows: it stays as it is.
                other => {
                    text.push('\\');
                    other
                }
            };
            return text.push(plain);
        }
    };
    let mut number = if radix == 8 { c.to_string() } else { String::new() };
    while number.len() < digits
        && let Some(digit) = rest.next_if(|c| c.is_digit(radix))
    {
        number.push(digit);
    }
    text.extend(u32::from_str_radix(&number, radix).ok().and_then(char::from_u32));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn around() -> Around {
        let mut around = Around::of_unit("webhook@one.service", Some("www-data"));
        around.environment =
            vec![("A".into(), "x".into()), ("FLAGS".into(), "-a -b".into()), ("A".into(), "1 2".into())];
        around
    }

    #[test]
    fn a_command_line_is_split_as_systemd_splits_it() {
        for (line, words) in [
            (r#"/bin/a  "b c" 'd "e"' f\x20g \"h"#, r#"/bin/a|b c|d "e"|f g|"h"#),
            ("-/bin/a $FLAGS ${FLAGS} x${A}y $NONE", "/bin/a|-a|-b|-a -b|x1 2y"),
            (":/bin/a $FLAGS ${A}", "/bin/a|$FLAGS|${A}"),
            ("@/bin/a called b", "/bin/a|b"),
            ("/bin/a %i %p %N %u %h%% $$A", "/bin/a|one|webhook|webhook@one|www-data|/root%|$A"),
            ("/bin/a x=\"b c\"d ''", "/bin/a|x=b cd|"),
        ] {
            assert_eq!(split(line, &around()), (words.split('|').map(str::to_owned).collect(), vec![]), "{line}");
        }
        assert_eq!(split("/bin/a %H ; /bin/b", &around()).1, ["%H", "a second command behind `;`"]);
    }

    #[test]
    fn environments_are_read() {
        let (assigned, _) = assignments(r#""A=b c" D=%i 'E=f"g'"#, &around());
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        assert_eq!(assigned, [("A", "b c"), ("D", "one"), ("E", "f\"g")].map(pair));
        let file = environment_file("# x\nA=1\n B = \"2 3\" \n;C=4\nD='5\n");
        assert_eq!(file, [("A", "1"), ("B", "2 3"), ("D", "'5")].map(pair));
    }

    proptest! {
        #[test]
        fn any_line_is_split(line in r#"(%[a-zA-Z%]|\$\{|\}|\$[A-Z]|\\x|\\|["']|;| |\PC){0,40}"#) {
            drop((split(&line, &around()), assignments(&line, &around()), environment_file(&line)));
            drop(super::super::parse("x", &line));
        }
    }
}
