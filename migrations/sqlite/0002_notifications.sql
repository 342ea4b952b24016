-- The webhook ledger. seq counts from 1 within a call; at most one notification of a call is `due` or
-- `sending`, the later ones are `waiting`, so that order needs no lock.
--   due      may be sent once due_ms has passed
--   sending  claimed by a worker; due again when the lease in due_ms lapses
--   waiting  an earlier notification of the same call is not settled yet
--   delivered, dead  settled
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES calls (id),
    seq BIGINT NOT NULL,
    app_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    claims BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    settled_ms BIGINT,
    UNIQUE (call_id, seq)
);
CREATE INDEX notifications_due ON notifications (due_ms) WHERE state = 'due';
CREATE INDEX notifications_endpoint ON notifications (endpoint, due_ms) WHERE state = 'due';
CREATE INDEX notifications_sending ON notifications (due_ms) WHERE state = 'sending';

CREATE TABLE notification_attempts (
    notification_id TEXT NOT NULL REFERENCES notifications (id),
    attempt BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status BIGINT,
    response TEXT,
    error TEXT,
    PRIMARY KEY (notification_id, attempt)
);
