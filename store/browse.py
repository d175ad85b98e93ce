"""Looking at calls one by one: a selection, page by page; one call with its scores; the one before and after it."""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import polars as pl

from store.conditions import condition
from store.connection import Store
from store.export import NAMES
from store.model import Filters, Window


class Quick(StrEnum):
    """Sets of calls that people ask for most, beside those that an evaluator has flagged."""

    ERRORS = "errors"
    SLOW = "slow"
    UNPRICED = "unpriced"


class Order(StrEnum):
    NEWEST = "newest"
    SLOWEST = "slowest"
    COSTLIEST = "costliest"
    LONGEST = "longest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which calls.

    `quick`: one of `Quick`, or a label that evaluators flag with. `search` finds text in question, answer or error, and
    whole ids.
    """

    window: Window
    filters: Filters = field(default_factory=dict)
    quick: str | None = None
    search: str = ""


_FLAGGED = """
    call_id IN (
        SELECT call_id FROM (
            SELECT call_id, label, flagged FROM data.evaluations
            WHERE event_time >= $start AND event_time < $end AND flagged IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY call_id, name ORDER BY created_at DESC) = 1
        ) WHERE flagged AND label = $flagged
    )
"""
# The slowest twentieth of what the other filters leave.
_SLOW = """
    latency_ms >= (
        SELECT quantile_cont(latency_ms, 0.95) FROM data.calls
        WHERE event_time >= $start AND event_time < $end AND {where}
    )
"""
_QUICK = {
    Quick.ERRORS: "status = 'error'",
    Quick.SLOW: _SLOW,
    Quick.UNPRICED: "cost_status = 'unpriced'",
}
_SEARCH = """
    (contains(lower(input_text), lower($search)) OR contains(lower(output_text), lower($search))
     OR contains(lower(error_message), lower($search))
     OR $search IN (call_id, trace_id, session_id, user_id, response_id))
"""
_ORDER = {
    Order.NEWEST: "event_time DESC, call_id DESC",
    Order.SLOWEST: "latency_ms DESC NULLS LAST, call_id",
    Order.COSTLIEST: "cost_usd DESC NULLS LAST, call_id",
    Order.LONGEST: "output_tokens DESC NULLS LAST, call_id",
}
COUNT_SQL = "SELECT count(*) FROM data.calls WHERE event_time >= $start AND event_time < $end AND {where}"
# First which rows, then their texts: only a page of texts is unpacked.
PAGE_SQL = """
    WITH chosen AS (
        SELECT rowid FROM data.calls
        WHERE event_time >= $start AND event_time < $end AND {where} ORDER BY {order} LIMIT $limit OFFSET $offset
    ),
    flags AS (
        SELECT call_id, list(label ORDER BY label) AS flags FROM (
            SELECT call_id, label, flagged FROM data.evaluations
            WHERE event_time >= $start AND event_time < $end AND flagged IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY call_id, name ORDER BY created_at DESC) = 1
        ) WHERE flagged GROUP BY call_id
    )
    SELECT call_id, trace_id, event_time, status, error_type, model, prompt_name, prompt_version, tenant, user_id,
        latency_ms, ttft_ms, input_tokens, output_tokens, cost_usd, cost_status,
        left(input_text, $snippet) AS input_text, left(output_text, $snippet) AS output_text, flags.flags
    FROM data.calls LEFT JOIN flags USING (call_id)
    WHERE calls.rowid IN (SELECT rowid FROM chosen)
    ORDER BY {order}
"""
EXPORT_SQL = f"""
    SELECT {", ".join(NAMES)} FROM data.calls
    WHERE event_time >= $start AND event_time < $end AND {{where}}
    ORDER BY event_time, call_id LIMIT $limit OFFSET $offset
"""
NEIGHBOURS_SQL = """
    SELECT
        (SELECT call_id FROM data.calls WHERE event_time >= $start AND event_time < $end AND {where}
            AND (event_time, call_id) < ($at, $call_id) ORDER BY event_time DESC, call_id DESC LIMIT 1) AS earlier,
        (SELECT call_id FROM data.calls WHERE event_time >= $start AND event_time < $end AND {where}
            AND (event_time, call_id) > ($at, $call_id) ORDER BY event_time, call_id LIMIT 1) AS later
"""
CALL_SQL = """
    SELECT * FROM data.calls WHERE ($call_id IS NOT NULL AND call_id = $call_id)
        OR ($call_id IS NULL AND trace_id = $trace_id)
    ORDER BY event_time, call_id LIMIT 1
"""
TRACE_CALLS_SQL = """
    SELECT call_id, span_id, event_time, started_at, latency_ms, model, operation, status, cost_usd FROM data.calls
    WHERE trace_id = $trace_id AND event_time BETWEEN $low AND $high ORDER BY event_time, call_id
"""
SCORES_SQL = """
    SELECT name, evaluator, value, label, explanation, created_at FROM data.evaluations
    WHERE call_id = $call_id AND event_time BETWEEN $low AND $high
    QUALIFY row_number() OVER (PARTITION BY name, evaluator ORDER BY created_at DESC) = 1
    ORDER BY name, created_at DESC
"""
SNIPPET = 160
MARGIN = timedelta(hours=1)
EXPORT_ROWS = 20_000


def count(store: Store, chosen: Selection) -> int:
    where, params = _where(chosen)
    return int(store.one(COUNT_SQL.format(where=where), params))


def page(
    store: Store, chosen: Selection, *, order: Order = Order.NEWEST, limit: int = 100, offset: int = 0
) -> pl.DataFrame:
    """One page of a selection; texts cut short, `flags` lists what evaluators hold against the answer."""
    where, params = _where(chosen)
    sql = PAGE_SQL.format(where=where, order=_ORDER[order])
    return store.read(sql, {**params, "limit": limit, "offset": offset, "snippet": SNIPPET})


def pages(store: Store, chosen: Selection, *, limit: int) -> Iterator[pl.DataFrame]:
    """The whole calls of a selection, at most `limit`, the earliest first, as `store.export` writes them."""
    where, params = _where(chosen)
    for offset in range(0, limit, EXPORT_ROWS):
        bounds = {"limit": min(EXPORT_ROWS, limit - offset), "offset": offset}
        frame = store.read(EXPORT_SQL.format(where=where), {**params, **bounds}, timeout_s=60)
        yield frame
        if frame.height < EXPORT_ROWS:
            return


def neighbours(store: Store, chosen: Selection, *, call_id: str, at: datetime) -> tuple[str | None, str | None]:
    """The ids of the call before and the one after this one in a selection, by time."""
    where, params = _where(chosen)
    earlier, later = store.read(NEIGHBOURS_SQL.format(where=where), {**params, "call_id": call_id, "at": at}).row(0)
    return earlier, later


def call(store: Store, *, call_id: str | None = None, trace_id: str | None = None) -> dict[str, Any] | None:
    """One call with all its columns, by its id or as the first of its trace; None when it is not there."""
    found = store.read(CALL_SQL, {"call_id": call_id, "trace_id": trace_id})
    return found.row(0, named=True) if found.height else None


def calls_of_trace(store: Store, trace_id: str, around: datetime) -> pl.DataFrame:
    return store.read(TRACE_CALLS_SQL, {"trace_id": trace_id, "low": around - MARGIN, "high": around + MARGIN})


def scores(store: Store, call_id: str, at: datetime) -> pl.DataFrame:
    """What evaluators, people and the client said of a call that happened `at`."""
    return store.read(SCORES_SQL, {"call_id": call_id, "low": at - MARGIN, "high": at + MARGIN})


def _where(chosen: Selection) -> tuple[str, dict[str, Any]]:
    params: dict[str, Any] = {"start": chosen.window.start, "end": chosen.window.end}
    where = condition(chosen.filters, params)
    parts = [where]
    if chosen.quick in set(Quick):
        parts.append(_QUICK[Quick(chosen.quick)].format(where=where))
    elif chosen.quick:
        params["flagged"] = chosen.quick
        parts.append(_FLAGGED)
    if chosen.search:
        params["search"] = chosen.search
        parts.append(_SEARCH)
    return " AND ".join(parts), params
