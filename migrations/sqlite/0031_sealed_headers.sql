-- Headers of webhooks are sealed from here on, and '{}' once the last webhook of their call is delivered; the server seals
-- those of before when it opens the database. Few calls have any at a time.
CREATE INDEX calls_with_headers ON calls (id) WHERE notify_headers <> '{}';
CREATE INDEX notifications_with_headers ON notifications (call_id) WHERE headers <> '{}';
