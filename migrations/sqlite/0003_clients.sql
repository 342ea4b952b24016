-- Who may call the API. Secrets are kept as they are, because HS256 and webhook signing need the key
-- itself; the database file is readable by its owner only. API keys are kept as SHA-256 digests.
CREATE TABLE client_apps (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    bots TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Several secrets of one app may be active at once, so that one can be replaced without a gap.
CREATE TABLE app_secrets (
    app_id TEXT NOT NULL REFERENCES client_apps (id),
    seq BIGINT NOT NULL,
    secret TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    retired_ms BIGINT,
    PRIMARY KEY (app_id, seq)
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);
