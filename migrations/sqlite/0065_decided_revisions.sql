-- The revision by which places that a rule had stopped were looked at anew. Behind `revision`: the rest of them is still to come.
ALTER TABLE campaigns ADD COLUMN decided_revision BIGINT NOT NULL DEFAULT 0;
UPDATE campaigns SET decided_revision = revision;
