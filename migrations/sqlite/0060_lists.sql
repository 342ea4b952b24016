-- Lists of contacts that campaigns call. `name_key` is the name as it is compared; a deleted list gives it back. `version` is
-- raised when an import is done and when one is undone, and `contacts` counts the rows of imports that are done: those of one that
-- runs or is being undone are in `list_contacts`, too, and do not count.
CREATE TABLE lists (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    country TEXT,
    zone TEXT,
    columns TEXT NOT NULL,
    version BIGINT NOT NULL,
    contacts BIGINT NOT NULL,
    author TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    deleted_ms BIGINT
);
CREATE INDEX lists_newest ON lists (created_ms, id);

-- Files that were read into a list. `state` is running, done, undoing, undone or failed; a list has one at most that runs or is
-- being undone. A failed one is undone on its way there. `version` is that of the list once it is done. `next_row` is how many rows were taken or refused: where it goes on
-- after a restart. `position` of `size` bytes tells how far it is. `elsewhere` counts added numbers that another list has, too; `zone_column`,
-- `zone_number` and `zone_list` those whose zone is known so. `problem` is why it failed.
CREATE TABLE list_imports (
    id TEXT PRIMARY KEY,
    list_id TEXT NOT NULL REFERENCES lists (id),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    read_as TEXT,
    mapping TEXT NOT NULL,
    size BIGINT NOT NULL,
    position BIGINT NOT NULL,
    next_row BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    added BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    elsewhere BIGINT NOT NULL,
    zone_column BIGINT NOT NULL,
    zone_number BIGINT NOT NULL,
    zone_list BIGINT NOT NULL,
    problem TEXT,
    author TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    undone_ms BIGINT
);
CREATE INDEX list_imports_of ON list_imports (list_id, at_ms, id);
CREATE UNIQUE INDEX list_imports_one ON list_imports (list_id) WHERE state IN ('running', 'undoing');

-- Rows that were not taken, the first of each kind: refused, or duplicate.
CREATE TABLE list_import_errors (
    import_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    kind TEXT NOT NULL,
    field TEXT,
    problem TEXT NOT NULL
);
CREATE INDEX list_import_errors_of ON list_import_errors (import_id, kind, line);

-- People of a list. `number` is as it is dialled, `digits` as it is compared. `zone` is a name of the IANA data base, and
-- `zone_from` how it is known: column, number or list; null: it is not known. `variables` is a JSON object.
CREATE TABLE list_contacts (
    id INTEGER PRIMARY KEY,
    list_id TEXT NOT NULL REFERENCES lists (id),
    import_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    number TEXT NOT NULL,
    digits TEXT NOT NULL,
    zone TEXT,
    zone_from TEXT,
    external_id TEXT,
    name TEXT,
    consent_ms BIGINT,
    consent_source TEXT,
    variables TEXT NOT NULL
);
CREATE INDEX list_contacts_list ON list_contacts (list_id, id);
CREATE UNIQUE INDEX list_contacts_once ON list_contacts (list_id, digits);
CREATE INDEX list_contacts_import ON list_contacts (import_id);
CREATE INDEX list_contacts_digits ON list_contacts (digits);
