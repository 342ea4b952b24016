-- Whether a call was drawn to be labelled, or somebody noticed it: only drawn ones tell how often verdicts are right.
ALTER TABLE call_labels ADD COLUMN drawn BOOLEAN NOT NULL DEFAULT FALSE;
-- Calls in the order in which they are drawn: by the last digits of their ids, which are random.
CREATE INDEX calls_drawn ON calls (substr(id, 25), id) WHERE answered_ms IS NOT NULL AND amd_event IS NOT NULL;
