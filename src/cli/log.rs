//! The log: one line for each thing told, written at once, to stderr or to a file.
//!
//! Whatever a stranger sent can't break a line, colour a terminal or turn a text around: such characters are escaped.

use std::error::Error;
use std::fmt::{self, Debug, Write as _};
use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::app::settings::log::{LogDetail, LogFormat, LogSettings};
use crate::clock::Clock;
use crate::http::call_log::DUMP;

mod file;

pub use file::LogFile;

/// Begins the log of this process. Call it once. The file, if it goes to one, can be opened anew.
pub fn start(log: &LogSettings) -> anyhow::Result<Option<LogFile>> {
    let file = match &log.file {
        Some(path) => Some(LogFile::open(path).with_context(|| format!("error opening log file {path:?}"))?),
        None => None,
    };
    let (look, to) = match &file {
        Some(file) => (Look::Plain, BoxMakeWriter::new(file.clone())),
        None => (Look::of_stderr(), BoxMakeWriter::new(io::stderr)),
    };
    let look = if log.format == LogFormat::Json { Look::Json } else { look };
    tracing::subscriber::set_global_default(subscriber(look, log.detail, to)).context("the log has begun already")?;
    Ok(file)
}

/// Whether what is written on stderr has a form that programs read.
pub fn is_for_programs(format: LogFormat) -> bool {
    format == LogFormat::Json || Look::of_stderr() == Look::Journal
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// `2026-11-20T23:15:00.123Z INFO  message key=value`
    Plain,
    /// The same with a coloured level.
    Terminal,
    /// `<6>message key=value`: journald knows the time, and reads the priority.
    Journal,
    /// `{"timestamp":…,"level":…,"message":…,"key":…}`
    Json,
}

impl Look {
    fn of_stderr() -> Look {
        let stderr = io::stderr();
        let stream = std::env::var("JOURNAL_STREAM").ok();
        let same = |stat: rustix::fs::Stat| stream == Some(format!("{}:{}", stat.st_dev, stat.st_ino));
        if rustix::fs::fstat(&stderr).is_ok_and(same) {
            return Look::Journal;
        }
        let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if stderr.is_terminal() && !colourless { Look::Terminal } else { Look::Plain }
    }
}

fn subscriber(look: Look, detail: LogDetail, to: BoxMakeWriter) -> impl Subscriber + Send + Sync {
    let ours = match detail {
        LogDetail::Plain => LevelFilter::INFO,
        LogDetail::Verbose => LevelFilter::DEBUG,
        LogDetail::Debug => LevelFilter::TRACE,
    };
    // Other crates' debugging is for their authors, and hyper's shows headers that we mask.
    let filter = Targets::new().with_target("hookbell", ours).with_default(LevelFilter::WARN);
    // Not `log_internal_errors`: it panics where stderr is gone.
    let lines = layer().with_writer(to).log_internal_errors(false);
    let lines = match look {
        Look::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            lines.with_target(false).with_timer(SystemClock).map_event_format(Harmless).boxed()
        }
        look => {
            // A call's name stands bare before its lines.
            let bare = debug_fn(|to, _, value| write!(to, "{value:?}"));
            lines.fmt_fields(bare).event_format(Lines { look, clock: Clock::system() }).boxed()
        }
    };
    Registry::default().with(lines.with_filter(filter))
}

/// JSON in which nothing is left that a terminal obeys: what writes it escapes only what JSON forbids.
struct Harmless<F>(F);

impl<S, N, F> FormatEvent<S, N> for Harmless<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        for character in line.trim_end_matches('\n').chars() {
            match character {
                // All of them have four digits.
                _ if is_obeyed(character) => write!(to, "\\u{:04x}", u32::from(character))?,
                _ => to.write_char(character)?,
            }
        }
        writeln!(to)
    }
}

struct SystemClock;

impl FormatTime for SystemClock {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        write!(to, "{}", Clock::system().now())
    }
}

struct Lines {
    look: Look,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        match self.look {
            Look::Journal => write!(to, "<{}>", priority(level))?,
            Look::Terminal => write!(to, "{} \x1b[{}m{level:<5}\x1b[0m ", self.clock.now(), colour(level))?,
            Look::Plain | Look::Json => write!(to, "{} {level:<5} ", self.clock.now())?,
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(name) = name_of_call(context) {
            // upstream: in a dump the mark that tells the direction comes first.
            let (mark, message) = match event.metadata().target() {
                DUMP => fields.message.split_at_checked(2).unwrap_or_default(),
                _ => ("", fields.message.as_str()),
            };
            return writeln!(to, "{mark}[{name}] {message}{}", fields.rest);
        }
        writeln!(to, "{}{}", fields.message, fields.rest)
    }
}

/// The name of the call that a line belongs to.
fn name_of_call<S, N>(context: &FmtContext<'_, S, N>) -> Option<String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let span = context.parent_span()?;
    let extensions = span.extensions();
    let mut name = String::new();
    push_escaped(&mut name, &extensions.get::<FormattedFields<N>>()?.fields);
    Some(name)
}

/// As syslog counts them.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 2,
    }
}

/// An event's fields as text: the message, and ` key=value` for each of the others.
#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Fields {
    fn add(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            // A tab harms nobody, and upstream begins lines with it.
            for (number, part) in value.split('\t').enumerate() {
                self.message.push_str(if number == 0 { "" } else { "\t" });
                push_escaped(&mut self.message, part);
            }
            return;
        }
        write!(self.rest, " {}=", field.name()).ok();
        let bare = !value.is_empty() && !value.contains([' ', '"', '=', '\\']);
        let quoted_already = is_quoted(value);
        if bare || quoted_already {
            push_escaped(&mut self.rest, value);
        } else {
            self.rest.push('"');
            push_escaped(&mut self.rest, &value.replace('\\', "\\\\").replace('"', "\\\""));
            self.rest.push('"');
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            write!(text, ": {error}").ok();
            cause = error.source();
        }
        self.add(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// Whether a value is one quoted text already, as `Debug` writes it: a quote inside of it is escaped.
fn is_quoted(value: &str) -> bool {
    let Some(inside) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut escaped = false;
    inside.chars().all(|character| {
        let plain = escaped || character != '"';
        escaped = character == '\\' && !escaped;
        plain
    }) && !escaped
}

/// Whether a terminal does something at this character: controls, Unicode's own ends of lines, and what makes it show the
/// rest of a line backwards.
fn is_obeyed(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Keeps the text on its line and away from the terminal's controls.
fn push_escaped(to: &mut String, text: &str) {
    for character in text.chars() {
        if is_obeyed(character) {
            to.extend(character.escape_default());
        } else {
            to.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What reaches a file.
    fn written(look: Look, detail: LogDetail, told: impl FnOnce()) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let to = BoxMakeWriter::new(Arc::new(file.reopen().unwrap()));
        tracing::subscriber::with_default(subscriber(look, detail, to), told);
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn a_line_has_time_level_message_and_fields() {
        let line = written(Look::Plain, LogDetail::Plain, || {
            tracing::warn!(hook = "wp-admin", status = 403, reason = %"no token", none = "", "call refused");
        });
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(
            (time.len(), rest),
            (24, "WARN  call refused hook=wp-admin status=403 reason=\"no token\" none=\"\"\n")
        );
    }

    #[test]
    fn journald_gets_priorities_and_no_time() {
        let lines = written(Look::Journal, LogDetail::Debug, || {
            tracing::error!("a");
            tracing::warn!("b");
            tracing::info!("c");
            tracing::trace!("d");
        });
        assert_eq!(lines, "<3>a\n<4>b\n<6>c\n<7>d\n");
    }

    #[test]
    fn a_stranger_cannot_break_a_line_or_colour_it() {
        let line = written(Look::Journal, LogDetail::Plain, || {
            tracing::info!(id = "a\n<3>b", text = %"\u{1b}[31mred\u{2028}\u{202e}", "got\r\nthis\u{85}");
        });
        assert_eq!(line, "<6>got\\r\\nthis\\u{85} id=a\\n<3>b text=\\u{1b}[31mred\\u{2028}\\u{202e}\n");
    }

    #[test]
    fn debugged_texts_are_not_quoted_twice() {
        let line = written(Look::Journal, LogDetail::Plain, || tracing::info!(path = ?"a \"b\"", "x"));
        assert_eq!(line, "<6>x path=\"a \\\"b\\\"\"\n");
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let line = written(Look::Journal, LogDetail::Plain, || {
            let error = anyhow::anyhow!("no such file").context("can't read it");
            tracing::info!(error = error.as_ref() as &dyn Error, "x");
        });
        assert_eq!(line, "<6>x error=\"can't read it: no such file\"\n");
    }

    #[test]
    fn each_detail_adds_a_level_and_strangers_only_warn() {
        for (detail, seen) in [(LogDetail::Plain, "i"), (LogDetail::Verbose, "id"), (LogDetail::Debug, "idt")] {
            let lines = written(Look::Journal, detail, || {
                tracing::info!("i");
                tracing::debug!("d");
                tracing::trace!("t");
                tracing::info!(target: "hyper::proto", "strange");
                tracing::warn!(target: "rustls", "w");
            });
            let letters: String = lines.lines().map(|line| &line[3..]).collect();
            assert_eq!(letters, format!("{seen}w"));
        }
    }

    #[test]
    fn the_lines_of_a_call_begin_with_its_name() {
        let told = || {
            let _entered = tracing::debug_span!("call", request = %"a\n1").entered();
            tracing::warn!(hook = "x", "refused");
            tracing::trace!(target: DUMP, "> GET / HTTP/1.1");
            tracing::trace!(target: DUMP, "< ");
        };
        let lines = written(Look::Journal, LogDetail::Debug, told);
        assert_eq!(lines, "<4>[a\\n1] refused hook=x\n<7>> [a\\n1] GET / HTTP/1.1\n<7>< [a\\n1] \n");
        assert_eq!(written(Look::Journal, LogDetail::Plain, told), "<4>refused hook=x\n");
        let line = written(Look::Json, LogDetail::Verbose, told);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["message"], &object["span"]["request"]), (&"refused".into(), &"a\n1".into()));
    }

    #[test]
    fn json_is_one_object_a_line() {
        let line = written(Look::Json, LogDetail::Plain, || tracing::info!(hook = "a\nb", "got\nit"));
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((object["message"].as_str(), object["hook"].as_str()), (Some("got\nit"), Some("a\nb")));
        assert_eq!((object["level"].as_str(), line.lines().count()), (Some("INFO"), 1));
    }

    #[test]
    fn no_terminal_obeys_what_json_lets_through() {
        let told = "\u{9b}31m\u{7f}\u{202e}\u{2028}Ж";
        let line = written(Look::Json, LogDetail::Plain, || tracing::info!("{told}"));
        assert!(line.contains("\\u009b31m\\u007f\\u202e\\u2028Ж") && line.ends_with("}\n"), "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["message"], told);
    }
}
