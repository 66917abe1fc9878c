-- Questions to the outbox. `sqlite3 -readonly -box STATE_DIR/outbox.db < queries.sql`; also while the daemon runs.
-- Times are milliseconds since 1970-01-01 UTC; `.schema` shows every table with what its columns mean.

-- What did not arrive in the last day, and why.
SELECT datetime(d.accepted_at / 1000, 'unixepoch') AS accepted, m.id, d.contact, d.account, d.state, d.reason
FROM deliveries d JOIN messages m ON m.seq = d.message
WHERE d.state IN ('failed', 'expired') AND m.accepted_at > (unixepoch() - 86400) * 1000
ORDER BY d.id DESC;

-- How much waits for each account, and until when it is held.
SELECT account, queued, sending, iif(hold_until > unixepoch() * 1000, datetime(hold_until / 1000, 'unixepoch'), '') AS held_until
FROM accounts ORDER BY queued DESC;

-- Which account fails how, by day: one row of `attempts` is one try.
SELECT date(ended_at / 1000, 'unixepoch') AS day, account, class, count(*) AS tries,
    printf('%.1f s', avg(ended_at - started_at) / 1000.0) AS each_took
FROM attempts GROUP BY day, account, class ORDER BY day DESC, tries DESC;
