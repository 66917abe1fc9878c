-- From format 1 to 2.

-- Patience: until when a way may hold a delivery. The default for what waits: two minutes where a next way exists.
ALTER TABLE deliveries ADD COLUMN patience_until INTEGER;
UPDATE deliveries SET patience_until = coalesce(moved_at, accepted_at) + 120000
    WHERE state IN ('queued', 'sending') AND ways_left > 0;
DROP INDEX deliveries_movable;
CREATE INDEX deliveries_patience ON deliveries (account, state, patience_until)
    WHERE patience_until IS NOT NULL;
CREATE INDEX deliveries_overdue ON deliveries (account, id)
    WHERE state = 'queued' AND ways_left > 0 AND patience_until IS NULL;
CREATE INDEX deliveries_waiting ON deliveries (account, id) WHERE state = 'queued';
ALTER TABLE address_queue ADD COLUMN impatient INTEGER;
CREATE INDEX address_queue_impatient ON address_queue (impatient) WHERE impatient IS NOT NULL;

-- Leases that a device holds.
ALTER TABLE deliveries ADD COLUMN lent INTEGER;
CREATE INDEX deliveries_lent ON deliveries (leased_until) WHERE state = 'sending' AND lent IS NOT NULL;

-- Breakers.
ALTER TABLE accounts ADD COLUMN broken_since INTEGER;
ALTER TABLE accounts ADD COLUMN broken_why TEXT;
ALTER TABLE accounts ADD COLUMN look_from INTEGER;

-- What becomes of a try whose end nobody knows.
ALTER TABLE accounts ADD COLUMN gives_up INTEGER NOT NULL DEFAULT 0;

-- When an account last sent.
ALTER TABLE accounts ADD COLUMN sent_at INTEGER;
CREATE TRIGGER note_success AFTER INSERT ON attempts WHEN new.class = 'accepted' BEGIN
    UPDATE accounts SET sent_at = max(coalesce(sent_at, 0), new.ended_at) WHERE account = new.account;
END;

-- What the contacts of on-failure are told.
ALTER TABLE messages ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
CREATE TABLE alarms (
    account     TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    about       TEXT    NOT NULL DEFAULT '',
    untold      INTEGER NOT NULL,
    quiet_until INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    why         TEXT    NOT NULL,
    message     TEXT,
    contact     TEXT,
    hook        TEXT,
    PRIMARY KEY (account, cause, about)
) WITHOUT ROWID;

-- Conversations: a problem and its end.
ALTER TABLE messages ADD COLUMN thread TEXT;
CREATE INDEX messages_of_thread ON messages (thread) WHERE thread IS NOT NULL;

-- Limits: what an account owes its rate is kept, and all such times are in microseconds.
ALTER TABLE accounts ADD COLUMN tat INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN limits TEXT NOT NULL DEFAULT '';
UPDATE address_queue SET tat = tat * 1000;

-- Order: of the late ones of an address, the first of each priority.
DROP INDEX deliveries_late;
CREATE INDEX deliveries_late ON deliveries (account, address, priority, due_at) WHERE state = 'queued' AND late = 1;

-- Callbacks.
ALTER TABLE attempts ADD COLUMN receipt TEXT;
UPDATE attempts SET receipt = (SELECT receipt FROM deliveries WHERE id = attempts.delivery) WHERE class = 'accepted';
CREATE INDEX attempts_of_receipt ON attempts (account, receipt, delivery) WHERE receipt IS NOT NULL;
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

-- When a delivery ended, for `-keep`.
ALTER TABLE deliveries ADD COLUMN ended_at INTEGER;
UPDATE deliveries SET ended_at =
        coalesce((SELECT max(attempts.ended_at) FROM attempts WHERE attempts.delivery = deliveries.id), accepted_at)
    WHERE state NOT IN ('queued', 'sending');
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

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

-- Canaries, and hooks that are expected to be called.
CREATE TABLE canaries (
    account    TEXT PRIMARY KEY,
    next_at    INTEGER NOT NULL,
    message    TEXT,
    until      TEXT,
    sent_at    INTEGER,
    back_by    INTEGER,
    back_at    INTEGER,
    lost_since INTEGER
) WITHOUT ROWID;
CREATE TABLE expected_calls (
    hook         TEXT PRIMARY KEY,
    every        INTEGER NOT NULL,
    called_at    INTEGER,
    due_at       INTEGER,
    silent_since INTEGER
) WITHOUT ROWID;
CREATE INDEX expected_calls_due ON expected_calls (due_at) WHERE silent_since IS NULL AND due_at IS NOT NULL;

-- How the characters of a text are meant, and what goes along with it.
ALTER TABLE messages ADD COLUMN format INTEGER NOT NULL DEFAULT 0;
CREATE TABLE media (
    message INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    kind    TEXT    NOT NULL,
    mime    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    link    TEXT,
    size    INTEGER
);
CREATE TABLE media_bytes (
    message INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    bytes   BLOB    NOT NULL
);
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

-- Counting without ON CONFLICT, for which SQLite kept a copy of each page.
DROP TRIGGER count_new;
DROP TRIGGER count_changed;
CREATE TRIGGER count_new AFTER INSERT ON deliveries BEGIN
    UPDATE accounts SET queued = queued + (new.state = 'queued'), sending = sending + (new.state = 'sending')
        WHERE account = new.account;
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
