-- The second factor of people: a secret that their telephone has, too, sealed with the server key (its id is before the colon). Without
-- `confirmed_ms` it is being set up and asks nobody for anything. `last_step` is the step of time whose code was used last: a code is
-- good once.
CREATE TABLE second_factors (
    person_id TEXT PRIMARY KEY REFERENCES people (id),
    secret TEXT NOT NULL,
    begun_ms BIGINT NOT NULL,
    confirmed_ms BIGINT,
    last_step BIGINT NOT NULL DEFAULT 0
);

-- Codes for who lost their telephone, by their SHA-256. Each is good once.
CREATE TABLE recovery_codes (
    person_id TEXT NOT NULL REFERENCES people (id),
    digest TEXT NOT NULL,
    used_ms BIGINT,
    PRIMARY KEY (person_id, digest)
);

-- People who have shown their password and still owe a code, by the SHA-256 of a secret that their browser has.
CREATE TABLE sign_in_steps (
    digest TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    until_ms BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sign_in_steps_of ON sign_in_steps (person_id);

-- Who somebody is elsewhere: the issuer's address and what it calls them for good.
CREATE TABLE openid_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES people (id),
    email TEXT,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
-- Whom an admin expects to come from the issuer with this e-mail address, in lower case.
CREATE TABLE openid_expected (
    email_key TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id)
);
CREATE INDEX openid_identities_of ON openid_identities (person_id);
