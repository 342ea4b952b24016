-- Parameters of the verdict that people promoted, and when they took them back (no params): the last row holds.
CREATE TABLE amd_params (
    seq INTEGER PRIMARY KEY,
    params TEXT,
    -- What it was decided on: labelled calls, figures.
    basis TEXT NOT NULL,
    author TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
-- What the first page sums up of a day, without reading the calls themselves.
CREATE INDEX calls_figures ON calls (created_ms, answered_ms, ended_ms, amd_event, amd_ms, message_left);
