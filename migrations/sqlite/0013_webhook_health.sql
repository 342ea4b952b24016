-- turn_ms: when it first became due. tried: attempts since it was last sent again on demand; the schedule counts them.
-- reason: why it is dead: exhausted (the schedule is used up), expired (its time ran out while the endpoint was held
-- back), gone (the receiver answered 410 to it or to an earlier one of the call), refused (its URL may not be posted to).
ALTER TABLE notifications ADD COLUMN turn_ms BIGINT;
ALTER TABLE notifications ADD COLUMN tried BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN reason TEXT;
ALTER TABLE notifications ADD COLUMN redelivered BIGINT NOT NULL DEFAULT 0;
UPDATE notifications SET tried = attempts, turn_ms = created_ms;
UPDATE notifications SET reason = 'exhausted' WHERE state = 'dead';
CREATE INDEX notifications_dead ON notifications (endpoint, id) WHERE state = 'dead';

-- How each endpoint (scheme, host and port) fares. open_until_ms is set while its breaker is open; once that time has
-- passed, one post at a time tries whether it is well again.
CREATE TABLE webhook_endpoints (
    endpoint TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    trips BIGINT NOT NULL,
    open_until_ms BIGINT,
    last_ok_ms BIGINT,
    last_failed_ms BIGINT,
    last_problem TEXT,
    answer_ms BIGINT,
    delivered BIGINT NOT NULL,
    failed BIGINT NOT NULL
);
