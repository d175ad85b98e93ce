-- The public surface: stable names for people and tools that open the file. Times are UTC.
CREATE VIEW calls AS SELECT * FROM data.calls;
CREATE VIEW spans AS SELECT * FROM data.spans;
CREATE VIEW evaluations AS
    SELECT * FROM data.evaluations
    -- The newest score, and beside it the newest that people or the client said.
    QUALIFY row_number() OVER (PARTITION BY call_id, name, flagged IS NULL ORDER BY created_at DESC) = 1;
CREATE VIEW rejects AS
    SELECT r.source_id, s.name AS source, r.place, r.line, r.byte_offset, r.reason, r.raw, r.created_at
    FROM data.rejects r LEFT JOIN data.sources s USING (source_id);
CREATE VIEW comparisons AS SELECT * FROM data.comparisons;
CREATE VIEW incidents AS SELECT * FROM data.incidents;
CREATE VIEW job_runs AS SELECT * FROM data.job_runs;
