-- What parameters that were tried in shadow would have said of a call (no event: nothing up to its end).
CREATE TABLE amd_shadow (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    params TEXT NOT NULL,
    event TEXT,
    at_ms BIGINT
);
CREATE INDEX amd_shadow_params ON amd_shadow (params);
