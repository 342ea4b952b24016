-- How long a recording is kept, when its flow says so, and when it was deleted.

ALTER TABLE recordings ADD COLUMN keep_days BIGINT;
ALTER TABLE recordings ADD COLUMN deleted_ms BIGINT;
CREATE INDEX recordings_kept ON recordings (started_ms) WHERE deleted_ms IS NULL;

-- When the words of a call were deleted.
ALTER TABLE calls ADD COLUMN words_deleted_ms BIGINT;
