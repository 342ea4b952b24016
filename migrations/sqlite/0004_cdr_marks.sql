-- What a record is worth: the carrier's own, or made from our own times because the carrier gave none.
-- And where the call came from, which carriers of 1.0.5 may say.

ALTER TABLE cdrs ADD COLUMN estimated BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cdrs ADD COLUMN source TEXT;
