-- From format 1 to 2.

-- When a delivery ended, for `-keep`.
ALTER TABLE deliveries ADD COLUMN ended_at INTEGER;
UPDATE deliveries SET ended_at =
        coalesce((SELECT max(attempts.ended_at) FROM attempts WHERE attempts.delivery = deliveries.id), accepted_at)
    WHERE state NOT IN ('queued', 'sending');
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
