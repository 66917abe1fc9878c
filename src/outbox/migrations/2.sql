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
ALTER TABLE address_queue ADD COLUMN impatient INTEGER;
CREATE INDEX address_queue_impatient ON address_queue (impatient) WHERE impatient IS NOT NULL;

-- Breakers.
ALTER TABLE accounts ADD COLUMN broken_since INTEGER;
ALTER TABLE accounts ADD COLUMN broken_why TEXT;
ALTER TABLE accounts ADD COLUMN look_from INTEGER;

-- What the contacts of on-failure are told.
ALTER TABLE messages ADD COLUMN is_alarm INTEGER NOT NULL DEFAULT 0;
CREATE TABLE alarms (
    account     TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    untold      INTEGER NOT NULL,
    quiet_until INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    why         TEXT    NOT NULL,
    message     TEXT,
    contact     TEXT,
    hook        TEXT,
    PRIMARY KEY (account, cause)
) WITHOUT ROWID;

-- Limits: what an account owes its rate is kept, and all such times are in microseconds.
ALTER TABLE accounts ADD COLUMN tat INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN limits TEXT NOT NULL DEFAULT '';
UPDATE address_queue SET tat = tat * 1000;
