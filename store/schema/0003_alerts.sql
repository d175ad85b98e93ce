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

-- One alert: a rule for one slice. `slice` is the sorted JSON of the group-by values.
CREATE TABLE data.alert_instances (
    rule_id VARCHAR NOT NULL,
    slice VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    health VARCHAR NOT NULL,
    active_at TIMESTAMP,
    fired_at TIMESTAMP,
    keep_firing_since TIMESTAMP,
    resolved_at TIMESTAMP,
    last_window_end TIMESTAMP NOT NULL,
    value DOUBLE,
    baseline DOUBLE,
    n BIGINT,
    incident_id BIGINT,
    last_sent_at TIMESTAMP,
    PRIMARY KEY (rule_id, slice)
);

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
    late BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (rule_id, slice, window_end)
);

CREATE SEQUENCE data.incident_ids;
CREATE TABLE data.incidents (
    incident_id BIGINT PRIMARY KEY,
    rule_id VARCHAR NOT NULL,
    slice VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    opened_at TIMESTAMP NOT NULL,       -- when the breach began
    fired_at TIMESTAMP NOT NULL,
    resolved_at TIMESTAMP,
    peak_value DOUBLE,
    last_value DOUBLE,
    threshold DOUBLE,
    reason VARCHAR,
    evidence VARCHAR,                   -- JSON: who, examples, what changed
    acknowledged_at TIMESTAMP,
    acknowledged_by VARCHAR
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
    status VARCHAR NOT NULL,            -- waiting, sent, dead, suppressed
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP,
    error VARCHAR
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
