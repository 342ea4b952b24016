-- What a person says who answered, beside what detection said then. `truth` is human, nobody or a kind of machine.
CREATE TABLE call_labels (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    truth TEXT NOT NULL,
    verdict TEXT,
    author TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

-- Calls by number, flow and outcome, and what is counted for a day.
CREATE INDEX calls_target ON calls (target, created_ms);
CREATE INDEX calls_caller ON calls (caller, created_ms);
CREATE INDEX calls_flow ON calls (flow, created_ms, id);
CREATE INDEX calls_outcome ON calls (outcome, created_ms, id);
CREATE INDEX call_events_interruptions ON call_events (at_ms) WHERE kind = 'interruption';
