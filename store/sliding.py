"""One aggregate over windows that overlap: every call is counted in each window that holds it, in one scan."""

from dataclasses import dataclass, field
from datetime import timedelta
from math import gcd
from typing import Any

import polars as pl

from store.conditions import condition
from store.connection import Store
from store.model import Filters, Window
from store.points import NAMED, RAW, Relation
from store.relations import BOUND

# Time is cut into pieces that fit both the windows and their distance; a window is so many pieces.
SLIDING_SQL = """
    SELECT time_bucket($piece, event_time) + ($piece * (ahead + 1)) AS window_end, {keys}
        CAST(({n}) AS BIGINT) AS n, CAST(({sql}) AS DOUBLE) AS value
    FROM (SELECT * FROM ({rows}) WHERE {where}) AS r, (SELECT unnest(range($pieces)) AS ahead) AS later
    WHERE window_end >= $first AND window_end <= $last AND time_bucket($every, window_end) = window_end
    GROUP BY ALL
    ORDER BY ALL
"""
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlapping:
    """Windows of `length` that end at each multiple of `every` from `ends.start` to `ends.end`, both included."""

    ends: Window
    length: timedelta
    every: timedelta
    filters: Filters = field(default_factory=dict)
    by: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def sliding(store: Store, relation: Relation, *, sql: str, n: str, asked: Overlapping) -> pl.DataFrame:
    """Return `window_end`, the dimensions of `by`, `n` and `value`; windows without rows are left out.

    `sql` and `n` are aggregates of ours. Raises ConfigError for a dimension that does not exist.
    """
    piece = gcd(asked.length // SECOND, asked.every // SECOND) * SECOND
    params: dict[str, Any] = {
        "piece": piece, "pieces": asked.length // piece, "every": asked.every, "first": asked.ends.start,
        "last": asked.ends.end, "start": asked.ends.start - asked.length, "end": asked.ends.end,
    }  # fmt: skip
    where = condition(asked.filters, params)
    rows = RAW[relation].format(**BOUND)
    if relation in NAMED:
        params["names"] = list(asked.names)
    keys = "".join(f"{name}, " for name in asked.by)
    return store.read(SLIDING_SQL.format(keys=keys, n=n, sql=sql, rows=rows, where=where), params)
