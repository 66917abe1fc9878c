//! Where we differ from adnanh/webhook: the tables that the README shows, and which of their rows touch given files.
//!
//! A row is added here and in the README; a test holds both together, and wants the proof to exist.

use crate::diagnostic::{Diagnostic, Place};

mod touches;

use touches as t;
pub use touches::Checked;

/// One row: its number is its place in the table, counted from 1.
pub struct Deviation {
    /// What adnanh/webhook does.
    pub peer: &'static str,
    /// What we do.
    pub ours: &'static str,
    /// A fixture below `tests/fixtures`, or a test's name, that shows it.
    pub proof: &'static str,
    /// Where files are touched by it; `None` where it can't be seen in a file.
    pub touches: Option<fn(&Checked<'_>) -> Vec<Place>>,
}

const fn row(peer: &'static str, ours: &'static str, proof: &'static str) -> Deviation {
    Deviation { peer, ours, proof, touches: None }
}

const fn seen(
    peer: &'static str,
    ours: &'static str,
    proof: &'static str,
    touches: fn(&Checked<'_>) -> Vec<Place>,
) -> Deviation {
    Deviation { peer, ours, proof, touches: Some(touches) }
}

/// What differs on purpose.
pub const ON_PURPOSE: &[Deviation] = &[
    seen(
        "some requests and files end it with a panic, for one a command of blanks",
        "answers, and goes on",
        "hooks/execution.json",
        t::blank_commands,
    ),
    row("a body that the client cut short runs the hook", "it does not", "hooks/bodies-refused.json"),
    row(
        "bodies, connections and running commands have no limit",
        "64 MiB and two million values a body, 256 MiB of bodies that are arriving, 64 MiB an output, 512 commands at a time, 20,000 waiting, then 503",
        "a_body_that_is_too_large_is_refused_and_the_client_reads_why",
    ),
    row("URLs of any length", "over 60 KiB: 414", "a_url_over_the_limit_is_answered_with_what_to_do_instead"),
    seen("status codes of 1xx for an answer", "become 200", "hooks/replies.json", t::early_codes),
    seen(
        "JSON that is no YAML 1.1 (`\\/`, emoji as `\\ud83d\\ude00`) does not load",
        "loads; `//` comments get an error of their own",
        "hooks/grammar-ours.json",
        t::foreign_escapes,
    ),
    seen(
        "the same id twice: in two files it does not start, in one the first serves, and no edit is taken any more",
        "the first serves, the others are errors",
        "an_id_that_another_file_has_is_refused",
        t::duplicates,
    ),
    row(
        "edits are taken with `-hotreload` only, and some ways of saving are missed",
        "without a flag, however the file is saved",
        "every_way_to_replace_the_file_is_taken_and_no_call_falls_between",
    ),
    seen(
        "an empty file, or one of `null`, removes all hooks",
        "it is refused, `[]` is obeyed",
        "a_bad_text_is_refused_with_its_place",
        t::empty_files,
    ),
    row(
        "logs nothing without `-verbose`",
        "logs start, reloads, failures and messages",
        "what_changed_is_logged_by_id",
    ),
    row("logs tokens and secrets", "masks them", "a_text_log_tells_no_secret"),
    row(
        "SIGTERM and SIGINT end it at once",
        "requests and commands may finish, for at most `-drain` (30s)",
        "a_call_under_way_gets_its_answer_and_new_ones_are_refused",
    ),
    row(
        "`-version`, usage, the head of a log line, dumps of `-debug`",
        "our own; called as `webhook` it says `webhook version 2.8.2`",
        "called_as_webhook_it_has_its_version_and_no_commands",
    ),
    row("a URL with `//` or `/./` is redirected", "so it is, but a hook that sends is served", "hooks/routes.json"),
    row(
        "raw `\"`, `<`, `>` in a URL are taken",
        "in the first request of a connection; a later one gets 400",
        "raw_quotes_and_bytes_in_the_first_url_arrive_encoded",
    ),
    row(
        "what it does not know is ignored",
        "a hook that needs what this version has not answers 503 and does not run",
        "hooks/quarantine-classic.json",
    ),
    seen(
        "a value of a wrong type keeps the whole file from loading",
        "at the start only its hook, which answers 503; at an edit the whole file, whose old hooks stay",
        "config/classic-types.json",
        t::broken_hooks,
    ),
    row(
        "a file that failed at the start is never looked at again",
        "it is taken once it is mended",
        "verbose_tells_of_loading_in_the_peer_s_words",
    ),
    seen(
        "templates (`-template`) know all of Go's actions",
        "those that need data are refused by name: `range`, `define`, `template`, `block`, `call`, `index`, `slice`",
        "mistakes_are_told_by_the_file_as_written_and_never_with_a_value",
        t::refused_actions,
    ),
    seen(
        "a file that is an object does not load",
        "it is the form with accounts and contacts",
        "config/yaml-form.yaml",
        t::objects,
    ),
    seen(
        "properties of ours (`send`, `token`, `require`, `run` …) are ignored: a token guards nothing",
        "they work in a list, too",
        "hooks/tokens.json",
        t::own_properties,
    ),
    seen(
        "lists and objects inside of each other: 10,000 levels, and aliases without a bound",
        "in files 128 levels, and 500,000 values by aliases; in bodies 1000 levels",
        "config/grammar-bomb.yaml",
        t::deep_values,
    ),
    seen(
        "a signature over multipart is taken over an empty body",
        "over the body as it came",
        "hooks/rules-multipart.json",
        t::multipart_signatures,
    ),
    seen(
        "a bare IPv6 address in `ip-range` is a /32 of it",
        "that one address",
        "hooks/rules-addresses-bare.json",
        t::bare_addresses,
    ),
    row(
        "anything at all in comments, directives and instructions of XML is passed over",
        "what XML forbids there makes the body no payload",
        "hooks/xml.json",
    ),
    row(
        "without a certificate that can be used it ends with exit status 0",
        "exit status 1, and the reason",
        "whoever_can_t_speak_tls_does_not_start",
    ),
    row(
        "certificate and key are read once",
        "again when they change; what can't be used is refused, and the old ones stay",
        "a_new_certificate_is_noticed_and_a_bad_one_refused",
    ),
    row(
        "TLS 1.0 and 1.1, CBC suites, exchange of keys by RSA, P-521",
        "there are none, a flag that asks for one is warned of; X25519 is offered, too",
        "versions_and_suites_are_as_the_flags_say",
    ),
    row(
        "a pidfile with the number of any process blocks the start",
        "not with its own: in a container that is always 1",
        "one_s_own_number_is_no_other_process",
    ),
    row(
        "`-logfile` stays open when the file is moved",
        "SIGHUP opens it anew",
        "a_log_file_takes_it_all_and_is_appended_to",
    ),
    row(
        "what is no HTTP gets a sentence, an unknown `Transfer-Encoding` 501, another version 505, another `Expect` 417",
        "400 without a text; an `Expect` that it does not know is passed over",
        "what_the_parser_refuses_is_logged_with_its_caller",
    ),
    row(
        "patterns of any depth, with halves of surrogates",
        "250 groups inside of each other, no `\\x{D800}` and no `\\p{Cs}`",
        "hooks/rules-patterns-ours.json",
    ),
    row(
        "the `Date` of Scalr may have an abbreviation of the server's own zone",
        "only UTC and what counts as it",
        "dates_are_read_as_go_reads_them",
    ),
    row(
        "a hooks file may be a pipe, `-hooks <(...)`",
        "it must be a regular file, for it is read again",
        "a_pipe_or_a_device_is_no_hooks_file",
    ),
];

/// Where webhook 2.8.0, which Debian has, differs from the newest, with which we agree.
pub const NEWEST: &[Deviation] = &[
    row("`-socket` and sockets of systemd are unknown", "known", "a_socket_of_either_kind_is_taken_over"),
    row("`-header` is not sent at `/`", "sent everywhere", "a_prefix_headers_and_methods_are_as_the_flags_say"),
    seen("templates have `getenv`", "`cat` and `credential`, too", "values_arrive_as_they_are", t::newest_functions),
    seen(
        "unquoted `1e3` and `5.` are texts",
        "numbers, and so the texts `1000` and `5`",
        "hooks/grammar-newest.json",
        t::newest_numbers,
    ),
    row("unquoted text with `:` or `?` inside of brackets is an error", "is taken", "hooks/grammar-newest.json"),
    row("XML text before a child element keeps the children out", "stands beside them as `#text`", "hooks/xml.json"),
    row("control characters in JSON that a command gets: `\\u0008`, `\\u000c`", "`\\b`, `\\f`", "hooks/sources.json"),
    row("patterns can't name a group by `(?<name>`", "they can", "hooks/rules-text.json"),
];

/// A finding for each place of the files that a row touches.
pub(super) fn touched(checked: &Checked<'_>) -> Vec<Diagnostic> {
    let tables = [("", ON_PURPOSE), ("N", NEWEST)];
    let rows = tables.iter().flat_map(|(letter, table)| {
        table.iter().enumerate().map(move |(at, deviation)| (format!("{letter}{}", at + 1), deviation))
    });
    let mut found = Vec::new();
    for (number, Deviation { peer, ours, touches, .. }) in rows {
        let mut places = touches.map(|touches| touches(checked)).unwrap_or_default();
        places.dedup_by(|a, b| a.source == b.source && a.span == b.span);
        for place in places {
            let hook = checked.hook_at(&place).map(|id| format!("hook \"{id}\": ")).unwrap_or_default();
            found.push(Diagnostic::warning(&place, format!("{hook}row {number}: webhook: {peer}; here: {ours}")));
        }
    }
    found.sort_by_key(|finding| finding.place.as_ref().map(|place| (place.source.path.clone(), place.line_column())));
    found
}
