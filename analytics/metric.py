"""What a Metric is, and how metrics are computed: one SELECT per relation, any number of metrics at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal

import polars as pl

from analytics.evaluator import evaluators
from store.connection import Store
from store.declared import declared
from store.errors import ConfigError
from store.model import Filters, Sample, Window
from store.points import Question, Relation, can_answer, points, points_by_each

Unit = Literal["calls", "share", "USD", "tokens", "tokens/s", "ms", "ratio", "people"]
# Raw rows answer fast enough up to here; longer ranges are read from the rollups.
LONGEST_RAW = timedelta(days=2)
LONGEST_EACH = timedelta(days=7)  # the same, where one scan answers for many groups
LONGEST_JOINED = timedelta(hours=6)  # the same, where calls are joined with their evaluations
NO_FILTERS: Filters = {}


@dataclass(frozen=True, slots=True)
class Rolled:
    """The same number from rolled-up rows: aggregates over `data.rollup_hour` or another rolled relation."""

    sql: str
    n: str = "sum(calls)"
    relation: Relation = Relation.HOURS
    measure: str | None = None  # of a histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number that can be asked of any window and slice.

    `sql` is an aggregate over the rows of `relation`, NULL when nothing can be said; `n` counts the calls behind it.
    `kind`: a "total" adds up over slices, a "rate" is a share 0..1 of calls, a "level" is neither.
    `worse`: the direction that people want to hear of. `evaluator`: the evaluation it is made of.
    """

    name: str
    title: str
    unit: Unit
    help: str
    sql: str
    kind: Literal["level", "rate", "total"]
    worse: Literal["up", "down"] | None = None
    n: str = "count(*)"
    relation: Relation = Relation.CALLS
    rolled: Rolled | None = None
    evaluator: str | None = None


@cache
def metrics() -> Mapping[str, Metric]:
    """Every metric there is, by name."""
    return declared(Metric, "analytics.metrics")


def metric(name: str) -> Metric:
    """Raises ConfigError for a name that is not a metric's."""
    if name not in metrics():
        raise ConfigError(f"no metric is called {name!r}: use one of {', '.join(sorted(metrics()))}")
    return metrics()[name]


def series(
    store: Store,
    names: Sequence[str],
    window: Window,
    *,
    bucket: timedelta,
    filters: Filters = NO_FILTERS,
    by: Sequence[str] = (),
) -> pl.DataFrame:
    """One row per bucket and slice: `bucket`, the dimensions of `by`, `n` (calls behind the first name), the names.

    Buckets without rows are absent. Cut the window with `window.whole` first, or its edge buckets are partial.
    """
    return _computed(store, names, Question(window=window, bucket=bucket, filters=filters, by=by))


def summary(
    store: Store, names: Sequence[str], window: Window, *, filters: Filters = NO_FILTERS, by: Sequence[str] = ()
) -> pl.DataFrame:
    """One row per slice: the dimensions of `by`, `n` (calls behind the first name), the names.

    Without `by` there is always one row, also when there are no calls.
    """
    return _computed(store, names, Question(window=window, filters=filters, by=by))


def measure(
    store: Store, name: str, window: Window, *, filters: Filters = NO_FILTERS, by: Sequence[str] = ()
) -> list[Sample]:
    """One metric over one window, a Sample per slice that has calls; without `by` always one."""
    rows = summary(store, [name], window, filters=filters, by=by).iter_rows(named=True)
    return [Sample(slice=tuple((key, row[key]) for key in by), value=row[name], n=row["n"]) for row in rows]


def tally(store: Store, names: Sequence[str], window: Window, *, filters: Filters = NO_FILTERS) -> dict[str, Sample]:
    """Several metrics over one window, each with the calls behind it."""
    question = Question(window=window, filters=filters)
    found: dict[str, Sample] = {}
    for relation, group in _groups(names, question).items():
        row = _one(store, relation, group, question, {one.name: f"n of {one.name}" for one in group}).row(0, named=True)
        for one in group:
            found[one.name] = Sample(slice=(), value=row[one.name], n=int(row[f"n of {one.name}"] or 0))
    return {name: found[name] for name in names}


def by_each(
    store: Store, name: str, window: Window, groups: Sequence[Sequence[str]], *, filters: Filters = NO_FILTERS
) -> list[pl.DataFrame]:
    """The summary of one metric by each of several groups of dimensions: up to a week for the price of one scan."""
    if window.length > LONGEST_EACH:  # the rollups know some of the dimensions
        return [summary(store, [name], window, filters=filters, by=group) for group in groups]
    wanted = metric(name)
    every = tuple(dict.fromkeys(dimension for group in groups for dimension in group))
    asked = Question(window=window, filters=filters, by=every, names=names_asked(wanted, wanted.relation))
    frames = points_by_each(store, wanted.relation, {"n": wanted.n, name: wanted.sql}, asked, groups)
    return [frame.with_columns(pl.col("n").fill_null(0).cast(pl.Int64)) for frame in frames]


def _computed(store: Store, names: Sequence[str], question: Question) -> pl.DataFrame:
    keys = [*(["bucket"] if question.bucket else []), *question.by]
    groups = _groups(names, question)
    frames = [_one(store, relation, group, question, {names[0]: "n"}) for relation, group in groups.items()]
    frame = frames[0]
    for other in frames[1:]:
        frame = _beside(frame, other, keys)
    return frame.select(*keys, pl.col("n").fill_null(0).cast(pl.Int64), *names)


def _groups(names: Sequence[str], question: Question) -> dict[Relation, list[Metric]]:
    groups: dict[Relation, list[Metric]] = {}
    for wanted in map(metric, names):
        groups.setdefault(_relation(wanted, question), []).append(wanted)
    return groups


def _relation(wanted: Metric, question: Question) -> Relation:
    rolled = wanted.rolled
    longest = LONGEST_RAW if wanted.relation is Relation.CALLS else LONGEST_JOINED
    if rolled and question.window.length > longest and can_answer(rolled.relation, question):
        return rolled.relation
    return wanted.relation


def _one(
    store: Store, relation: Relation, group: list[Metric], question: Question, counted: Mapping[str, str]
) -> pl.DataFrame:
    """The metrics of one relation; `counted`: of which the calls behind it are told, and in which column."""
    aggregates: dict[str, str] = {}
    for one in group:
        source = one if relation is one.relation or one.rolled is None else one.rolled
        aggregates[one.name] = source.sql
        if one.name in counted:
            aggregates[counted[one.name]] = source.n
    names = sorted({name for one in group for name in names_asked(one, relation)})
    asked = Question(
        window=question.window, bucket=question.bucket, filters=question.filters, by=question.by, names=names
    )
    return points(store, relation, aggregates, asked)


def names_asked(one: Metric, relation: Relation) -> tuple[str, ...]:
    """The `names` of a question: a metric's evaluation, its measure in a histogram, or what is no feedback."""
    if relation is Relation.FEEDBACK:
        return tuple(evaluators())
    name = one.rolled.measure if one.rolled and relation is Relation.HISTOGRAM else one.evaluator
    return (name,) if name else ()


def _beside(left: pl.DataFrame, right: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Rows of both, joined where bucket and slice are the same; an unknown dimension value is a value."""
    if not keys:
        return left.hstack(right)
    return left.join(right, on=keys, how="full", coalesce=True, nulls_equal=True).sort(keys, nulls_last=True)
