//! What rsyslog's omprog writes becomes messages, and rsyslog hears what became of each line.
//!
//! The handshake is that of `confirmMessages="on"` (rsyslog's plugins/external/INTERFACE.md): one `OK` when we are
//! ready, then one line for each line. Whatever is not `OK` makes rsyslog keep the line in its queue and bring it again,
//! so nothing here waits or retries.

use std::io::{self, BufRead, Read as _, Write};

use super::exit::{Exit, say};
use super::flags::callers::OmprogArgs;
use crate::clock::Clock;
use crate::message::MessageId;
use crate::request::text::{is_blank, readable};
use road::{Missed, Road};

mod road;

/// The longest line that is sent whole, in bytes: rsyslog's own limit is 8 KiB where nobody raised it.
const LONGEST: usize = 256 * 1024;

/// What stands before and after the lines of a transaction (`useTransactions="on"`), unless rsyslog is told otherwise.
const MARKS: [&[u8]; 2] = [b"BEGIN TRANSACTION", b"COMMIT TRANSACTION"];

/// Why the flags don't go together.
pub(super) fn check(args: &OmprogArgs) -> Result<(), String> {
    match (&args.hook, &args.url) {
        (None, None) => Err("which hook? give -hook ID, or -url URL if its daemon is elsewhere".to_owned()),
        (Some(_), Some(_)) => Err("-hook and -url are two roads to a hook: give one".to_owned()),
        (Some(_), None) if args.token_file.is_some() || args.ca_file.is_some() => {
            Err("-token-file and -ca-file go with -url: the control socket needs neither".to_owned())
        }
        (None, Some(url)) => road::check(url),
        _ => Ok(()),
    }
}

/// Sends what comes on standard input until that ends.
pub(super) fn omprog(args: &OmprogArgs) -> anyhow::Result<Exit> {
    let road = Road::open(args)?;
    let carry = |line: &[u8], key: &str| road.carry(line, key);
    match converse(io::stdin().lock(), io::stdout().lock(), args.unescape, carry) {
        // rsyslog is gone: it keeps what was not confirmed.
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Fine),
        ended => ended.map(|()| Exit::Fine).map_err(Into::into),
    }
}

/// The whole conversation, up to the end of `input`. `carry` is handed each line and its key.
fn converse(
    mut input: impl BufRead,
    mut output: impl Write,
    unescape: bool,
    mut carry: impl FnMut(&[u8], &str) -> Result<(), Missed>,
) -> io::Result<()> {
    answer(&mut output, "OK")?;
    let mut keys = Keys::new();
    while let Some(line) = next_line(&mut input)? {
        let said = match MARKS.iter().position(|mark| *mark == line.as_slice()) {
            Some(mark) => {
                keys.pass_mark(mark == 0);
                "OK".to_owned()
            }
            None => {
                let line = if unescape { unescaped(&line) } else { line };
                confirm(&line, &mut keys, &mut carry)
            }
        };
        answer(&mut output, &said)?;
    }
    Ok(())
}

/// Sends one line and yields what rsyslog is to hear.
fn confirm(line: &[u8], keys: &mut Keys, carry: &mut impl FnMut(&[u8], &str) -> Result<(), Missed>) -> String {
    // A daemon would refuse it, and rsyslog bring it again for ever.
    if is_blank(&readable(line, None).text) {
        say("hookbell omprog: a blank line was left out");
        return keys.done().to_owned();
    }
    let sent = match carry(line, &keys.key()) {
        // rsyslog gave up the line that was tried last, which had arrived, and this is another.
        Err(Missed::KeyReused) => {
            keys.renew();
            carry(line, &keys.key())
        }
        sent => sent,
    };
    match sent {
        Ok(()) => keys.done().to_owned(),
        Err(missed) => missed.to_string(),
    }
}

/// One line, at once: rsyslog waits for it.
fn answer(output: &mut impl Write, said: &str) -> io::Result<()> {
    let line: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    output.write_all(format!("{line}\n").as_bytes())?;
    output.flush()
}

/// The next line without its end. Of one that is too long the beginning, with a mark. A last one may lack its end.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
    if input.take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LONGEST {
        let rest = input.skip_until(b'\n')?;
        say(&format!("hookbell omprog: a line of {} bytes was cut", line.len() + rest));
        line.truncate(LONGEST);
        line.extend_from_slice("…".as_bytes());
    }
    Ok(Some(line))
}

/// rsyslog writes a control character as `#` and three octal digits (`$EscapeControlCharactersOnReceive`). Here it is
/// one again.
fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let (byte, left) = match (first, after) {
            (b'#', [b'0', tens @ b'0'..=b'3', ones @ b'0'..=b'7', left @ ..]) => {
                ((tens - b'0') * 8 + ones - b'0', left)
            }
            (b'#', [b'1', b'7', b'7', left @ ..]) => (0x7f, left),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = left;
    }
    bytes
}

/// `Idempotency-Key`s: a line that rsyslog brings again has the one of before, so that a message that was stored while
/// its answer got lost is not stored twice. What is brought again is the last line, or a whole transaction.
struct Keys {
    batch: String,
    position: u32,
    in_transaction: bool,
}

impl Keys {
    fn new() -> Keys {
        Keys { batch: fresh(), position: 0, in_transaction: false }
    }

    /// For the line at hand.
    fn key(&self) -> String {
        format!("{}-{}", self.batch, self.position)
    }

    fn renew(&mut self) {
        self.batch = fresh();
    }

    /// Counts the line at hand as stored, and yields how that is said: in a transaction it is not the last word.
    fn done(&mut self) -> &'static str {
        if self.in_transaction {
            self.position += 1;
            return "DEFER_COMMIT";
        }
        self.renew();
        "OK"
    }

    /// A transaction that begins before the last one was committed is that one again.
    fn pass_mark(&mut self, begins: bool) {
        if !begins {
            self.renew();
        }
        self.position = 0;
        self.in_transaction = begins;
    }
}

/// A name that nothing else has.
fn fresh() -> String {
    let now = Clock::system().now();
    // A system without random numbers still has clocks and processes.
    MessageId::generate(now).map_or_else(|_| format!("{now}-{}", std::process::id()), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was carried: line and key; and what was said, line by line.
    fn talk(input: &[u8], unescape: bool, fates: &[Missed]) -> (Vec<(String, String)>, Vec<String>) {
        let (mut carried, mut said) = (Vec::new(), Vec::new());
        let mut fates = fates.iter();
        let carry = |line: &[u8], key: &str| {
            carried.push((String::from_utf8_lossy(line).into_owned(), key.to_owned()));
            match fates.next() {
                Some(Missed::For(why)) if why.is_empty() => Ok(()),
                Some(missed) => Err(missed.clone()),
                None => Ok(()),
            }
        };
        converse(input, &mut said, unescape, carry).unwrap();
        (carried, String::from_utf8(said).unwrap().lines().map(str::to_owned).collect())
    }

    fn lines(carried: &[(String, String)]) -> Vec<&str> {
        carried.iter().map(|(line, _)| line.as_str()).collect()
    }

    fn fine() -> Missed {
        Missed::For(String::new())
    }

    #[test]
    fn every_line_is_confirmed_or_refused_in_one_line() {
        let (carried, said) = talk(b"one\ntwo\nlast", false, &[fine(), Missed::For("no\ndaemon".to_owned())]);
        assert_eq!(lines(&carried), ["one", "two", "last"]);
        assert_eq!(said, ["OK", "OK", "no daemon", "OK"]);
        assert_eq!(talk(b"", false, &[]).1, ["OK"]);
    }

    #[test]
    fn a_line_that_comes_again_has_its_key_of_before_and_no_other_has_it() {
        let down = || Missed::For("down".to_owned());
        let (carried, _) = talk(b"a\na\na\na\n", false, &[down(), down(), fine(), fine()]);
        let keys: Vec<_> = carried.iter().map(|(_, key)| key).collect();
        assert_eq!((keys[0], keys[1]), (keys[1], keys[2]));
        assert_ne!(keys[2], keys[3]);
    }

    #[test]
    fn a_line_that_took_the_place_of_one_given_up_gets_a_key_of_its_own() {
        let (carried, said) = talk(b"a\nb\n", false, &[Missed::For("late".to_owned()), Missed::KeyReused]);
        assert_eq!(
            (lines(&carried), said[1..].to_vec()),
            (vec!["a", "b", "b"], vec!["late".to_owned(), "OK".to_owned()])
        );
        assert_ne!(carried[1].1, carried[2].1);
    }

    #[test]
    fn a_transaction_that_comes_again_has_its_keys_of_before() {
        let input = "BEGIN TRANSACTION\na\nb\nBEGIN TRANSACTION\na\nb\nCOMMIT TRANSACTION\nBEGIN TRANSACTION\na\n";
        let (carried, said) = talk(input.as_bytes(), false, &[fine(), Missed::For("down".to_owned())]);
        assert_eq!(said.join(" "), "OK OK DEFER_COMMIT down OK DEFER_COMMIT DEFER_COMMIT OK OK DEFER_COMMIT");
        let keys: Vec<_> = carried.iter().map(|(_, key)| key).collect();
        assert_eq!((keys[0], keys[1]), (keys[2], keys[3]));
        assert_ne!(keys[4], keys[0]);
    }

    #[test]
    fn a_blank_line_is_left_out_for_it_would_come_for_ever() {
        let (carried, said) = talk("\n \u{a0}\n\0\nx\n".as_bytes(), false, &[]);
        assert_eq!((lines(&carried), said), (vec!["x"], vec!["OK".to_owned(); 5]));
    }

    #[test]
    fn escapes_are_undone_only_where_that_is_asked_for() {
        for (line, undone) in [("a#012b#011c", "a\nb\tc"), ("#177#080#999#12", "\u{7f}#080#999#12"), ("##012", "#\n")] {
            assert_eq!(lines(&talk(format!("{line}\n").as_bytes(), true, &[]).0), [undone]);
            assert_eq!(lines(&talk(format!("{line}\n").as_bytes(), false, &[]).0), [line]);
        }
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let input = [vec![b'x'; LONGEST], b"\n".to_vec(), vec![b'y'; 3 * LONGEST], b"\nz\n".to_vec()].concat();
        let (carried, said) = talk(&input, false, &[]);
        let lengths: Vec<_> = carried.iter().map(|(line, _)| line.len()).collect();
        assert_eq!((lengths, said.len()), (vec![LONGEST, LONGEST + "…".len(), 1], 4));
    }
}
