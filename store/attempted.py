"""Prompts that an evaluator flagged, with what another one said of their answers."""

from typing import Any

import polars as pl

from store.conditions import condition
from store.connection import Store
from store.model import Filters, Window

ATTEMPTED_SQL = """
    WITH said AS (
        SELECT call_id, name, flagged FROM data.evaluations
        WHERE event_time >= $start AND event_time < $end AND name IN ($evaluator, $answers) AND flagged IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY call_id, name ORDER BY created_at DESC) = 1
    )
    SELECT call_id, event_time, user_id, left(input_text, $chars) AS prompt, a.flagged AS declined
    FROM data.calls
    JOIN (SELECT call_id FROM said WHERE name = $evaluator AND flagged) USING (call_id)
    LEFT JOIN (SELECT call_id, flagged FROM said WHERE name = $answers) AS a USING (call_id)
    WHERE event_time >= $start AND event_time < $end AND {where} AND input_text <> ''
    ORDER BY event_time DESC LIMIT $newest
"""


def attempted(
    store: Store, window: Window, filters: Filters, *, evaluator: str, answers: str, newest: int, chars: int
) -> pl.DataFrame:
    """The `newest` calls that `evaluator` flagged: call_id, event_time, user_id, prompt, declined.

    `declined`: whether `answers` flagged the answer; None where it has not said. `chars`: of a prompt that are read.
    """
    params: dict[str, Any] = {"start": window.start, "end": window.end, "newest": newest, "chars": chars}
    sql = ATTEMPTED_SQL.format(where=condition(filters, params))
    return store.read(sql, params | {"evaluator": evaluator, "answers": answers})
