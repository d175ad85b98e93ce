"""What an aggregate over raw rows may read: one row per call, (call, evaluation), search or comparison.

Each has `event_time` and a column for every dimension. `{start}` and `{end}` are names of bound values, so that one
query may read several stretches of time.
"""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

from store.model import DIMENSIONS

# What one stretch of time, and one list of names, are bound to.
BOUND = {"start": "$start", "end": "$end", "names": "list_contains($names, name)"}

# Conditions on a call that more than one number is made of.
RATE_LIMITED = "(http_status = 429 OR coalesce(regexp_matches(error_type, '(?i)rate.?limit|throttl|too.?many'), false))"
# A call that failed before a token was counted is billed by nobody: it is missing from no cost.
UNPRICED = "(cost_status = 'unpriced' AND (status <> 'error' OR input_tokens IS NOT NULL))"
# What can be scored at all: an answer was made, and its text was recorded.
SCORABLE = "(status <> 'error' AND content_state <> 'absent' AND operation IN ('chat', 'completion'))"
# Whether feedback means well, by its words, else by a value between 0 and 1; NULL: no telling.
MEANS_WELL = """
    CASE
        WHEN lower(label) IN ('up', 'thumbs_up', 'good', 'positive', 'like', 'correct', 'right', 'yes', 'pass', 'true')
            THEN true
        WHEN lower(label) IN ('down', 'thumbs_down', 'bad', 'negative', 'dislike', 'incorrect', 'wrong', 'no', 'fail',
            'false') THEN false
        WHEN value BETWEEN -1 AND 1 THEN value >= 0.5
    END
"""

CALLS_SQL = "SELECT * FROM data.calls WHERE event_time >= {start} AND event_time < {end}"

# Toxicity stands for all that models score: every answer gets it, unlike what needs a context. An answer without words
# has nothing for a model to score.
SCORED_CALLS_SQL = f"""
    SELECT c.*, s.call_id IS NOT NULL AS scored
    FROM ({CALLS_SQL}) AS c
    LEFT JOIN (
        SELECT DISTINCT call_id FROM data.evaluations
        WHERE event_time >= {{start}} AND event_time < {{end}}
            AND (name = 'toxicity' OR name = 'empty' AND label IN ('empty', 'tool_call'))
    ) AS s USING (call_id)
"""

# What our evaluators say; the newest of a (call, name) wins. `measurable`: the evaluator could say something at all.
# `weight`: how many calls a score stands for, where only a sample of its hour was scored.
EVALUATIONS_SQL = f"""
    SELECT c.*, e.name, e.value, e.label, e.flagged, e.label IS DISTINCT FROM 'not_measurable' AS measurable,
        coalesce(s.eligible / s.scored, 1) AS weight
    FROM (
        SELECT call_id, name, value, label, flagged, event_time FROM data.evaluations
        WHERE event_time >= {{start}} AND event_time < {{end}} AND flagged IS NOT NULL AND {{names}}
        QUALIFY row_number() OVER (PARTITION BY call_id, name ORDER BY created_at DESC) = 1
    ) AS e
    JOIN ({CALLS_SQL}) AS c USING (call_id)
    LEFT JOIN data.scoring_samples AS s ON s.name = e.name AND s.hour = date_trunc('hour', e.event_time)
"""

# What was said by others than our evaluators, of anything that is none of theirs ({names}): the last word of each on
# each call.
SAID_SQL = f"""
    SELECT call_id, event_time, name, evaluator, value, label, explanation, created_at, {MEANS_WELL} AS well
    FROM data.evaluations
    WHERE event_time >= {{start}} AND event_time < {{end}} AND flagged IS NULL AND NOT {{names}}
    QUALIFY row_number() OVER (PARTITION BY call_id, name, evaluator ORDER BY created_at DESC) = 1
"""
FEEDBACK_SQL = f"SELECT c.*, f.well FROM ({SAID_SQL}) AS f JOIN ({CALLS_SQL}) AS c USING (call_id)"

# A search that stood in a trace of its own right; of a call it has the service only.
_SERVICE_ONLY = ", ".join(name if name == "service" else f"NULL::VARCHAR AS {name}" for name in DIMENSIONS)
RETRIEVALS_SQL = f"""
    SELECT event_time, (end_ns - start_ns) / 1e6 AS latency_ms, {_SERVICE_ONLY}
    FROM data.spans WHERE event_time >= {{start}} AND event_time < {{end}} AND kind = 'retrieval' AND end_ns > start_ns
"""

# A comparison belongs to the end of its current window. Windows are compared whole: no dimension has a value.
_NO_DIMENSIONS = ", ".join(f"NULL::VARCHAR AS {name}" for name in DIMENSIONS)
COMPARISONS_SQL = f"""
    SELECT
        detector, subject, statistic, threshold, drifted, n_reference, n_current,
        current_end - INTERVAL 1 MICROSECOND AS event_time, {_NO_DIMENSIONS}
    FROM data.comparisons
    WHERE current_end > {{start}} AND current_end <= {{end}}
    QUALIFY row_number() OVER (PARTITION BY detector, subject, current_end ORDER BY created_at DESC) = 1
"""
