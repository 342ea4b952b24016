-- Contacts are looked for by the beginnings of the words of their names. An index of texts names rows by an integer that stays,
-- so contacts get one. `place` grows in the order in which they are made.
CREATE TABLE contacts_placed (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    number TEXT NOT NULL,
    digits TEXT NOT NULL,
    name TEXT,
    flow TEXT,
    metadata TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
INSERT INTO contacts_placed (id, number, digits, name, flow, metadata, created_ms, updated_ms)
    SELECT id, number, digits, name, flow, metadata, created_ms, updated_ms FROM contacts ORDER BY created_ms, id;
DROP TABLE contacts;
ALTER TABLE contacts_placed RENAME TO contacts;
CREATE INDEX contacts_newest ON contacts (created_ms, id);
CREATE INDEX contacts_digits ON contacts (digits);

-- The names are in their tables; here is only where which word stands.
CREATE VIRTUAL TABLE contact_names USING fts5 (
    name, content = 'contacts', content_rowid = 'place', columnsize = 0, prefix = '1 2 3 4 5 6',
    tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO contact_names (rowid, name) SELECT place, name FROM contacts WHERE name IS NOT NULL;
CREATE TRIGGER contact_has_a_name AFTER INSERT ON contacts WHEN new.name IS NOT NULL
BEGIN
    INSERT INTO contact_names (rowid, name) VALUES (new.place, new.name);
END;
CREATE TRIGGER contact_loses_its_name AFTER UPDATE OF name ON contacts WHEN old.name IS NOT NULL AND old.name IS NOT new.name
BEGIN
    INSERT INTO contact_names (contact_names, rowid, name) VALUES ('delete', old.place, old.name);
END;
CREATE TRIGGER contact_gets_a_name AFTER UPDATE OF name ON contacts WHEN new.name IS NOT NULL AND old.name IS NOT new.name
BEGIN
    INSERT INTO contact_names (rowid, name) VALUES (new.place, new.name);
END;
CREATE TRIGGER contact_is_gone AFTER DELETE ON contacts WHEN old.name IS NOT NULL
BEGIN
    INSERT INTO contact_names (contact_names, rowid, name) VALUES ('delete', old.place, old.name);
END;

CREATE VIRTUAL TABLE list_contact_names USING fts5 (
    name, content = 'list_contacts', content_rowid = 'id', columnsize = 0, prefix = '1 2 3 4 5 6',
    tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO list_contact_names (rowid, name) SELECT id, name FROM list_contacts WHERE name IS NOT NULL;
CREATE TRIGGER list_contact_has_a_name AFTER INSERT ON list_contacts WHEN new.name IS NOT NULL
BEGIN
    INSERT INTO list_contact_names (rowid, name) VALUES (new.id, new.name);
END;
CREATE TRIGGER list_contact_is_gone AFTER DELETE ON list_contacts WHEN old.name IS NOT NULL
BEGIN
    INSERT INTO list_contact_names (list_contact_names, rowid, name) VALUES ('delete', old.id, old.name);
END;

CREATE INDEX list_contacts_external ON list_contacts (external_id) WHERE external_id IS NOT NULL;
-- Who agreed, and who did not: one row in each, in the order of the table.
CREATE INDEX list_contacts_agreed ON list_contacts (id) WHERE consent_ms IS NOT NULL;
CREATE INDEX list_contacts_not_agreed ON list_contacts (id) WHERE consent_ms IS NULL;
