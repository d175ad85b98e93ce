"""Hourly rollups: rebuild the hours that changed, and read whole ranges as if all were up to date.

What a rollup says is always what the raw rows say: hours that are marked dirty, and the parts of hours at the edges of
a range, are rolled up on the fly by the same SELECT that fills the tables.
"""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

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
# Each dimension multiplies the cells of a histogram; these hang together. Others are answered from raw rows.
HISTOGRAM_DIMENSIONS = ("provider", "model", "environment", "operation")
# More stretches than this are read as one, with the clean hours between them: each costs a scan.
MOST_STRETCHES = 6
PRICE_DIMENSIONS = ("provider", "priced_model")
_KEYS = "date_trunc('hour', event_time) AS hour, " + ", ".join(ROLLED_DIMENSIONS)
_HISTOGRAM_KEYS = "time_bucket(INTERVAL 6 HOUR, event_time) AS hour, " + ", ".join(HISTOGRAM_DIMENSIONS)

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
        count(*) FILTER (scored AND {SCORABLE}) AS scored,
        count(*) FILTER ({SCORABLE}) AS scorable
    FROM ({SCORED_CALLS_SQL})
    GROUP BY ALL
"""
# By what a call is priced by, which is not what it is shown under.
PRICED_SQL = f"""
    SELECT
        date_trunc('day', event_time) AS hour, provider,
        coalesce(response_model, request_model, model) AS priced_model, count(*) AS calls, sum(cost_usd) AS cost_usd,
        count(*) FILTER ({UNPRICED}) AS unpriced_calls
    FROM ({CALLS_SQL})
    GROUP BY ALL
"""
HISTOGRAM_SQL = f"""
    SELECT {_HISTOGRAM_KEYS}, measure, floor(ln(greatest(ms, 0.01)) / ln(1.04))::SMALLINT AS bucket, count(*) AS n
    FROM (UNPIVOT ({CALLS_SQL}) ON latency_ms, ttft_ms INTO NAME measure VALUE ms)
    GROUP BY ALL
"""
EVALUATIONS_HOUR_SQL = f"""
    SELECT
        {_KEYS}, name,
        count(*) FILTER (measurable) AS n, sum(weight) FILTER (measurable) AS weight,
        sum(weight) FILTER (flagged) AS flagged_weight, sum(weight * weight) FILTER (measurable) AS squared_weight
    FROM ({EVALUATIONS_SQL.replace("{names}", "true")})
    GROUP BY ALL
"""
DIRTY_SQL = "SELECT DISTINCT hour FROM data.dirty_hours ORDER BY hour"
DIRTY_WITHIN_SQL = "SELECT DISTINCT hour FROM data.dirty_hours WHERE hour >= $start AND hour < $end ORDER BY hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """A table, the SELECT that fills it, how much time one row stands for, and the dimensions that it keeps.

    The column `hour` says where that time starts, in multiples of `grain` since midnight.
    """

    table: str
    select: str
    grain: timedelta
    dimensions: tuple[str, ...]

    def around(self, stretch: Window) -> Window:
        """The whole rows that a stretch of time touches."""
        midnight = datetime(2000, 1, 1, tzinfo=UTC)
        start = stretch.start - (stretch.start - midnight) % self.grain
        return Window(start=start, end=stretch.end + (midnight - stretch.end) % self.grain)


HOURS = Rollup(table="data.rollup_hour", select=HOURS_SQL, grain=HOUR, dimensions=ROLLED_DIMENSIONS)
HISTOGRAM = Rollup(table="data.rollup_histogram", select=HISTOGRAM_SQL, grain=6 * HOUR, dimensions=HISTOGRAM_DIMENSIONS)
EVALUATIONS = Rollup(
    table="data.rollup_evaluations_hour", select=EVALUATIONS_HOUR_SQL, grain=HOUR, dimensions=ROLLED_DIMENSIONS
)
PRICED = Rollup(table="data.rollup_priced_day", select=PRICED_SQL, grain=24 * HOUR, dimensions=PRICE_DIMENSIONS)
ROLLUPS = (HOURS, HISTOGRAM, EVALUATIONS, PRICED)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    hours: int
    rows: int


def rebuild(tx: Transaction, stretch: Window) -> Rebuilt:
    """Replace the rollups of whole hours by what the raw rows say now, and take the marks off."""
    for rollup in ROLLUPS:
        within = _bound(rollup.around(stretch))
        tx.execute(f"DELETE FROM {rollup.table} WHERE hour >= $start AND hour < $end", within)
        tx.execute(f"INSERT INTO {rollup.table} BY NAME {rollup.select.format(start='$start', end='$end')}", within)
    within = _bound(stretch)
    tx.execute("DELETE FROM data.dirty_hours WHERE hour >= $start AND hour < $end", within)
    rows = tx.one("SELECT count(*) FROM data.rollup_hour WHERE hour >= $start AND hour < $end", within)
    return Rebuilt(stretch.length // HOUR, rows)


def _bound(window: Window) -> dict[str, datetime]:
    return {"start": window.start, "end": window.end}


def dirty(store: Store) -> list[Window]:
    """The hours that were touched since they were rolled up, neighbours as one."""
    return _joined(Window(start=hour, end=hour + HOUR) for hour in store.read(DIRTY_SQL)["hour"])


def fresh(store: Store, rollup: Rollup, window: Window, params: dict[str, Any]) -> str:
    """A subquery with the rows of a rollup for exactly `window`; what it binds is added to `params`."""
    params |= _bound(window)
    clean, parts = "", []
    for number, stretch in enumerate(_unrolled(store, rollup, window)):
        low, high, start, end = (f"{name}{number}" for name in ("low", "high", "from", "to"))
        params |= {low: stretch.start, high: stretch.end}
        params |= {start: max(stretch.start, window.start), end: min(stretch.end, window.end)}
        clean += f" AND NOT (hour >= ${low} AND hour < ${high})"
        parts.append(rollup.select.format(start=f"${start}", end=f"${end}"))
    rolled = f"SELECT * FROM {rollup.table} WHERE hour >= $start AND hour < $end{clean}"
    return "SELECT hour AS event_time, * FROM (" + " UNION ALL BY NAME ".join([rolled, *parts]) + ")"


def _unrolled(store: Store, rollup: Rollup, window: Window) -> list[Window]:
    """What the rollup cannot answer for, in whole rows of it: touched hours, and rows that an edge cuts in two."""
    around = rollup.around(window)
    touched = [Window(start=h, end=h + HOUR) for h in store.read(DIRTY_WITHIN_SQL, _bound(around))["hour"]]
    edges = [Window(start=at, end=at) for at in (window.start, window.end)]
    joined = _joined(sorted((rollup.around(part) for part in [*touched, *edges]), key=lambda part: part.start))
    while len(joined) > MOST_STRETCHES:
        gaps = [after.start - before.end for before, after in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [Window(start=joined[at].start, end=joined[at + 1].end)]
    return joined


def _joined(stretches: Iterable[Window]) -> list[Window]:
    """Touching and overlapping windows as one, empty ones left out; `stretches` in order."""
    found: list[Window] = []
    for stretch in stretches:
        if found and stretch.start <= found[-1].end:
            found[-1] = Window(start=found[-1].start, end=max(found[-1].end, stretch.end))
        elif stretch.length:
            found.append(stretch)
    return found
