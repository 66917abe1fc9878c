//! The topics of `hookbell help`. A topic may have the name of a command: then its text follows the command's.

/// A topic's name, what it is about in a line, and its text.
pub const TOPICS: &[(&str, &str, &str)] = &[
    ("accounts", "what sends: providers and their properties", include_str!("accounts.txt")),
    ("answers", "what callers get", include_str!("answers.txt")),
    ("canary", "who watches the alarm bell", include_str!("canary.txt")),
    ("dedupe", "the same call twice", include_str!("dedupe.txt")),
    ("dry-run", "to look only", include_str!("dry-run.txt")),
    ("environment", "which variables are read", include_str!("environment.txt")),
    ("exit-codes", "what the exit code says", include_str!("exit-codes.txt")),
    ("hooks", "what a hook is, and its properties", include_str!("hooks.txt")),
    ("on-failure", "who is told when something fails", include_str!("on-failure.txt")),
    ("patience", "when a message goes the next way", include_str!("patience.txt")),
    ("providers", "what accounts can be, what each needs and can do", include_str!("providers.txt")),
    ("reload", "what an edit does", include_str!("reload.txt")),
    ("send", "whom a hook sends to, and how", include_str!("send.txt")),
    ("signals", "what signals do", include_str!("signals.txt")),
    ("signatures", "which calls a hook takes", include_str!("signatures.txt")),
    ("systemd", "the service, its socket and its sandbox", include_str!("systemd.txt")),
    ("wait", "to wait until a message is sent", include_str!("wait.txt")),
];
