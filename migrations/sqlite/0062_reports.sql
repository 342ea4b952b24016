-- What reports of campaigns count.

-- Of calls that a person answered, ms since the answer: when their first utterance ended, when the bot's first word came, and whether
-- that was in time: in_time, late, never, unknown.
ALTER TABLE attempts ADD COLUMN utterance_end_ms BIGINT;
ALTER TABLE attempts ADD COLUMN first_word_ms BIGINT;
ALTER TABLE attempts ADD COLUMN first_word TEXT;
UPDATE attempts SET first_word = 'unknown'
    WHERE outcome IN ('heard_to_the_end', 'hung_up_early', 'callback', 'opted_out');
CREATE INDEX attempts_people ON attempts (campaign_id, canary, place_id) WHERE first_word IS NOT NULL;

-- Attempts that are over by what they have in common, as `facet` says: the hour of the week on the contact's clock (week_hour, 0 to 167
-- from Monday, '' where nobody knows the zone), which attempt at the contact it was (nth), trunk, list.
CREATE TABLE attempt_facets (
    campaign_id TEXT NOT NULL,
    facet TEXT NOT NULL,
    value TEXT NOT NULL,
    outcome TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    minutes BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, facet, value, outcome)
);
INSERT INTO attempt_facets (campaign_id, facet, value, outcome, attempts, minutes)
    SELECT campaign_id, 'week_hour', '', outcome, count(*), sum(minutes) FROM attempts
    WHERE outcome IS NOT NULL GROUP BY campaign_id, outcome;
INSERT INTO attempt_facets (campaign_id, facet, value, outcome, attempts, minutes)
    SELECT a.campaign_id, 'trunk', c.trunk, a.outcome, count(*), sum(a.minutes)
    FROM attempts a JOIN calls c ON c.id = a.call_id
    WHERE a.outcome IS NOT NULL GROUP BY a.campaign_id, c.trunk, a.outcome;
INSERT INTO attempt_facets (campaign_id, facet, value, outcome, attempts, minutes)
    SELECT a.campaign_id, 'list', coalesce(l.list_id, ''), a.outcome, count(*), sum(a.minutes)
    FROM attempts a JOIN places p ON p.id = a.place_id LEFT JOIN list_contacts l ON l.id = p.contact_id
    WHERE a.outcome IS NOT NULL GROUP BY a.campaign_id, l.list_id, a.outcome;
INSERT INTO attempt_facets (campaign_id, facet, value, outcome, attempts, minutes)
    SELECT campaign_id, 'nth', nth, outcome, count(*), sum(minutes) FROM (
        SELECT campaign_id, outcome, minutes, counts,
            sum(counts) OVER (PARTITION BY place_id ORDER BY at_ms, id) AS nth
        FROM attempts WHERE outcome IS NOT NULL)
    WHERE counts = 1 GROUP BY campaign_id, nth, outcome;

-- Calls that a person answered, by the quarter of an hour in which they were dialled, so that every zone finds its days, and by whether
-- the first word came in time.
CREATE TABLE first_words (
    campaign_id TEXT NOT NULL,
    quarter_ms BIGINT NOT NULL,
    first_word TEXT NOT NULL,
    calls BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, quarter_ms, first_word)
);
INSERT INTO first_words (campaign_id, quarter_ms, first_word, calls)
    SELECT campaign_id, at_ms - at_ms % 900000, first_word, count(*) FROM attempts
    WHERE first_word IS NOT NULL GROUP BY 1, 2, 3;

-- Whether webhooks have told that the breaker is open, and of the budget that it is used up: on the campaign's day that began then, or, as
-- 0, for good.
ALTER TABLE campaigns ADD COLUMN told_breaker BIGINT NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN told_budget_ms BIGINT;

-- Campaigns notify too. call_id is what orders notifications: the call they are about, or the campaign, which campaign_id names as well.
-- It refers to no table any more: a campaign may be deleted before the last of its notifications is delivered.
CREATE TABLE notifications_anew (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    app_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    claims BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    settled_ms BIGINT,
    turn_ms BIGINT,
    tried BIGINT NOT NULL DEFAULT 0,
    reason TEXT,
    redelivered BIGINT NOT NULL DEFAULT 0,
    node_id TEXT,
    campaign_id TEXT,
    UNIQUE (call_id, seq)
);
INSERT INTO notifications_anew (id, call_id, seq, app_id, kind, url, endpoint, headers, body, state, due_ms, claims, attempts,
        created_ms, settled_ms, turn_ms, tried, reason, redelivered, node_id)
    SELECT id, call_id, seq, app_id, kind, url, endpoint, headers, body, state, due_ms, claims, attempts,
        created_ms, settled_ms, turn_ms, tried, reason, redelivered, node_id FROM notifications;
CREATE TABLE notification_attempts_anew (
    notification_id TEXT NOT NULL REFERENCES notifications_anew (id),
    attempt BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status BIGINT,
    response TEXT,
    error TEXT,
    PRIMARY KEY (notification_id, attempt)
);
INSERT INTO notification_attempts_anew (notification_id, attempt, at_ms, duration_ms, status, response, error)
    SELECT notification_id, attempt, at_ms, duration_ms, status, response, error FROM notification_attempts;
DROP TABLE notification_attempts;
DROP TABLE notifications;
ALTER TABLE notifications_anew RENAME TO notifications;
ALTER TABLE notification_attempts_anew RENAME TO notification_attempts;
CREATE INDEX notifications_due ON notifications (due_ms) WHERE state = 'due';
CREATE INDEX notifications_endpoint ON notifications (endpoint, due_ms) WHERE state = 'due';
CREATE INDEX notifications_sending ON notifications (due_ms) WHERE state = 'sending';
CREATE INDEX notifications_dead ON notifications (endpoint, id) WHERE state = 'dead';
CREATE INDEX notifications_with_headers ON notifications (call_id) WHERE headers <> '{}';
