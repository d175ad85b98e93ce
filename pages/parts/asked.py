"""What pages ask, kept for a minute: people who look at the same minute share one answer.

Keys are plain values and windows that end on a whole minute; the path of the database is one of them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from analytics import contributors as suspects
from analytics import distribution as distributions
from analytics import metric, projection, standing
from analytics.contributors import Contribution
from analytics.prices import in_force
from analytics.projection import Month
from analytics.standing import Standing
from analytics.window import bucket_for, whole
from leeway.runtime import Runtime, current
from store import browse, facets
from store.connection import Store
from store.model import Filters, Window

TTL = timedelta(minutes=1)
ACTOR = "dashboard"  # who the audit log names: the pages know no logins
MOST_VALUES = 200  # a longer list is searched by typing, not by scrolling

_Key = tuple[str, tuple[str, ...], datetime, datetime, tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]


def runtime() -> Runtime:
    return current()


def store() -> Store:
    return current().store


def base_url() -> str:
    """Where people reach these pages."""
    return str(current().alert_settings.base_url).rstrip("/")


def series(
    names: Sequence[str],
    window: Window,
    filters: Filters,
    *,
    by: Sequence[str] = (),
    bucket: timedelta | None = None,
) -> pl.DataFrame:
    """Whole buckets of some metrics: `bucket`, the dimensions of `by`, `n`, and one column a metric."""
    step = bucket or bucket_for(window)
    return _series(store(), _key(names, whole(window, step), filters, by), step)


def summary(names: Sequence[str], window: Window, filters: Filters, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """One row a slice: the dimensions of `by`, `n`, and one column a metric."""
    return _summary(store(), _key(names, window, filters, by))


def values(dimension: str, window: Window) -> list[str]:
    """What a dimension holds in a window, most used first; prompts with their versions as `name@version`."""
    return _values(store(), str(store().settings.path), dimension, window.start, window.end)


@st.cache_data(ttl=TTL, max_entries=200, show_spinner=False)
def _values(_store: Store, path: str, dimension: str, start: datetime, end: datetime) -> list[str]:  # noqa: ARG001 - the path is part of the key
    window = Window(start=start, end=end)
    if dimension != "prompt_name":
        return facets.values(_store, dimension, window, limit=MOST_VALUES)["value"].to_list()
    found = facets.prompts(_store, window, limit=MOST_VALUES)
    labels = ((row["prompt_name"], row["prompt_version"]) for row in found.iter_rows(named=True))
    return list(
        dict.fromkeys(
            label for name, version in labels for label in (name, f"{name}@{version}") if version or label == name
        )
    )


def _key(names: Sequence[str], window: Window, filters: Filters, by: Sequence[str]) -> _Key:
    path = str(store().settings.path)
    kept = tuple(sorted((name, tuple(values)) for name, values in filters.items()))
    return path, tuple(names), window.start, window.end, kept, tuple(by)


@st.cache_data(ttl=TTL, max_entries=500, show_spinner=False)
def _series(_store: Store, key: _Key, bucket: timedelta) -> pl.DataFrame:
    _, names, start, end, filters, by = key
    window = Window(start=start, end=end)
    return metric.series(_store, names, window, bucket=bucket, filters=dict(filters), by=by)


@st.cache_data(ttl=TTL, max_entries=500, show_spinner=False)
def _summary(_store: Store, key: _Key) -> pl.DataFrame:
    _, names, start, end, filters, by = key
    return metric.summary(_store, names, Window(start=start, end=end), filters=dict(filters), by=by)


def month(filters: Filters, now: datetime) -> Month:
    """The calendar month's bill, to the minute."""
    return _month(store(), _key((), Window(start=minute(now), end=minute(now)), filters, ()))


@st.cache_data(ttl=TTL, max_entries=50, show_spinner=False)
def _month(_store: Store, key: _Key) -> Month:
    return projection.month(_store, now=key[3], filters=dict(key[4]))


def contributors(name: str, window: Window, reference: Window, filters: Filters) -> list[Contribution]:
    """The slices that carry a metric's change, most telling first."""
    return _contributors(store(), _key((name,), window, filters, ()), reference.start, reference.end)


@st.cache_data(ttl=TTL, max_entries=100, show_spinner=False)
def _contributors(_store: Store, key: _Key, start: datetime, end: datetime) -> list[Contribution]:
    _, names, *bounds, filters, _ = key
    window, reference = Window(start=bounds[0], end=bounds[1]), Window(start=start, end=end)
    return suspects.contributors(_store, names[0], window, reference, filters=dict(filters))


def distribution(evaluator: str, window: Window, filters: Filters) -> pl.DataFrame:
    """How an evaluator's values spread: `low`, `n`, `share`."""
    return _distribution(store(), _key((evaluator,), window, filters, ()))


@st.cache_data(ttl=TTL, max_entries=100, show_spinner=False)
def _distribution(_store: Store, key: _Key) -> pl.DataFrame:
    _, names, start, end, filters, _ = key
    return distributions.distribution(_store, names[0], Window(start=start, end=end), filters=dict(filters))


def standings() -> dict[str, Standing]:
    """By evaluator: what waits, which engine and threshold are in use and how far to trust it."""
    return _standings(runtime(), str(store().settings.path))


@st.cache_data(ttl=TTL, max_entries=4, show_spinner=False)
def _standings(_runtime: Runtime, path: str) -> dict[str, Standing]:  # noqa: ARG001 - the path is part of the key
    return standing.standings(_runtime.store, _runtime.settings.scoring, now=_runtime.now())


def prices(window: Window) -> pl.DataFrame:
    """The price table in force for what was called; columns of `analytics.prices.in_force`."""
    return _prices(store(), str(store().settings.path), window.start, window.end)


@st.cache_data(ttl=TTL, max_entries=20, show_spinner=False)
def _prices(_store: Store, path: str, start: datetime, end: datetime) -> pl.DataFrame:  # noqa: ARG001 - the path is part of the key
    return in_force(_store, Window(start=start, end=end))


def call(call_id: str) -> dict[str, Any] | None:
    """One call, as `store.browse.call`."""
    return _call(store(), str(store().settings.path), call_id)


@st.cache_data(ttl=TTL, max_entries=200, show_spinner=False)
def _call(_store: Store, path: str, call_id: str) -> dict[str, Any] | None:  # noqa: ARG001 - the path is part of the key
    return browse.call(_store, call_id=call_id)


def minute(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(second=0, microsecond=0)
