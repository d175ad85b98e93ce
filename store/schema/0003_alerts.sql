-- Who is told, and what was said. Small tables: keys do no harm here.

CREATE TABLE data.alert_rules (
    rule_id VARCHAR PRIMARY KEY,
    origin VARCHAR NOT NULL,            -- file, ui, demo
    definition VARCHAR NOT NULL,        -- JSON of the typed rule
    version INTEGER NOT NULL,
    paused BOOLEAN NOT NULL DEFAULT false,
    updated_by VARCHAR NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- Each edit of a rule, so that what fired then can be read against what the rule was then.
CREATE TABLE data.alert_rule_versions (
    rule_id VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    definition VARCHAR NOT NULL,
    updated_by VARCHAR NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- How far a rule has been evaluated: moves in the transaction that stores what came of it.
CREATE TABLE data.alert_progress (
    rule_id VARCHAR PRIMARY KEY,
    version INTEGER NOT NULL,
    evaluated_until TIMESTAMP NOT NULL,
    evaluated_at TIMESTAMP NOT NULL,    -- by the clock: rows that came in after it may be late
    health VARCHAR NOT NULL,
    note VARCHAR                        -- what went wrong, or how many slices were left out
);

-- One alert: a rule for one slice. `slice` is the sorted JSON of the group-by values.
CREATE TABLE data.alert_instances (
    rule_id VARCHAR NOT NULL,
    slice VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    health VARCHAR NOT NULL,
    active_at TIMESTAMP,
    fired_at TIMESTAMP,
    keep_firing_since TIMESTAMP,
    unknown_since TIMESTAMP,
    missing INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,  -- a bit for each step of several that the breach has gone past
    last_window_end TIMESTAMP NOT NULL,
    value DOUBLE,
    baseline DOUBLE,
    threshold DOUBLE,
    n BIGINT,
    why VARCHAR,
    incident_id BIGINT,
    last_sent_at TIMESTAMP,             -- when its incident was last told; NULL: nobody knows
    PRIMARY KEY (rule_id, slice)
);

-- What every evaluation saw and where the alert stood afterwards: enough to take up its life again at any window.
CREATE TABLE data.alert_evaluations (
    rule_id VARCHAR NOT NULL,
    slice VARCHAR NOT NULL,
    window_end TIMESTAMP NOT NULL,
    value DOUBLE,
    baseline DOUBLE,
    threshold DOUBLE,
    n BIGINT,
    breached BOOLEAN,                   -- NULL: unknown
    state VARCHAR NOT NULL,
    health VARCHAR NOT NULL,
    active_at TIMESTAMP,
    fired_at TIMESTAMP,
    keep_firing_since TIMESTAMP,
    unknown_since TIMESTAMP,
    missing INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,  -- a bit for each step of several that the breach has gone past
    late BOOLEAN NOT NULL DEFAULT false, -- worked out anew because data came late
    PRIMARY KEY (rule_id, slice, window_end)
);

CREATE SEQUENCE data.incident_ids;
CREATE TABLE data.incidents (
    incident_id BIGINT PRIMARY KEY,
    rule_id VARCHAR NOT NULL,
    slice VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    opened_at TIMESTAMP NOT NULL,       -- when the breach began
    fired_at TIMESTAMP NOT NULL,
    resolved_at TIMESTAMP,
    resolved_reason VARCHAR,            -- recovered, missing_series, period_over, late_data, rule_updated, rule_paused, rule_deleted
    peak_value DOUBLE,
    last_value DOUBLE,
    threshold DOUBLE,
    baseline DOUBLE,
    unit VARCHAR NOT NULL,
    reason VARCHAR,
    evidence VARCHAR,                   -- JSON: the notification with who, examples, links
    late BOOLEAN NOT NULL DEFAULT false,
    acknowledged_at TIMESTAMP,
    acknowledged_by VARCHAR,
    snoozed_at TIMESTAMP,               -- no repeats until the value is worse than `snoozed_beyond`
    snoozed_by VARCHAR,
    snoozed_beyond DOUBLE
);

CREATE SEQUENCE data.silence_ids;
CREATE TABLE data.silences (
    silence_id BIGINT PRIMARY KEY,
    rule_id VARCHAR,                    -- NULL: every rule
    slice VARCHAR,                      -- NULL: every slice
    starts_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    comment VARCHAR,
    created_by VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- Written in the transaction that changes an alert's state; a worker sends and marks.
CREATE SEQUENCE data.notification_ids;
CREATE TABLE data.outbox (
    notification_id BIGINT PRIMARY KEY,
    channel VARCHAR NOT NULL,
    incident_id BIGINT,
    reason VARCHAR NOT NULL,            -- fired, resolved, repeat, test, …
    payload VARCHAR NOT NULL,           -- JSON of the notification
    status VARCHAR NOT NULL,            -- waiting, held, sent, dead, suppressed (`error` says why)
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP,
    error VARCHAR,
    claimed_by VARCHAR                  -- the process that sends it now
);

-- Where an incident was told of first, as the receiver names it: what follows goes below.
CREATE TABLE data.threads (
    channel VARCHAR NOT NULL,
    incident_id BIGINT NOT NULL,
    ref VARCHAR NOT NULL,
    shared BOOLEAN NOT NULL,            -- that message tells of other incidents too
    PRIMARY KEY (channel, incident_id)
);

-- Scheduled reports that went out, by the moment they were due.
CREATE TABLE data.reports (
    name VARCHAR NOT NULL,
    due_at TIMESTAMP NOT NULL,
    PRIMARY KEY (name, due_at)
);

CREATE TABLE data.deliveries (
    notification_id BIGINT NOT NULL,
    channel VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    attempted_at TIMESTAMP NOT NULL,
    duration_ms DOUBLE NOT NULL,
    ok BOOLEAN NOT NULL,
    status_code INTEGER,
    error VARCHAR
);

-- Who changed what: rules, silences, references, retention, undo of an upload.
CREATE TABLE data.audit_log (
    happened_at TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    details VARCHAR
);
