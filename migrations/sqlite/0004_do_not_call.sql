-- Numbers whose owner asked never to be called again. `number` is digits only, without a plus.
CREATE TABLE do_not_call (
    number TEXT PRIMARY KEY,
    call_id TEXT REFERENCES calls (id),
    at_ms BIGINT NOT NULL,
    words TEXT
);
