-- Calls are looked for by what came of them; without these a rare one is looked for among all.
CREATE INDEX calls_disposition ON calls (disposition, created_ms, id);
CREATE INDEX calls_verdict ON calls (amd_event, created_ms, id);
CREATE INDEX calls_trunk ON calls (trunk, created_ms, id);
