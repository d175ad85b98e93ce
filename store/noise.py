"""How rules have behaved: how often each fired, who cared, what ended by itself, which fire together."""

from datetime import datetime, timedelta

import polars as pl

from store.connection import Store

NOISE_SQL = """
    WITH fired AS (
        SELECT incident_id, rule_id, title, severity, fired_at, resolved_at, resolved_reason, acknowledged_at,
            coalesce(resolved_at, $end) AS ended_at
        FROM data.incidents WHERE fired_at >= $start AND fired_at < $end
    ),
    beside AS (
        SELECT a.rule_id, b.rule_id AS other, count(DISTINCT a.incident_id) AS shared
        FROM fired a JOIN fired b ON a.rule_id <> b.rule_id AND a.fired_at < b.ended_at AND b.fired_at < a.ended_at
        GROUP BY ALL
    ),
    judged AS (
        SELECT f.rule_id, count(*) FILTER (worth = 'real') AS real, count(*) FILTER (worth = 'noise') AS noise
        FROM fired f JOIN (
            SELECT subject, arg_max(details, happened_at) AS worth FROM data.audit_log
            WHERE action = 'incident.judge' GROUP BY ALL
        ) ON subject = f.incident_id::VARCHAR GROUP BY ALL
    ),
    told AS (
        SELECT f.rule_id, count(*) FILTER (o.status = 'sent') AS messages
        FROM fired f JOIN data.outbox o USING (incident_id) GROUP BY ALL
    )
    SELECT rule_id, arg_max(title, fired_at) AS title, arg_max(severity, fired_at) AS severity, count(*) AS fires,
        count(acknowledged_at) AS acknowledged,
        count(*) FILTER (
            acknowledged_at IS NULL AND resolved_reason = 'recovered' AND resolved_at - fired_at < $brief
        ) AS brief,
        count(*) FILTER (resolved_at IS NULL) AS open,
        median(epoch(ended_at - fired_at)) AS median_s,
        coalesce(any_value(told.messages), 0) AS messages,
        coalesce(any_value(judged.real), 0) AS real, coalesce(any_value(judged.noise), 0) AS noise,
        any_value(most.other) AS overlaps, any_value(most.shared) AS overlapping
    FROM fired
    LEFT JOIN told USING (rule_id)
    LEFT JOIN judged USING (rule_id)
    LEFT JOIN (
        SELECT rule_id, arg_max(other, (shared, other)) AS other, max(shared) AS shared FROM beside GROUP BY ALL
    ) most USING (rule_id)
    GROUP BY rule_id ORDER BY fires DESC, rule_id
"""


def noise(store: Store, start: datetime, end: datetime, *, brief: timedelta) -> pl.DataFrame:
    """One row a rule that fired in `[start, end)`, the busiest first.

    `brief`: ended by itself in less than that, and nobody had acknowledged it. `overlaps` is the rule that fired
    together with it most often, `overlapping` how many of its incidents did. `real` and `noise`: what people said.
    """
    return store.read(NOISE_SQL, {"start": start, "end": end, "brief": brief})
