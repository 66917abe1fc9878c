-- From format 1 to 2.

-- Limits: what an account owes its rate is kept, and all such times are in microseconds.
ALTER TABLE accounts ADD COLUMN tat INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN limits TEXT NOT NULL DEFAULT '';
UPDATE address_queue SET tat = tat * 1000;

-- Order: of the late ones of an address, the first of each priority.
DROP INDEX deliveries_late;
CREATE INDEX deliveries_late ON deliveries (account, address, priority, due_at) WHERE state = 'queued' AND late = 1;
