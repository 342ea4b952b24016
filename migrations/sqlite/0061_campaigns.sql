-- Campaigns: contact lists that are called by a flow within rules. `settings` is a JSON document; each change of it is a revision.
CREATE TABLE campaigns (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    app_id TEXT NOT NULL,
    -- draft, ready, running, paused, draining, done, stopped
    state TEXT NOT NULL,
    revision BIGINT NOT NULL,
    settings TEXT NOT NULL,
    author TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    -- What the last pre-flight found, as JSON, and of which revision.
    preflight TEXT,
    preflight_revision BIGINT,
    -- Who launched it, with which statement on consent.
    launched_ms BIGINT,
    launched_by TEXT,
    consent TEXT,
    -- Since when it runs without a break; the ramp begins here.
    running_ms BIGINT,
    ended_ms BIGINT
);
CREATE INDEX campaigns_newest ON campaigns (created_ms, id);
CREATE INDEX campaigns_state ON campaigns (state);

CREATE TABLE campaign_revisions (
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    revision BIGINT NOT NULL,
    settings TEXT NOT NULL,
    author TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, revision)
);

-- A contact in a campaign. `state`: waiting, calling, done, exhausted, excluded. A place that waits has a minute in which it falls
-- due, and each has the rule that decided last, with its values in `reason`.
CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    contact_id BIGINT NOT NULL,
    number TEXT NOT NULL,
    digits TEXT NOT NULL,
    zone TEXT,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Attempts that count, one under way among them.
    attempts BIGINT NOT NULL DEFAULT 0,
    outcome TEXT,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX places_once ON places (campaign_id, digits);
CREATE INDEX places_due ON places (campaign_id, due_ms, id) WHERE state = 'waiting';
CREATE INDEX places_state ON places (campaign_id, state, id);
CREATE INDEX places_rule ON places (campaign_id, state, rule, id);
CREATE INDEX places_zone ON places (campaign_id, zone, due_ms) WHERE state = 'waiting';
CREATE INDEX places_contact ON places (contact_id);

-- Written in the transaction that reserves the call, together with the call and its plan.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    place_id BIGINT NOT NULL REFERENCES places (id),
    call_id TEXT NOT NULL UNIQUE REFERENCES calls (id),
    digits TEXT NOT NULL,
    caller TEXT,
    revision BIGINT NOT NULL,
    flow_digest TEXT NOT NULL,
    canary BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    outcome TEXT,
    -- Whether the callee's telephone rang, or may have: what caps count. 1 until it is known.
    counts BIGINT NOT NULL DEFAULT 1,
    -- From answer to end, rounded up.
    minutes BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX attempts_open ON attempts (campaign_id) WHERE ended_ms IS NULL;
CREATE INDEX attempts_place ON attempts (place_id, at_ms);
CREATE INDEX attempts_number ON attempts (digits, at_ms) WHERE counts = 1;
CREATE INDEX attempts_caller ON attempts (caller, at_ms) WHERE caller IS NOT NULL;
CREATE INDEX attempts_newest ON attempts (campaign_id, at_ms, id);

-- Minutes of a campaign on each of its own days.
CREATE TABLE campaign_minutes (
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    day_ms BIGINT NOT NULL,
    minutes BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, day_ms)
);

-- How many places stand where, so that a page of a million contacts is drawn at once.
CREATE TABLE place_counts (
    campaign_id TEXT NOT NULL,
    state TEXT NOT NULL,
    rule TEXT NOT NULL,
    places BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, state, rule)
);
CREATE TRIGGER place_is_counted AFTER INSERT ON places
BEGIN
    INSERT INTO place_counts (campaign_id, state, rule, places) VALUES (new.campaign_id, new.state, new.rule, 1)
        ON CONFLICT (campaign_id, state, rule) DO UPDATE SET places = places + 1;
END;
CREATE TRIGGER place_is_counted_anew AFTER UPDATE OF state, rule ON places
    WHEN old.state <> new.state OR old.rule <> new.rule
BEGIN
    UPDATE place_counts SET places = places - 1
        WHERE campaign_id = old.campaign_id AND state = old.state AND rule = old.rule;
    INSERT INTO place_counts (campaign_id, state, rule, places) VALUES (new.campaign_id, new.state, new.rule, 1)
        ON CONFLICT (campaign_id, state, rule) DO UPDATE SET places = places + 1;
END;
CREATE TRIGGER place_is_gone AFTER DELETE ON places
BEGIN
    UPDATE place_counts SET places = places - 1
        WHERE campaign_id = old.campaign_id AND state = old.state AND rule = old.rule;
END;

-- Attempts by hour, version and outcome. Those under way have the outcome ''.
CREATE TABLE attempt_counts (
    campaign_id TEXT NOT NULL,
    hour_ms BIGINT NOT NULL,
    canary BIGINT NOT NULL,
    flow_digest TEXT NOT NULL,
    outcome TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    minutes BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, hour_ms, canary, flow_digest, outcome)
);
CREATE TRIGGER attempt_is_counted AFTER INSERT ON attempts
BEGIN
    INSERT INTO attempt_counts (campaign_id, hour_ms, canary, flow_digest, outcome, attempts, minutes)
        VALUES (new.campaign_id, new.at_ms - new.at_ms % 3600000, new.canary, new.flow_digest, '', 1, 0)
        ON CONFLICT (campaign_id, hour_ms, canary, flow_digest, outcome) DO UPDATE SET attempts = attempts + 1;
END;
CREATE TRIGGER attempt_is_counted_anew AFTER UPDATE OF outcome ON attempts
    WHEN old.outcome IS NULL AND new.outcome IS NOT NULL
BEGIN
    UPDATE attempt_counts SET attempts = attempts - 1
        WHERE campaign_id = old.campaign_id AND hour_ms = old.at_ms - old.at_ms % 3600000 AND canary = old.canary
        AND flow_digest = old.flow_digest AND outcome = '';
    INSERT INTO attempt_counts (campaign_id, hour_ms, canary, flow_digest, outcome, attempts, minutes)
        VALUES (new.campaign_id, new.at_ms - new.at_ms % 3600000, new.canary, new.flow_digest, new.outcome, 1,
                new.minutes)
        ON CONFLICT (campaign_id, hour_ms, canary, flow_digest, outcome)
        DO UPDATE SET attempts = attempts + 1, minutes = minutes + new.minutes;
END;
