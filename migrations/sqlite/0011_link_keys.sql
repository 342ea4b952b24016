-- Keys that sign links to recordings. A link names its key; a retired key opens nothing any more.
CREATE TABLE link_keys (
    id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    retired_ms BIGINT
);
