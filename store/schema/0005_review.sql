-- What people decided of scores. Small tables, appended.

-- The newest of an evaluator (name, engine and version) is in force; none: its own default.
CREATE TABLE data.score_thresholds (
    evaluator VARCHAR NOT NULL,
    threshold DOUBLE NOT NULL,
    adopted_by VARCHAR NOT NULL,
    adopted_at TIMESTAMP NOT NULL
);
