-- The outbox of hookbell: what was accepted, where it stands, and what goes next.
-- Look at it with `sqlite3 -readonly outbox.db`; write to it only while the daemon is stopped, and then best not at all.
-- Every time is in milliseconds since 1970-01-01 UTC: datetime(due_at / 1000, 'unixepoch'); but `tat` is in microseconds.

-- One row per accepted call. `id` is the name that callers know (a ULID); `seq` is the order of acceptance.
CREATE TABLE messages (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    hook        TEXT    NOT NULL,
    caller      TEXT,
    title       TEXT,
    text        TEXT    NOT NULL,
    priority    INTEGER NOT NULL,              -- 0 low, 1 normal, 2 high
    accepted_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    -- 0 a call's; 1 an alarm: it tells of a failure, and its own failure is told to nobody; 2 a canary.
    kind        INTEGER NOT NULL DEFAULT 0,
    thread      TEXT,                          -- of a conversation: a hash over the hook and what "thread" said
    format      INTEGER NOT NULL DEFAULT 0     -- of the text: 0 plain, 1 markup
);
-- The conversation, newest last.
CREATE INDEX messages_of_thread ON messages (thread) WHERE thread IS NOT NULL;

-- One row per message and contact. `id` is also its place in every queue.
CREATE TABLE deliveries (
    id                 INTEGER PRIMARY KEY,
    message            INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    contact            TEXT    NOT NULL,
    ways               TEXT    NOT NULL,       -- as accepted: [["account", "kind", "address", patience in ms or null], ...]
    way                INTEGER NOT NULL,       -- which of them it is on, from 0
    ways_left          INTEGER NOT NULL,       -- how many come after it
    account            TEXT    NOT NULL,       -- of that way
    address            TEXT    NOT NULL,       -- of that way, as kind:text
    hook               TEXT    NOT NULL,
    priority           INTEGER NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN
        ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'expired', 'canceled')),
    template           INTEGER NOT NULL,       -- 1: goes as the approved template
    due_at             INTEGER NOT NULL,
    accepted_at        INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    tries              INTEGER NOT NULL,       -- counted failures on this way
    late_tries         INTEGER NOT NULL,       -- those of them after it stepped aside
    first_failed_at    INTEGER,
    moved_at           INTEGER,                -- when it came from another way
    patience_until     INTEGER,                -- so long this way may hold it; NULL: until it expires, or another opens
    late               INTEGER NOT NULL,       -- 1: it stepped aside, younger ones may pass
    possible_duplicate INTEGER NOT NULL,
    receipt            TEXT,                   -- the provider's id
    reason             TEXT,
    ended_at           INTEGER,                -- when it came to its end; NULL while it may still be tried
    fence              INTEGER NOT NULL DEFAULT 0, -- how often it was leased; the number of the lease that counts
    leased_at          INTEGER,
    leased_until       INTEGER,
    -- 1: a device holds the lease, and this process need not live for it. NULL: this process holds it.
    lent               INTEGER
);
CREATE INDEX deliveries_of_message ON deliveries (message);
-- Who goes next at an address.
CREATE INDEX deliveries_in_order ON deliveries (account, address, priority DESC, id) WHERE state = 'queued' AND late = 0;
CREATE INDEX deliveries_late ON deliveries (account, address, priority, due_at) WHERE state = 'queued' AND late = 1;
-- The oldest that waits, by account.
CREATE INDEX deliveries_waiting ON deliveries (account, id) WHERE state = 'queued';
-- Whose time runs out.
CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE state = 'queued';
-- What was kept long enough.
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deliveries_leased ON deliveries (account, leased_until) WHERE state = 'sending';
CREATE INDEX deliveries_lent ON deliveries (leased_until) WHERE state = 'sending' AND lent IS NOT NULL;
-- Those for which younger ones wait, found by the younger ones and by the clock.
CREATE INDEX deliveries_moved ON deliveries (contact, hook, priority, id)
    WHERE state IN ('queued', 'sending') AND late = 0 AND moved_at IS NOT NULL;
CREATE INDEX deliveries_moved_at ON deliveries (moved_at)
    WHERE state IN ('queued', 'sending') AND late = 0 AND moved_at IS NOT NULL;

-- Whose patience ends: with its way, or with the provider's silence after it took the message.
CREATE INDEX deliveries_patience ON deliveries (account, state, patience_until)
    WHERE patience_until IS NOT NULL;
-- Those that leave their account as soon as a later way of theirs is open.
CREATE INDEX deliveries_overdue ON deliveries (account, id)
    WHERE state = 'queued' AND ways_left > 0 AND patience_until IS NULL;

-- One row per try, one for an end that came without a try, and one for each report: what the provider told later.
CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY,
    delivery   INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    way        INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    class      TEXT    NOT NULL,               -- 'accepted', a class of failure, 'expired', 'canceled';
                                               -- of a report 'sent', 'delivered', 'read', 'failed'
    code       TEXT    NOT NULL,               -- the provider's own
    detail     TEXT    NOT NULL,
    receipt    TEXT                            -- the provider's id of what it took, or tells of
);
CREATE INDEX attempts_of_delivery ON attempts (delivery);
-- What a report is about.
CREATE INDEX attempts_of_receipt ON attempts (account, receipt, delivery) WHERE receipt IS NOT NULL;

-- One row per address with something queued, under way, held or limited: which of its deliveries goes next, and when.
-- It is derived from `deliveries` and kept in the same transaction, so that a million waiting ones cost no search.
CREATE TABLE address_queue (
    account       TEXT NOT NULL,
    address       TEXT NOT NULL,
    ready         INTEGER,                     -- 1 may go now; 0 at ready_at; NULL nothing queued, or one is under way
    ready_at      INTEGER,
    priority      INTEGER,                     -- of the one that goes next
    head          INTEGER,                     -- its id
    waits_for     INTEGER,                     -- the delivery from another way that it lets go first
    under_way     INTEGER,                     -- the delivery that is leased
    hold_until    INTEGER NOT NULL DEFAULT 0,  -- the provider wants nothing for this address before
    hold_step     INTEGER NOT NULL DEFAULT 0,  -- how many holds in a row
    tat           INTEGER NOT NULL DEFAULT 0,  -- the address's rate: theoretical arrival time (GCRA), in microseconds
    limited_until INTEGER NOT NULL DEFAULT 0,  -- what follows from it
    impatient     INTEGER,                     -- the delivery that waits here longer than its patience lasts
    PRIMARY KEY (account, address)
) WITHOUT ROWID;
CREATE INDEX address_queue_ready ON address_queue (account, priority DESC, head) WHERE ready = 1;
CREATE INDEX address_queue_waiting ON address_queue (account, ready_at) WHERE ready = 0;
CREATE INDEX address_queue_impatient ON address_queue (impatient) WHERE impatient IS NOT NULL;
CREATE INDEX address_queue_waits_for ON address_queue (waits_for) WHERE waits_for IS NOT NULL;

-- One row per account that was ever configured: how much is queued, and whether it may send.
CREATE TABLE accounts (
    account    TEXT PRIMARY KEY,
    queued     INTEGER NOT NULL DEFAULT 0,
    sending    INTEGER NOT NULL DEFAULT 0,
    missing    INTEGER NOT NULL DEFAULT 0,     -- 1: not in the configuration
    hold_until INTEGER NOT NULL DEFAULT 0,
    asked_until INTEGER NOT NULL DEFAULT 0,    -- so much of it the provider asked for; a restart forgets the rest
    gives_up   INTEGER NOT NULL DEFAULT 0,     -- 1: "on-unknown": "give-up", as it last claimed
    hold_step  INTEGER NOT NULL DEFAULT 0,     -- how many holds in a row; over 0 it sends one at a time
    held_at    INTEGER NOT NULL DEFAULT 0,
    -- Limits.
    tat        INTEGER NOT NULL DEFAULT 0,     -- the account's rate: theoretical arrival time (GCRA), in microseconds
    limits     TEXT    NOT NULL DEFAULT '',    -- as last configured: what all `tat` and `limited_until` follow from
    -- The breaker: open since then, and why. While it is open, hold_until is when one delivery probes the account.
    broken_since INTEGER,
    broken_why   TEXT,
    -- Another account opened: its overdue deliveries from this id on are to be looked at. NULL: none.
    look_from    INTEGER,
    sent_at      INTEGER                       -- when its provider last took a message
) WITHOUT ROWID;

-- One row per account and cause of trouble that the contacts of `on-failure` hear of, or heard of lately.
CREATE TABLE alarms (
    account     TEXT    NOT NULL,              -- empty: it is about none
    cause       TEXT    NOT NULL,              -- a class of failure, 'expired', 'silence', 'broken', 'well', 'reload', ...
    about       TEXT    NOT NULL DEFAULT '',   -- the hook that is not called, or is again; else empty
    untold      INTEGER NOT NULL,              -- how often it happened since they were told
    quiet_until INTEGER NOT NULL,              -- they are told no more of it before this
    happened_at INTEGER NOT NULL,              -- the last time
    why         TEXT    NOT NULL,
    message     TEXT,                          -- id of the message that it last happened to
    contact     TEXT,
    hook        TEXT,
    PRIMARY KEY (account, cause, about)
) WITHOUT ROWID;

-- What must be heard of again and again. One row per account with a "canary": a message that must come back.
CREATE TABLE canaries (
    account    TEXT PRIMARY KEY,
    next_at    INTEGER NOT NULL,               -- when the next is sent
    message    TEXT,                           -- id of the last one
    until      TEXT,                           -- the state in which that is back: 'sent' or 'delivered'
    sent_at    INTEGER,                        -- when it was put into the queue
    back_by    INTEGER,                        -- it must be back by then; NULL: it is judged already
    back_at    INTEGER,                        -- when one came back, the last time
    lost_since INTEGER                         -- the contacts of `on-failure` heard of it then; NULL: it is well
) WITHOUT ROWID;

-- One row per hook with "expect-every".
CREATE TABLE expected_calls (
    hook         TEXT PRIMARY KEY,
    every        INTEGER NOT NULL,             -- in milliseconds
    called_at    INTEGER,                      -- the last call that was accepted, to the minute before a kill
    due_at       INTEGER,                      -- the next must come before; NULL: it can't be called now
    silent_since INTEGER                       -- the contacts of `on-failure` heard of it then; NULL: it is well
) WITHOUT ROWID;
CREATE INDEX expected_calls_due ON expected_calls (due_at) WHERE silent_since IS NULL AND due_at IS NOT NULL;

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

-- Triggers count, so that no change of a state can be forgotten; the account of a new delivery has its row already. They have
-- no ON CONFLICT: SQLite would keep a copy of each page that the statement changes, which takes as long as all the rest of it.
CREATE TRIGGER count_new AFTER INSERT ON deliveries BEGIN
    UPDATE accounts SET queued = queued + (new.state = 'queued'), sending = sending + (new.state = 'sending')
        WHERE account = new.account;
END;
CREATE TRIGGER count_gone AFTER DELETE ON deliveries BEGIN
    UPDATE accounts SET queued = queued - (old.state = 'queued'), sending = sending - (old.state = 'sending')
        WHERE account = old.account;
END;
CREATE TRIGGER count_changed AFTER UPDATE OF state ON deliveries
WHEN old.state <> new.state AND old.account = new.account BEGIN
    UPDATE accounts SET queued = queued + (new.state = 'queued') - (old.state = 'queued'),
                        sending = sending + (new.state = 'sending') - (old.state = 'sending')
        WHERE account = new.account;
END;
CREATE TRIGGER count_moved AFTER UPDATE OF account ON deliveries WHEN old.account <> new.account BEGIN
    UPDATE accounts SET queued = queued - (old.state = 'queued'), sending = sending - (old.state = 'sending')
        WHERE account = old.account;
    INSERT INTO accounts (account) SELECT new.account
        WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE account = new.account);
    UPDATE accounts SET queued = queued + (new.state = 'queued'), sending = sending + (new.state = 'sending')
        WHERE account = new.account;
END;
CREATE TRIGGER note_success AFTER INSERT ON attempts WHEN new.class = 'accepted' BEGIN
    UPDATE accounts SET sent_at = max(coalesce(sent_at, 0), new.ended_at) WHERE account = new.account;
END;

-- Callbacks: what providers tell by themselves.

-- Reports about nothing that is known yet: they may have outrun the answer with the receipt. Kept for ten minutes.
CREATE TABLE parked_reports (
    id          INTEGER PRIMARY KEY,
    account     TEXT    NOT NULL,
    receipt     TEXT    NOT NULL,
    key         TEXT,                          -- of the try, where the provider gives it back: message-delivery
    state       TEXT    NOT NULL,              -- 'sent', 'delivered', 'read', 'failed'
    class       TEXT,                          -- of a failure: its class; of a 'wait' also the two that follow
    scope       TEXT,
    after       INTEGER,                       -- in milliseconds
    code        TEXT,
    detail      TEXT,
    reported_at INTEGER NOT NULL,              -- by the provider's clock
    parked_at   INTEGER NOT NULL
);
CREATE INDEX parked_reports_of_receipt ON parked_reports (account, receipt);
CREATE INDEX parked_reports_of_key ON parked_reports (account, key);
CREATE INDEX parked_reports_parked_at ON parked_reports (parked_at);

-- Until when free text may be sent to whom, where a provider has such a window: who wrote to the account lately.
CREATE TABLE windows (
    account    TEXT    NOT NULL,
    address    TEXT    NOT NULL,               -- a phone in E.164, without what countries put into it for some callers
    open_until INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) WITHOUT ROWID;
CREATE INDEX windows_open_until ON windows (open_until);
-- How many are open.
CREATE INDEX windows_of_account ON windows (account, open_until);

-- One row per message that a person sent to an account.
CREATE TABLE inbound (
    id          INTEGER PRIMARY KEY,
    account     TEXT    NOT NULL,
    provider_id TEXT    NOT NULL,              -- what comes twice is kept once
    address     TEXT    NOT NULL,
    contact     TEXT,                          -- whose address that was
    kind        TEXT    NOT NULL,              -- the provider's word: 'text', 'image', 'reaction'
    text        TEXT    NOT NULL,
    written_at  INTEGER NOT NULL,              -- by the provider's clock
    received_at INTEGER NOT NULL,
    UNIQUE (account, provider_id)
);
CREATE INDEX inbound_received_at ON inbound (received_at);

-- What goes along with messages, one row for each that brings something.
CREATE TABLE media (
    message INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    kind    TEXT    NOT NULL,                  -- 'image', 'video', 'audio', 'document'
    mime    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    link    TEXT,                              -- where it is on the net; NULL: it is here
    size    INTEGER                            -- of what is here, in bytes
);
-- The bytes of what is here. Those of messages that ended give way where room is needed.
CREATE TABLE media_bytes (
    message INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    bytes   BLOB    NOT NULL
);
-- How many they are together: one row, kept by triggers.
CREATE TABLE media_total (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    bytes INTEGER NOT NULL
);
CREATE TRIGGER media_come AFTER INSERT ON media_bytes BEGIN
    INSERT INTO media_total (one, bytes) VALUES (1, length(new.bytes))
        ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER media_gone AFTER DELETE ON media_bytes BEGIN
    UPDATE media_total SET bytes = bytes - length(old.bytes);
END;
