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
