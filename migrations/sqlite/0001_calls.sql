-- Calls and everything heard, said and recorded during them.
-- Portable on purpose: TEXT ids, BIGINT milliseconds since 1970-01-01 UTC, TEXT JSON.

CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    app_id TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    trunk TEXT NOT NULL,
    direction TEXT NOT NULL,
    target TEXT NOT NULL,
    caller TEXT NOT NULL,
    flow TEXT NOT NULL,
    flow_digest TEXT NOT NULL,
    metadata TEXT NOT NULL,
    notify_url TEXT,
    notify_headers TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    session_id TEXT,
    answered_ms BIGINT,
    ended_ms BIGINT,
    disposition TEXT,
    cause_code BIGINT,
    amd_event TEXT,
    amd_ms BIGINT,
    amd_reason TEXT,
    amd_subtype TEXT,
    outcome TEXT,
    last_checkpoint TEXT,
    message_left BIGINT
);
CREATE INDEX calls_newest ON calls (created_ms, id);
CREATE INDEX calls_session ON calls (session_id);
CREATE INDEX calls_unfinished ON calls (created_ms) WHERE ended_ms IS NULL;

-- The timeline: seq counts from 1 within a call, without gaps.
CREATE TABLE call_events (
    call_id TEXT NOT NULL REFERENCES calls (id),
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    t_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (call_id, seq)
);

CREATE TABLE amd_evidence (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    detail TEXT NOT NULL
);

CREATE TABLE transcripts (
    call_id TEXT NOT NULL REFERENCES calls (id),
    seq BIGINT NOT NULL,
    t_ms BIGINT NOT NULL,
    end_t_ms BIGINT,
    speaker TEXT NOT NULL,
    source TEXT NOT NULL,
    text TEXT NOT NULL,
    confidence DOUBLE PRECISION,
    PRIMARY KEY (call_id, seq)
);

CREATE TABLE recordings (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    path TEXT NOT NULL,
    channels BIGINT NOT NULL,
    sample_rate_hz BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    started_ms BIGINT NOT NULL
);

-- The carrier's record of a call, its times kept as the carrier wrote them.
CREATE TABLE cdrs (
    session_id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES calls (id),
    destination TEXT NOT NULL,
    start_time TEXT NOT NULL,
    answer_time TEXT,
    end_time TEXT NOT NULL,
    duration BIGINT NOT NULL,
    billable_seconds BIGINT NOT NULL,
    disposition TEXT NOT NULL,
    hangup_by TEXT,
    hangup_cause_code BIGINT NOT NULL,
    hangup_cause_text TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX cdrs_newest ON cdrs (created_ms, session_id);
CREATE INDEX cdrs_call ON cdrs (call_id);
