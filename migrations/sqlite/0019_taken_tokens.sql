-- Tokens of apps that ask for it are taken once. `jti` is a digest of the token's own; a row may go once `until_ms` has passed.
CREATE TABLE taken_tokens (
    app_id TEXT NOT NULL,
    jti TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (app_id, jti)
) WITHOUT ROWID;
CREATE INDEX taken_tokens_until ON taken_tokens (until_ms);
