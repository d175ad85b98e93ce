"""What a rule saw before, during and after an incident: the numbers behind every chart of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from store import alerts
from store.connection import Store
from store.model import Window

BEFORE, AFTER = timedelta(hours=3), timedelta(hours=1)
LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One evaluation. `at` is its window's end; an unknown value is a gap."""

    at: datetime
    value: float | None
    threshold: float | None = None
    baseline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """`firing` is the stretch to shade."""

    title: str
    unit: str
    points: Sequence[Point]
    firing: Window

    @property
    def drawable(self) -> bool:
        """Two known values are the least that is a line."""
        return sum(one.value is not None for one in self.points) > 1


def course(
    store: Store, rule_id: str, slice_: str, *, title: str, unit: str, begun: datetime, ended: datetime
) -> Course:
    """Return what the rule saw of a slice around the stretch in which it was breached."""
    firing = Window(start=begun, end=max(ended, begun + timedelta(seconds=1)))
    span = Window(start=max(begun - BEFORE, firing.end - LONGEST), end=firing.end + AFTER)
    seen = alerts.evaluations(store, rule_id, span).filter(pl.col("slice") == slice_).sort("window_end")
    points = [
        Point(at=row["window_end"], value=row["value"], threshold=row["threshold"], baseline=row["baseline"])
        for row in seen.iter_rows(named=True)
    ]
    return Course(title=title, unit=unit, points=points, firing=firing)
