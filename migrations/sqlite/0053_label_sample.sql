-- What was said of a call that was drawn at random to be labelled: only that tells how often verdicts are right. What somebody
-- says who came across a call, or corrects a label, stands in `truth` alone.
ALTER TABLE call_labels ADD COLUMN drawn_truth TEXT;
-- Calls in the order in which they are drawn: by the last digits of their ids, which are random.
CREATE INDEX calls_drawn ON calls (substr(id, 25), id) WHERE answered_ms IS NOT NULL AND amd_event IS NOT NULL;
-- The do-not-call list by time, and by place in it.
CREATE INDEX do_not_call_order ON do_not_call (at_ms);
DROP INDEX do_not_call_newest;
