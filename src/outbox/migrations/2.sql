-- From format 1 to 2.

-- Calls that are accepted once: one row per Idempotency-Key (for a day), and one per content of a hook with "dedupe" (for
-- its window). A key is a SHA-256 over hook, caller and what they sent; a content one over heading, text and recipients.
CREATE TABLE once (
    key        BLOB    PRIMARY KEY,
    kind       TEXT    NOT NULL,               -- 'key' or 'window'
    content    BLOB    NOT NULL,
    message    TEXT    NOT NULL,               -- the id that every such call is answered with; it may be purged since
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX once_expiring ON once (expires_at);

-- Calls that were refused: the last ten thousand, of which at most ten a second are written. Never a text, never a token.
CREATE TABLE refused (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    hook    TEXT    NOT NULL,
    address TEXT    NOT NULL,                  -- the caller's, with its port
    status  INTEGER NOT NULL,                  -- what it was answered
    reason  TEXT    NOT NULL,
    untold  INTEGER NOT NULL                   -- how many more were refused since the row before this one
);
