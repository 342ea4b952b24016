-- People who sign in to the pages. `name_key` is the name as it is compared. `password` is an argon2id hash in the PHC form;
-- null until they chose one. Nobody is deleted: the audit log names them for good.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password TEXT,
    created_ms BIGINT NOT NULL,
    last_seen_ms BIGINT,
    disabled_ms BIGINT
);

-- Browsers that are signed in, by the SHA-256 of their cookie. One that was not seen for a while, or is too old, is out.
CREATE TABLE person_browsers (
    digest TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    address TEXT,
    agent TEXT
);
CREATE INDEX person_browsers_of ON person_browsers (person_id);

-- Links that are good once, by the SHA-256 of their secret: `password` lets somebody choose one, `sign_in` signs them in.
-- Without a person it makes the first admin.
CREATE TABLE person_links (
    digest TEXT PRIMARY KEY,
    person_id TEXT REFERENCES people (id),
    purpose TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
