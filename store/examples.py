"""Calls that show what a number is made of."""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import polars as pl

from store.conditions import condition
from store.connection import Store
from store.model import Filters, Window
from store.relations import BOUND, RATE_LIMITED, SAID_SQL


class Telling(StrEnum):
    """What makes a call a telling example; the words are SQL conditions and orders of ours, below."""

    FAILED = "failed"
    RATE_LIMITED = "rate_limited"
    COSTLY = "costly"
    LONG = "long"
    SLOW = "slow"
    LATE = "late"
    OVERDUE = "overdue"
    DISLIKED = "disliked"
    NEWEST = "newest"


SAID = SAID_SQL.format(**BOUND)
_PICKED = {
    Telling.FAILED: ("status = 'error'", "event_time DESC"),
    Telling.RATE_LIMITED: (RATE_LIMITED, "event_time DESC"),
    Telling.COSTLY: ("cost_usd IS NOT NULL", "cost_usd DESC"),
    Telling.LONG: ("output_tokens IS NOT NULL", "output_tokens DESC"),
    Telling.SLOW: ("latency_ms IS NOT NULL", "latency_ms DESC"),
    Telling.LATE: ("ttft_ms IS NOT NULL", "ttft_ms DESC"),
    Telling.OVERDUE: ("true", "ingested_at - event_time DESC"),
    Telling.DISLIKED: (f"call_id IN (SELECT call_id FROM ({SAID}) WHERE NOT well)", "event_time DESC"),
    Telling.NEWEST: ("true", "event_time DESC"),
}
FIELDS = """
    call_id, event_time, ingested_at, latency_ms, ttft_ms, cost_usd, input_tokens, output_tokens, error_type,
    http_status
"""
CALLS_SQL = """
    SELECT {fields} FROM data.calls
    WHERE event_time >= $start AND event_time < $end AND {where} AND {condition}
    ORDER BY {order} LIMIT $limit
"""
FLAGGED_SQL = """
    SELECT {fields}, model, left(output_text, 240) AS output_text, e.value, e.explanation
    FROM data.calls JOIN (
        SELECT call_id, value, flagged, explanation FROM data.evaluations
        WHERE event_time >= $start AND event_time < $end AND name = $evaluator AND flagged IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY created_at DESC) = 1
    ) AS e USING (call_id)
    WHERE event_time >= $start AND event_time < $end AND {where} AND e.flagged
    ORDER BY CASE WHEN $low THEN -e.value ELSE e.value END DESC NULLS LAST, event_time DESC LIMIT $limit
"""
# Whom the calls of a slice are of, and whom those that meet a condition are of.
CONCERNED_SQL = """
    SELECT count(DISTINCT user_id) AS all_users, count(DISTINCT tenant) AS all_tenants,
           count(DISTINCT user_id) FILTER (WHERE {condition}) AS users,
           count(DISTINCT tenant) FILTER (WHERE {condition}) AS tenants
    FROM data.calls WHERE event_time >= $start AND event_time < $end AND {where}
"""
FLAGGED = """call_id IN (
    SELECT call_id FROM data.evaluations WHERE event_time >= $start AND event_time < $end AND name = $evaluator
    QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY created_at DESC) = 1 AND flagged
)"""


def telling_calls(
    store: Store, window: Window, filters: Filters, kind: Telling, *, names: Sequence[str], limit: int
) -> pl.DataFrame:
    """The most telling calls of a slice, with `FIELDS`; `names`: of all evaluators."""
    condition, order = _PICKED[kind]
    where, params = _where(window, filters, limit)
    sql = CALLS_SQL.format(fields=FIELDS, where=where, condition=condition, order=order)
    return store.read(sql, params | _asked(kind, names))


def flagged_calls(
    store: Store, window: Window, filters: Filters, *, evaluator: str, low: bool, limit: int
) -> pl.DataFrame:
    """The calls of a slice that an evaluator has flagged, the clearest first.

    `FIELDS`, model, value, explanation and the beginning of output_text. `low`: low values are the clear ones.
    """
    where, params = _where(window, filters, limit)
    sql = FLAGGED_SQL.format(fields=FIELDS, where=where)
    return store.read(sql, {**params, "evaluator": evaluator, "low": low})


def concerned(
    store: Store, window: Window, filters: Filters, kind: Telling, *, evaluator: str | None, names: Sequence[str]
) -> Mapping[str, int]:  # fmt: skip
    """How many `users` and `tenants` have calls of a kind, or calls that the evaluator has flagged, of all there are.

    `all_users` and `all_tenants` are those of the slice; `names`: of all evaluators.
    """
    params: dict[str, Any] = {"start": window.start, "end": window.end}
    where = condition(filters, params)
    bad = FLAGGED if evaluator else _PICKED[kind][0]
    params |= {"evaluator": evaluator} if evaluator else _asked(kind, names)
    return store.read(CONCERNED_SQL.format(where=where, condition=bad), params).row(0, named=True)


def _asked(kind: Telling, names: Sequence[str]) -> dict[str, Any]:
    return {"names": list(names)} if kind is Telling.DISLIKED else {}


def _where(window: Window, filters: Filters, limit: int) -> tuple[str, dict[str, Any]]:
    params: dict[str, Any] = {"start": window.start, "end": window.end, "limit": limit}
    return condition(filters, params), params
