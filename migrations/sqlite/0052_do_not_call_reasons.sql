-- Who put a number on the list by hand, and why; and the list by time.
ALTER TABLE do_not_call ADD COLUMN reason TEXT;
ALTER TABLE do_not_call ADD COLUMN author TEXT;
CREATE INDEX do_not_call_newest ON do_not_call (at_ms, number);
