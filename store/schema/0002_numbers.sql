-- What was worked out of the calls.

-- Scores are appended, never updated; the newest of a (call, name) wins.
CREATE TABLE data.evaluations (
    call_id VARCHAR NOT NULL,
    event_time TIMESTAMP NOT NULL,      -- of the call: joins stay inside a time window
    name VARCHAR NOT NULL,
    evaluator VARCHAR NOT NULL,
    value DOUBLE,
    label VARCHAR,
    flagged BOOLEAN,                    -- people want to hear of it; NULL: said by no evaluator of ours
    explanation VARCHAR USING COMPRESSION zstd,
    created_at TIMESTAMP NOT NULL
);

-- Written before a text is scored: a text that kills its worker is found again after the restart, and parked.
CREATE TABLE data.scoring_attempts (
    call_id VARCHAR NOT NULL,
    evaluator VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    parked BOOLEAN NOT NULL DEFAULT false,
    error VARCHAR,
    updated_at TIMESTAMP NOT NULL
);

-- How far scoring has got, by evaluator (`name`). Nothing that came in before `settled_at` waits; scores that were made
-- before `again_at` do not count: somebody asked to score again.
CREATE TABLE data.scoring_progress (
    name VARCHAR PRIMARY KEY,
    settled_at TIMESTAMP,
    again_at TIMESTAMP
);

-- Hours of which a part is scored, a random sample: each score stands for eligible / scored calls.
CREATE TABLE data.scoring_samples (
    name VARCHAR NOT NULL,
    hour TIMESTAMP NOT NULL,
    eligible BIGINT NOT NULL,
    scored BIGINT NOT NULL
);

-- One vector per distinct text and encoder. `text_hash` = md5 of the text; encoders (id and precision) never mix.
CREATE TABLE data.embeddings (
    encoder VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    vector FLOAT[384] NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- What people want a subject to be compared with. The newest is in force; none: the settings.
CREATE TABLE data.drift_choices (
    subject VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    chosen_by VARCHAR NOT NULL,
    chosen_at TIMESTAMP NOT NULL
);

-- What a current window is compared with. The vectors are those of `text_hashes` in data.embeddings.
CREATE TABLE data.drift_references (
    reference_id BIGINT NOT NULL,
    subject VARCHAR NOT NULL,           -- input_text, output_text, …
    encoder VARCHAR NOT NULL,           -- none: of columns
    basis VARCHAR NOT NULL,             -- pinned, rolling, same_weekday, release FIELD=VALUE
    window_start TIMESTAMP NOT NULL,
    window_end TIMESTAMP NOT NULL,
    text_hashes VARCHAR[] NOT NULL,
    clusters VARCHAR NOT NULL USING COMPRESSION zstd,  -- JSON: centres, names, shares
    created_by VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE data.comparisons (
    detector VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    statistic DOUBLE,
    threshold DOUBLE,
    drifted BOOLEAN,
    provisional BOOLEAN NOT NULL DEFAULT false,
    reference_start TIMESTAMP NOT NULL,
    reference_end TIMESTAMP NOT NULL,
    current_start TIMESTAMP NOT NULL,
    current_end TIMESTAMP NOT NULL,
    n_reference BIGINT NOT NULL,
    n_current BIGINT NOT NULL,
    note VARCHAR,
    details VARCHAR USING COMPRESSION zstd,
    basis VARCHAR NOT NULL,             -- as in data.drift_references
    created_at TIMESTAMP NOT NULL
);

-- Prices in USD per million tokens: for each (provider, model, day) one row per time of day and size of the prompt.
-- A row holds for calls that begin in [from_minute, to_minute) of the day (UTC) with more than `tier_start` and at most
-- `tier_end` (NULL: any number of) input tokens. Filled from genai-prices and leeway.toml.
CREATE TABLE data.prices (
    provider VARCHAR,
    model VARCHAR NOT NULL,
    day DATE NOT NULL,
    from_minute INTEGER NOT NULL DEFAULT 0,
    to_minute INTEGER NOT NULL DEFAULT 1440,
    tier_start BIGINT NOT NULL DEFAULT -1,
    tier_end BIGINT,
    status VARCHAR NOT NULL,            -- priced, guessed, unpriced
    input_mtok DOUBLE,
    cache_read_mtok DOUBLE,
    cache_write_mtok DOUBLE,
    input_audio_mtok DOUBLE,
    output_mtok DOUBLE,
    output_audio_mtok DOUBLE,
    source VARCHAR NOT NULL,            -- which price list, which entry
    edition VARCHAR NOT NULL,           -- of the price list and our own prices: another one means look again
    updated_at TIMESTAMP NOT NULL
);

-- Hours that a batch touched; the rollup rebuilds exactly those.
CREATE TABLE data.dirty_hours (hour TIMESTAMP NOT NULL);

CREATE TABLE data.rollup_hour (
    hour TIMESTAMP NOT NULL,
    provider VARCHAR, model VARCHAR, prompt_name VARCHAR, prompt_version VARCHAR,
    tenant VARCHAR, service VARCHAR, environment VARCHAR, operation VARCHAR, status VARCHAR, error_type VARCHAR,
    calls BIGINT NOT NULL,
    cost_usd DOUBLE, costed_calls BIGINT, unpriced_calls BIGINT, guessed_cost_usd DOUBLE, guessed_calls BIGINT,
    rate_limited BIGINT,
    input_tokens BIGINT,
    cacheable_tokens BIGINT, cache_read_tokens BIGINT, cacheable_n BIGINT,  -- over calls that report cache reads
    cache_write_tokens BIGINT, output_tokens BIGINT, output_n BIGINT, reasoning_tokens BIGINT,
    timed_tokens BIGINT, timed_ms DOUBLE, timed_n BIGINT,                   -- over calls with output tokens and latency
    scored BIGINT, scorable BIGINT                                          -- over calls with content
);

-- By day and what a call is priced by.
CREATE TABLE data.rollup_priced_day (
    hour TIMESTAMP NOT NULL,            -- at which the day begins
    provider VARCHAR, priced_model VARCHAR,
    calls BIGINT NOT NULL, cost_usd DOUBLE, unpriced_calls BIGINT
);

-- Log buckets floor(ln(x)/ln(1.04)) of six hours each: quantiles of any merge, within 2 % where calls are many.
CREATE TABLE data.rollup_histogram (
    hour TIMESTAMP NOT NULL,            -- at which the six hours begin
    measure VARCHAR NOT NULL,           -- latency_ms, ttft_ms
    provider VARCHAR, model VARCHAR, environment VARCHAR, operation VARCHAR,
    bucket SMALLINT NOT NULL,
    n BIGINT NOT NULL
);

CREATE TABLE data.rollup_evaluations_hour (
    hour TIMESTAMP NOT NULL,
    name VARCHAR NOT NULL,
    provider VARCHAR, model VARCHAR, prompt_name VARCHAR, prompt_version VARCHAR,
    tenant VARCHAR, service VARCHAR, environment VARCHAR, operation VARCHAR, status VARCHAR, error_type VARCHAR,
    n BIGINT NOT NULL, weight DOUBLE, flagged_weight DOUBLE, squared_weight DOUBLE  -- over measurable ones
);

-- Each run of each scheduled job: small, so a key does no harm, and it is what makes a due window run once.
CREATE TABLE data.job_runs (
    job VARCHAR NOT NULL,
    due_at TIMESTAMP NOT NULL,
    session VARCHAR NOT NULL,           -- of the process that runs it: a crash leaves another's behind
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    status VARCHAR NOT NULL,            -- running, ok, error
    duration_ms DOUBLE,
    counts VARCHAR,                     -- JSON
    error VARCHAR,
    PRIMARY KEY (job, due_at)
);
