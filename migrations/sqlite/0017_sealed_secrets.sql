-- Client secrets are sealed from here on: `secret` holds the sealed text and `key_id` names the server key that opens it.
-- A row without a key_id is in clear; the server seals such rows when it opens the database.
ALTER TABLE app_secrets ADD COLUMN key_id TEXT;

-- What holds for one app only; null follows the settings of the server. A deleted app keeps its row, so that its id is not
-- given to anybody else and its last webhooks can still be signed.
ALTER TABLE client_apps ADD COLUMN require_jti BIGINT NOT NULL DEFAULT 0;
ALTER TABLE client_apps ADD COLUMN max_token_age_s BIGINT;
ALTER TABLE client_apps ADD COLUMN rate_per_s DOUBLE PRECISION;
ALTER TABLE client_apps ADD COLUMN rate_burst BIGINT;
ALTER TABLE client_apps ADD COLUMN last_used_ms BIGINT;
ALTER TABLE client_apps ADD COLUMN deleted_ms BIGINT;

ALTER TABLE api_keys ADD COLUMN bots TEXT NOT NULL DEFAULT '["*"]';
ALTER TABLE api_keys ADD COLUMN app_id TEXT REFERENCES client_apps (id);
ALTER TABLE api_keys ADD COLUMN rate_per_s DOUBLE PRECISION;
ALTER TABLE api_keys ADD COLUMN rate_burst BIGINT;
ALTER TABLE api_keys ADD COLUMN expires_ms BIGINT;
ALTER TABLE api_keys ADD COLUMN last_used_ms BIGINT;
