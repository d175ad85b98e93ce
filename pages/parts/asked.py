"""What pages ask, kept for a minute: people who look at the same minute share one answer.

Keys are plain values and windows that end on a whole minute; the path of the database is one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from analytics import campaigns as together
from analytics import consistency, metric, projection, standing
from analytics import contributors as suspects
from analytics import distribution as distributions
from analytics import identity as identities
from analytics.campaigns import Campaign
from analytics.consistency import Contradiction
from analytics.contributors import Contribution
from analytics.evaluator import Evaluator
from analytics.identity import Identity
from analytics.prices import in_force
from analytics.projection import Month
from analytics.standing import Standing
from analytics.window import bucket_for, whole
from leeway.runtime import Runtime, current
from store import browse, facets, reviews, scoring
from store.connection import Store
from store.model import Filters, Sample, Window

TTL = timedelta(minutes=1)
ACTOR = "dashboard"  # who the audit log names: the pages know no logins
MOST_VALUES = 200  # a longer list is searched by typing, not by scrolling


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
    question = Asked(tuple(names), whole(window, step), filters, tuple(by))
    return _series(store(), question, step, question.key)


def summary(names: Sequence[str], window: Window, filters: Filters, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """One row a slice: the dimensions of `by`, `n`, and one column a metric."""
    question = Asked(tuple(names), window, filters, tuple(by))
    return _summary(store(), question, question.key)


def tally(names: Sequence[str], window: Window, filters: Filters) -> dict[str, Sample]:
    """Each metric of a window, with the calls behind it."""
    question = Asked(tuple(names), window, filters)
    return _tally(store(), question, question.key)


def calls(window: Window, filters: Filters) -> int:
    """How many calls there are."""
    return tally(["calls"], window, filters)["calls"].n


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a window. Streamlit hashes its `key`: to hash it field by field costs ten times as much."""

    names: tuple[str, ...]
    window: Window
    filters: Filters
    by: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{store().settings.path} {self}"


@st.cache_data(ttl=TTL, max_entries=500, show_spinner=False)
def _series(_store: Store, _question: Asked, bucket: timedelta, key: str) -> pl.DataFrame:  # noqa: ARG001 - the key
    names, window, filters, by = _question.names, _question.window, _question.filters, _question.by
    return metric.series(_store, names, window, bucket=bucket, filters=filters, by=by)


@st.cache_data(ttl=TTL, max_entries=500, show_spinner=False)
def _summary(_store: Store, _question: Asked, key: str) -> pl.DataFrame:  # noqa: ARG001
    return metric.summary(_store, _question.names, _question.window, filters=_question.filters, by=_question.by)


@st.cache_data(ttl=TTL, max_entries=500, show_spinner=False)
def _tally(_store: Store, _question: Asked, key: str) -> dict[str, Sample]:  # noqa: ARG001
    return metric.tally(_store, _question.names, _question.window, filters=_question.filters)


def month(filters: Filters, now: datetime) -> Month:
    """The calendar month's bill, to the minute."""
    question = Asked((), Window(start=minute(now), end=minute(now)), filters)
    return _month(store(), question, question.key)


@st.cache_data(ttl=TTL, max_entries=50, show_spinner=False)
def _month(_store: Store, _question: Asked, key: str) -> Month:  # noqa: ARG001
    return projection.month(_store, now=_question.window.end, filters=_question.filters)


def contributors(name: str, window: Window, reference: Window, filters: Filters) -> list[Contribution]:
    """The slices that carry a metric's change, most telling first."""
    question = Asked((name,), window, filters)
    return _contributors(store(), question, reference, f"{question.key} {reference}")


@st.cache_data(ttl=TTL, max_entries=100, show_spinner=False)
def _contributors(_store: Store, _question: Asked, _reference: Window, key: str) -> list[Contribution]:  # noqa: ARG001
    return suspects.contributors(_store, _question.names[0], _question.window, _reference, filters=_question.filters)


def distribution(evaluator: str, window: Window, filters: Filters) -> pl.DataFrame:
    """How an evaluator's values spread: `low`, `n`, `share`."""
    question = Asked((evaluator,), window, filters)
    return _distribution(store(), question, question.key)


@st.cache_data(ttl=TTL, max_entries=100, show_spinner=False)
def _distribution(_store: Store, _question: Asked, key: str) -> pl.DataFrame:  # noqa: ARG001
    return distributions.distribution(_store, _question.names[0], _question.window, filters=_question.filters)


def identity(window: Window, filters: Filters) -> Identity:
    """Answers by the group of people that prompts mention."""
    question = Asked((), window, filters)
    return _identity(store(), question, question.key)


@st.cache_data(ttl=TTL, max_entries=20, show_spinner=False)
def _identity(_store: Store, _question: Asked, key: str) -> Identity:  # noqa: ARG001
    return identities.identity(_store, _question.window, _question.filters)


def contradictions(window: Window, filters: Filters) -> list[Contradiction]:
    """Answers that contradict one another, newest first."""
    question = Asked((), window, filters)
    return _contradictions(store(), question, question.key)


@st.cache_data(ttl=TTL, max_entries=20, show_spinner=False)
def _contradictions(_store: Store, _question: Asked, key: str) -> list[Contradiction]:  # noqa: ARG001
    return consistency.contradictions(_store, _question.window, _question.filters)


def campaigns(window: Window, filters: Filters) -> list[Campaign]:
    """Attempts on the model that are nearly the same, the largest campaign first."""
    question = Asked((), window, filters)
    return _campaigns(store(), question, question.key)


@st.cache_data(ttl=TTL, max_entries=20, show_spinner=False)
def _campaigns(_store: Store, _question: Asked, key: str) -> list[Campaign]:  # noqa: ARG001
    return together.campaigns(_store, _question.window, _question.filters)


def standings() -> dict[str, Standing]:
    """By evaluator: what waits, which engine and threshold are in use and how far to trust it."""
    return _standings(runtime(), str(store().settings.path))


@st.cache_data(ttl=TTL, max_entries=4, show_spinner=False)
def _standings(_runtime: Runtime, path: str) -> dict[str, Standing]:  # noqa: ARG001 - the path is part of the key
    return standing.standings(_runtime.store, _runtime.settings.scoring, now=_runtime.now())


def versions() -> dict[str, dict[str, int]]:
    """By evaluator: how many calls have their newest score of which engine and version."""
    return _versions(runtime(), str(store().settings.path))


@st.cache_data(ttl=TTL, max_entries=4, show_spinner=False)
def _versions(_runtime: Runtime, path: str) -> dict[str, dict[str, int]]:  # noqa: ARG001
    found: dict[str, dict[str, int]] = {}
    since = _runtime.now() - _runtime.settings.scoring.lookback
    for name, evaluator, calls in scoring.versions(_runtime.store, since=since).rows():
        found.setdefault(name, {})[evaluator] = calls
    return found


def labels(evaluator: Evaluator) -> list[dict[str, Any]]:
    """What people said of an evaluator's calls, as `store.reviews.labels`."""
    return _labels(store(), evaluator.name, evaluator.flagged, str(store().settings.path))


@st.cache_data(ttl=TTL, max_entries=50, show_spinner=False)
def _labels(_store: Store, name: str, flagged: str, path: str) -> list[dict[str, Any]]:  # noqa: ARG001
    return reviews.labels(_store, name, label=flagged)


def scores_changed() -> None:
    """Ask anew: somebody has just labelled a call, or changed how calls are scored."""
    _labels.clear()
    _standings.clear()


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
