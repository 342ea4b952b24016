-- People who are called. `number` is kept as it is dialled, `digits` without anything else, so that `+62812…` and
-- `62812…` are one number, as in `do_not_call`.
CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    digits TEXT NOT NULL,
    name TEXT,
    flow TEXT,
    metadata TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX contacts_newest ON contacts (created_ms, id);
CREATE INDEX contacts_digits ON contacts (digits);

-- Whose calls they are: the contact that was called or that called, and the user who asked for the call. A contact
-- may be deleted; its calls stay.
CREATE TABLE call_parties (
    call_id TEXT PRIMARY KEY REFERENCES calls (id),
    contact_id TEXT,
    user_id TEXT
);
CREATE INDEX call_parties_contact ON call_parties (contact_id);
CREATE INDEX call_parties_user ON call_parties (user_id);
