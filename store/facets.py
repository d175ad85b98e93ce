"""What there is to choose from: the values of a dimension, how far the data reaches, how fresh it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from store import rollup
from store.connection import Store
from store.errors import ConfigError
from store.model import DIMENSIONS, Window

LONGEST_RAW = timedelta(days=2)  # beyond that the rollups are faster
VALUES_SQL = """
    SELECT {dimension} AS value, count(*) AS calls
    FROM data.calls
    WHERE event_time >= $start AND event_time < $end AND {dimension} IS NOT NULL
    GROUP BY 1
    ORDER BY calls DESC, value
    LIMIT $limit
"""
ROLLED_VALUES_SQL = """
    SELECT {dimension} AS value, sum(calls)::BIGINT AS calls
    FROM ({rows})
    WHERE {dimension} IS NOT NULL
    GROUP BY 1
    ORDER BY calls DESC, value
    LIMIT $limit
"""
PROMPTS_SQL = """
    SELECT prompt_name, prompt_version, count(*) AS calls, min(event_time) AS first_at, max(event_time) AS last_at
    FROM data.calls
    WHERE event_time >= $start AND event_time < $end AND prompt_name IS NOT NULL
    GROUP BY 1, 2
    ORDER BY calls DESC, prompt_name, prompt_version
    LIMIT $limit
"""
EXTENT_SQL = "SELECT count(*), min(event_time), max(event_time), max(ingested_at) FROM data.calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is there: calls, first and last event, and when the last one came in. None: nothing yet."""

    calls: int
    first_at: datetime | None
    last_at: datetime | None
    ingested_at: datetime | None


def values(store: Store, dimension: str, window: Window, *, limit: int = 1000) -> pl.DataFrame:
    """The known values of a dimension in a window, most used first: `value`, `calls`.

    Raises ConfigError for a dimension that does not exist.
    """
    if dimension not in DIMENSIONS:
        raise ConfigError(f"no dimension is called {dimension!r}: use one of {', '.join(DIMENSIONS)}")
    params = _within(window, limit)
    if dimension not in rollup.HOURS.dimensions or window.length <= LONGEST_RAW:
        return store.read(VALUES_SQL.format(dimension=dimension), params)
    rows = rollup.fresh(store, rollup.HOURS, window, params)
    return store.read(ROLLED_VALUES_SQL.format(dimension=dimension, rows=rows), params)


def prompts(store: Store, window: Window, *, limit: int = 1000) -> pl.DataFrame:
    """Prompts with their versions: `prompt_name`, `prompt_version`, `calls`, `first_at`, `last_at`."""
    return store.read(PROMPTS_SQL, _within(window, limit))


def extent(store: Store) -> Extent:
    calls, first_at, last_at, ingested_at = store.read(EXTENT_SQL).row(0)
    return Extent(calls=calls, first_at=first_at, last_at=last_at, ingested_at=ingested_at)


def _within(window: Window, limit: int) -> dict[str, Any]:
    return {"start": window.start, "end": window.end, "limit": limit}
