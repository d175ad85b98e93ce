-- What came in. Tables live in the schema `data`; the views of 0004 are the public surface.
-- No PRIMARY KEY, UNIQUE or index on the big ones (measured: 4.7x the file, 30x the time); duplicates are found by an
-- anti-join within the batch's own time window. Text is zstd: the default leaves long text uncompressed (4.1x).
-- Every TIMESTAMP is UTC.
CREATE SCHEMA data;

CREATE SEQUENCE data.source_ids;

-- One row per file, upload or journal segment that was read: what it was, how far it was read, what came of it.
CREATE TABLE data.sources (
    source_id BIGINT NOT NULL,
    kind VARCHAR NOT NULL,              -- upload, file, watch, journal
    name VARCHAR NOT NULL,
    sha256 VARCHAR,
    format VARCHAR,
    bytes BIGINT NOT NULL DEFAULT 0,
    calls BIGINT NOT NULL DEFAULT 0,
    duplicates BIGINT NOT NULL DEFAULT 0,
    spans BIGINT NOT NULL DEFAULT 0,
    rejects BIGINT NOT NULL DEFAULT 0,
    ignored BIGINT NOT NULL DEFAULT 0,  -- log records that tell of no model call: read, not kept
    status VARCHAR NOT NULL,            -- loading, done, failed, undone
    error VARCHAR,
    first_event_at TIMESTAMP,
    last_event_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- How far the journal has been loaded. Moves in the transaction that stores what was read: replay is exactly once.
CREATE TABLE data.journal_position (segment BIGINT NOT NULL, byte_offset BIGINT NOT NULL);
INSERT INTO data.journal_position VALUES (0, 0);

CREATE TABLE data.calls (
    call_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    source_id BIGINT,
    source_record_id VARCHAR,
    ingested_at TIMESTAMP NOT NULL,
    event_time TIMESTAMP NOT NULL,
    time_quality VARCHAR NOT NULL,
    started_at TIMESTAMP,
    ended_at TIMESTAMP,
    latency_ms DOUBLE,
    ttft_ms DOUBLE,
    stream BOOLEAN,
    status VARCHAR NOT NULL,
    error_type VARCHAR,
    error_message VARCHAR USING COMPRESSION zstd,
    http_status INTEGER,
    attempts INTEGER,
    operation VARCHAR NOT NULL,
    provider VARCHAR,
    request_model VARCHAR,
    response_model VARCHAR,
    model VARCHAR,
    response_id VARCHAR,
    input_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    input_audio_tokens BIGINT,
    output_audio_tokens BIGINT,
    image_tokens BIGINT,
    tokens_origin VARCHAR NOT NULL,
    reported_cost_usd DOUBLE,
    cost_usd DOUBLE,
    cost_status VARCHAR,                -- NULL: not priced yet
    temperature DOUBLE,
    top_p DOUBLE,
    top_k DOUBLE,
    max_tokens BIGINT,
    seed BIGINT,
    frequency_penalty DOUBLE,
    presence_penalty DOUBLE,
    n BIGINT,
    params VARCHAR USING COMPRESSION zstd,
    finish_reason VARCHAR,
    finish_reasons VARCHAR[],
    system_text VARCHAR USING COMPRESSION zstd,
    input_messages VARCHAR USING COMPRESSION zstd,
    input_text VARCHAR USING COMPRESSION zstd,
    output_messages VARCHAR USING COMPRESSION zstd,
    output_text VARCHAR USING COMPRESSION zstd,
    reasoning_text VARCHAR USING COMPRESSION zstd,
    tool_calls VARCHAR USING COMPRESSION zstd,
    tools_offered INTEGER,
    retrieved VARCHAR USING COMPRESSION zstd,
    content_state VARCHAR NOT NULL,
    modalities VARCHAR[],
    trace_id VARCHAR,
    span_id VARCHAR,
    parent_span_id VARCHAR,
    session_id VARCHAR,
    user_id VARCHAR,
    tenant VARCHAR,
    service VARCHAR,
    service_version VARCHAR,
    environment VARCHAR,
    prompt_name VARCHAR,
    prompt_version VARCHAR,
    agent_name VARCHAR,
    workflow VARCHAR,
    tags VARCHAR[],
    metadata VARCHAR USING COMPRESSION zstd,
    sample_rate DOUBLE,
    merged_from VARCHAR,
    problems VARCHAR[],
    raw_ref VARCHAR
);

CREATE TABLE data.spans (
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    event_time TIMESTAMP NOT NULL,      -- the start, else the end, else when it came
    start_ns BIGINT NOT NULL,
    end_ns BIGINT NOT NULL,
    status_code TINYINT NOT NULL,
    status_message VARCHAR,
    service VARCHAR,
    scope_name VARCHAR,
    scope_version VARCHAR,
    attributes VARCHAR USING COMPRESSION zstd,
    texts VARCHAR,                      -- what of the attributes stands in the call of this span: store/lifted.py
    events VARCHAR USING COMPRESSION zstd,
    resource VARCHAR,
    source_id BIGINT,
    ingested_at TIMESTAMP NOT NULL
);

-- What each source told of a span that a file told too: store/tellings.py.
CREATE TABLE data.span_tellings AS FROM data.spans LIMIT 0;

-- Log records wait here for their span, and are there when a late span has its trace assembled again.
CREATE TABLE data.span_logs (
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    event_name VARCHAR NOT NULL,
    event_time TIMESTAMP NOT NULL,
    time_ns BIGINT NOT NULL,
    body VARCHAR USING COMPRESSION zstd,
    attributes VARCHAR USING COMPRESSION zstd,
    scope_name VARCHAR,
    scope_version VARCHAR,
    resource VARCHAR,
    source_id BIGINT,
    ingested_at TIMESTAMP NOT NULL
);

CREATE TABLE data.rejects (
    source_id BIGINT,
    place VARCHAR NOT NULL,             -- file name or endpoint
    line BIGINT,
    byte_offset BIGINT,
    reason VARCHAR NOT NULL,
    raw BLOB,
    created_at TIMESTAMP NOT NULL
);
