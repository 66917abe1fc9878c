-- From format 1 to 2.

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
