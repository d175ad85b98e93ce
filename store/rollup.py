# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours
"""Hourly rollups: rebuild the hours that changed, and read whole ranges as if all were up to date.

What a rollup says is always what the raw rows say: hours that are marked dirty, and the parts of hours at the edges of
a range, are rolled up on the fly by the same SELECT that fills the tables.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from store.connection import Store, Transaction
from store.model import Window
from store.relations import CALLS_SQL, EVALUATIONS_SQL, RATE_LIMITED, SCORABLE, SCORED_CALLS_SQL, UNPRICED

HOUR = timedelta(hours=1)
ROLLED_DIMENSIONS = (
    "provider", "model", "prompt_name", "prompt_version", "tenant", "service", "environment", "operation", "status",
    "error_type",
)  # fmt: skip
# More stretches than this are read as one, with the clean hours between them: each costs a scan.
MOST_STRETCHES = 6
_KEYS = "date_trunc('hour', event_time) AS hour, " + ", ".join(ROLLED_DIMENSIONS)

HOURS_SQL = f"""
    SELECT
        {_KEYS},
        count(*) AS calls,
        sum(cost_usd) AS cost_usd,
        count(cost_usd) AS costed_calls,
        count(*) FILTER ({UNPRICED}) AS unpriced_calls,
        sum(cost_usd) FILTER (cost_status = 'guessed') AS guessed_cost_usd,
        count(*) FILTER (cost_status = 'guessed') AS guessed_calls,
        count(*) FILTER ({RATE_LIMITED}) AS rate_limited,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(input_tokens) FILTER (cache_read_tokens IS NOT NULL)::BIGINT AS cacheable_tokens,
        sum(cache_read_tokens) FILTER (input_tokens IS NOT NULL)::BIGINT AS cache_read_tokens,
        count(*) FILTER (input_tokens IS NOT NULL AND cache_read_tokens IS NOT NULL) AS cacheable_n,
        sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
        sum(output_tokens)::BIGINT AS output_tokens,
        count(output_tokens) AS output_n,
        sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
        sum(output_tokens) FILTER (latency_ms > 0)::BIGINT AS timed_tokens,
        sum(latency_ms) FILTER (latency_ms > 0 AND output_tokens IS NOT NULL) AS timed_ms,
        count(*) FILTER (latency_ms > 0 AND output_tokens IS NOT NULL) AS timed_n,
        count(*) FILTER (finish_reason = 'length') AS truncated,
        count(finish_reason) AS finished,
        count(*) FILTER (scored AND {SCORABLE}) AS scored,
        count(*) FILTER ({SCORABLE}) AS scorable
    FROM ({SCORED_CALLS_SQL})
    GROUP BY ALL
"""
HISTOGRAM_SQL = f"""
    SELECT {_KEYS}, measure, floor(ln(greatest(ms, 0.01)) / ln(1.04))::SMALLINT AS bucket, count(*) AS n
    FROM (UNPIVOT ({CALLS_SQL}) ON latency_ms, ttft_ms INTO NAME measure VALUE ms)
    GROUP BY ALL
"""
EVALUATIONS_HOUR_SQL = f"""
    SELECT
        {_KEYS}, name,
        count(*) FILTER (measurable) AS n, count(*) FILTER (flagged) AS flagged, sum(value) AS value_sum
    FROM ({EVALUATIONS_SQL.replace("{names}", "true")})
    GROUP BY ALL
"""
BUILT_BY = {
    "data.rollup_hour": HOURS_SQL,
    "data.rollup_histogram_hour": HISTOGRAM_SQL,
    "data.rollup_evaluations_hour": EVALUATIONS_HOUR_SQL,
}
DIRTY_SQL = "SELECT DISTINCT hour FROM data.dirty_hours ORDER BY hour"
DIRTY_WITHIN_SQL = "SELECT DISTINCT hour FROM data.dirty_hours WHERE hour >= $start AND hour < $end ORDER BY hour"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    hours: int
    rows: int


def rebuild(tx: Transaction, stretch: Window) -> Rebuilt:
    """Replace the rollups of whole hours by what the raw rows say now, and take the marks off."""
    within = {"start": stretch.start, "end": stretch.end}
    for table, select in BUILT_BY.items():
        tx.execute(f"DELETE FROM {table} WHERE hour >= $start AND hour < $end", within)
        tx.execute(f"INSERT INTO {table} BY NAME {select.format(start='$start', end='$end')}", within)
    tx.execute("DELETE FROM data.dirty_hours WHERE hour >= $start AND hour < $end", within)
    rows = tx.one("SELECT count(*) FROM data.rollup_hour WHERE hour >= $start AND hour < $end", within)
    return Rebuilt(stretch.length // HOUR, rows)


def dirty(store: Store) -> list[Window]:
    """The hours that were touched since they were rolled up, neighbours as one."""
    return _joined(Window(start=hour, end=hour + HOUR) for hour in store.read(DIRTY_SQL)["hour"])


def fresh(store: Store, table: str, window: Window, params: dict[str, Any]) -> str:
    """A subquery with the rows of a rollup `table` for exactly `window`; what it binds is added to `params`."""
    stretches = _unrolled(store, window)
    params |= {"start": window.start, "end": window.end}
    clean, parts = "", []
    for number, stretch in enumerate(stretches):
        start, end = f"s{number}", f"e{number}"
        params |= {start: stretch.start, end: stretch.end}
        clean += f" AND NOT (hour >= ${start} AND hour < ${end})"
        parts.append(BUILT_BY[table].format(start=f"${start}", end=f"${end}"))
    rolled = f"SELECT * FROM {table} WHERE hour >= $start AND hour < $end{clean}"
    return "SELECT hour AS event_time, * FROM (" + " UNION ALL BY NAME ".join([rolled, *parts]) + ")"


def _unrolled(store: Store, window: Window) -> list[Window]:
    """The parts of `window` that the rollups cannot answer for: dirty hours and hours cut by an edge."""
    first, last = _hour(window.start), _hour(window.end)
    hours = set(store.read(DIRTY_WITHIN_SQL, {"start": first, "end": window.end})["hour"])
    hours |= {hour for hour, edge in ((first, window.start), (last, window.end)) if hour != edge}
    joined = _joined(Window(start=hour, end=hour + HOUR) for hour in sorted(hours))
    while len(joined) > MOST_STRETCHES:
        gaps = [after.start - before.end for before, after in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [Window(start=joined[at].start, end=joined[at + 1].end)]
    return [Window(start=max(part.start, window.start), end=min(part.end, window.end)) for part in joined]


def _joined(hours: Iterable[Window]) -> list[Window]:
    """Neighbouring windows as one; `hours` in order."""
    found: list[Window] = []
    for hour in hours:
        if found and found[-1].end == hour.start:
            found[-1] = Window(start=found[-1].start, end=hour.end)
        else:
            found.append(hour)
    return found


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
