-- The processes that work on this database. What a node holds, a call that it runs or a claim to a notification, is its own
-- while its lease runs; from then on others may take it over.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    started_ms BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL
);

-- Who runs the call, from its beginning; null for one that is planned, and for calls of before.
ALTER TABLE calls ADD COLUMN node_id TEXT;
-- Who sends it; null while nobody does.
ALTER TABLE notifications ADD COLUMN node_id TEXT;
