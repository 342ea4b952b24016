-- What went to and fro in calls over SIP, and how their audio was, by the session that the record of a call is filed under.
CREATE TABLE sip_ladders (
    session_id TEXT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    -- Our address for SIP.
    own TEXT NOT NULL,
    -- Messages that were not kept, between the first and the last ones.
    left_out BIGINT NOT NULL
);
CREATE INDEX sip_ladders_by_age ON sip_ladders (at_ms);

-- Without what proves a password, and without keys.
CREATE TABLE sip_messages (
    session_id TEXT NOT NULL REFERENCES sip_ladders (session_id),
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    is_ours BOOLEAN NOT NULL,
    peer TEXT,
    text TEXT NOT NULL,
    PRIMARY KEY (session_id, seq)
) WITHOUT ROWID;

-- Times in ms. A mean opinion score is an estimate from 1 to 4.4; none of too few packets.
CREATE TABLE rtp_figures (
    session_id TEXT PRIMARY KEY,
    received BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    late BIGINT NOT NULL,
    strangers BIGINT NOT NULL,
    jitter_ms REAL NOT NULL,
    score REAL,
    longest_silence_ms BIGINT NOT NULL,
    peer_lost BIGINT,
    peer_jitter_ms REAL,
    round_trip_ms REAL,
    arrives BOOLEAN
);
