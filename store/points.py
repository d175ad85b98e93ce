"""Numbers out of stored calls: one SELECT over one relation gives any number of aggregates by bucket and slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import polars as pl

from store import rollup
from store.conditions import condition
from store.connection import Store
from store.errors import ConfigError
from store.model import DIMENSIONS, Filters, Window
from store.relations import (
    BOUND,
    CALLS_SQL,
    COMPARISONS_SQL,
    EVALUATIONS_SQL,
    FEEDBACK_SQL,
    RETRIEVALS_SQL,
    SCORED_CALLS_SQL,
)


class Relation(StrEnum):
    """What an aggregate reads: raw rows, or rows rolled up by the hour (the last three)."""

    CALLS = "calls"
    SCORED_CALLS = "scored_calls"
    EVALUATIONS = "evaluations"
    FEEDBACK = "feedback"
    COMPARISONS = "comparisons"
    RETRIEVALS = "retrievals"
    HOURS = "hours"
    HISTOGRAM = "histogram"
    EVALUATION_HOURS = "evaluation_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which rows, and how they are grouped.

    `names`: of which evaluations, of which measures of a histogram, or, for feedback, of which evaluators it is not.
    """

    window: Window
    bucket: timedelta | None = None
    filters: Filters = field(default_factory=dict)
    by: Sequence[str] = ()
    names: Sequence[str] = ()


RAW = {
    Relation.CALLS: CALLS_SQL,
    Relation.SCORED_CALLS: SCORED_CALLS_SQL,
    Relation.EVALUATIONS: EVALUATIONS_SQL,
    Relation.FEEDBACK: FEEDBACK_SQL,
    Relation.COMPARISONS: COMPARISONS_SQL,
    Relation.RETRIEVALS: RETRIEVALS_SQL,
}
NAMED = frozenset({Relation.EVALUATIONS, Relation.FEEDBACK, Relation.HISTOGRAM})  # that ask for `names`
_ROLLED = {
    Relation.HOURS: rollup.HOURS,
    Relation.HISTOGRAM: rollup.HISTOGRAM,
    Relation.EVALUATION_HOURS: rollup.EVALUATIONS,
}
# One row per log bucket of a group and measure: `below` counts the calls in it and under it, `total` all of them.
CUMULATED_SQL = """
    SELECT
        *,
        sum(n) OVER (ranked ROWS UNBOUNDED PRECEDING) AS below,
        sum(n) OVER (ranked ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS total
    FROM (SELECT {picked}, bucket, sum(n) AS n FROM ({rows}) WHERE {where} GROUP BY ALL)
    WINDOW ranked AS (PARTITION BY {keys} ORDER BY bucket)
"""


def points(store: Store, relation: Relation, aggregates: Mapping[str, str], question: Question) -> pl.DataFrame:
    """Return `bucket` (if asked for), the dimensions of `by`, and each aggregate as a float; groups in order.

    Groups without rows are absent; without `bucket` and `by` there is always one row.
    Raises ConfigError for a dimension that does not exist.
    """
    params: dict[str, Any] = {}
    where = _where(question, params)
    rows = _rows(store, relation, question, where, params)
    keys = [*_bucket(question, params), *question.by]
    columns = [*keys, *(f"CAST(({sql}) AS DOUBLE)" for sql in aggregates.values())]
    picked = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(columns))
    order = ", ".join(str(number + 1) for number in range(len(keys)))
    group = f"GROUP BY {order} ORDER BY {order}" if keys else ""
    frame = store.read(f"SELECT {picked} FROM ({rows}) {group}", params)  # noqa: S608 - our names only
    frame.columns = [*(["bucket"] if question.bucket else []), *question.by, *aggregates]
    return frame


def points_by_each(
    store: Store, relation: Relation, aggregates: Mapping[str, str], question: Question, groups: Sequence[Sequence[str]]
) -> list[pl.DataFrame]:
    """The same as `points` by each of several groups of dimensions, in one scan of a raw relation or of HOURS.

    `question.by` names every dimension that a group names.
    """
    params: dict[str, Any] = {}
    rows = _rows(store, relation, question, _where(question, params), params)
    named = ", ".join(question.by)
    columns = ", ".join(f'CAST(({sql}) AS DOUBLE) AS "{name}"' for name, sql in aggregates.items())
    sets = ", ".join(f"({', '.join(group)})" for group in groups)
    frame = store.read(
        f"SELECT GROUPING({named}) AS absent, {named}, {columns} FROM ({rows}) AS r GROUP BY GROUPING SETS ({sets})",  # noqa: S608 - our names only
        params,
    )
    return [
        frame.filter(pl.col("absent") == _absent(question.by, group))
        .select(*group, *aggregates)
        .sort(*group, nulls_last=True)
        for group in groups
    ]


def _absent(named: Sequence[str], group: Sequence[str]) -> int:
    """What SQL's GROUPING says of a group: a bit for each name that is not in it, the first name the highest."""
    return sum(1 << place for place, name in enumerate(reversed(named)) if name not in group)


def _bucket(question: Question, params: dict[str, Any]) -> list[str]:
    if question.bucket is None:
        return []
    params["bucket"] = question.bucket
    return ["time_bucket($bucket, event_time)"]


def _where(question: Question, params: dict[str, Any]) -> str:
    if unknown := set(question.by) - {*DIMENSIONS}:
        raise ConfigError(f"no dimension is called {min(unknown)!r}: use one of {', '.join(DIMENSIONS)}")
    return condition(question.filters, params)


def _rows(store: Store, relation: Relation, question: Question, where: str, params: dict[str, Any]) -> str:
    """The filtered rows of a relation as a SELECT."""
    if relation in _ROLLED:
        rows = rollup.fresh(store, _ROLLED[relation], question.window, params)
    else:
        params |= {"start": question.window.start, "end": question.window.end}
        rows = RAW[relation].format(**BOUND)
    if relation in NAMED:
        params["names"] = list(question.names)
    if relation is Relation.HISTOGRAM:
        return _cumulated(rows, question, f"{where} AND list_contains($names, measure)", params)
    return f"SELECT * FROM ({rows}) WHERE {where}"  # noqa: S608 - our names only


def _cumulated(rows: str, question: Question, where: str, params: dict[str, Any]) -> str:
    time = [f"{sql} AS event_time" for sql in _bucket(question, params)]
    names = [*(["event_time"] if time else []), *question.by, "measure"]
    picked = ", ".join([*time, *question.by, "measure"])
    return CUMULATED_SQL.format(keys=", ".join(names), picked=picked, rows=rows, where=where)


def can_answer(relation: Relation, question: Question) -> bool:
    """Whether a rolled relation knows all that the question names, and is cut finely enough for it."""
    rolled = _ROLLED[relation]
    named = {*question.by, *(name for name, values in question.filters.items() if values)}
    return named <= {*rolled.dimensions} and (question.bucket is None or not question.bucket % rolled.grain)
