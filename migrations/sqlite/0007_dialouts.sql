-- Dial-outs beyond "now": calls planned for later, and the answers that are given again for the same key.

-- What was asked about machines (`disconnect`, `detect`, `disabled`); when a planned call was to start and
-- until when it might; when it began, where that is not when it was asked for.
ALTER TABLE calls ADD COLUMN machine_detection TEXT;
ALTER TABLE calls ADD COLUMN start_ms BIGINT;
ALTER TABLE calls ADD COLUMN expires_ms BIGINT;
ALTER TABLE calls ADD COLUMN began_ms BIGINT;

-- Calls that wait for their time or for a line. The row goes in the transaction in which the call begins or ends.
CREATE TABLE planned_calls (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    trunk TEXT NOT NULL,
    start_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    request TEXT NOT NULL
);
CREATE INDEX planned_calls_due ON planned_calls (trunk, start_ms, call_id);
CREATE INDEX planned_calls_next ON planned_calls (start_ms);
CREATE INDEX planned_calls_expiry ON planned_calls (expires_ms) WHERE expires_ms IS NOT NULL;

-- The answer to a request with an idempotency key; written with the call it tells of.
CREATE TABLE dialout_keys (
    app_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    digest TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, idempotency_key)
);
CREATE INDEX dialout_keys_age ON dialout_keys (created_ms);
