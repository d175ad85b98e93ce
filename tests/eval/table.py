"""Rows of the evaluation table, and the files behind them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from analytics.interval import Z_95, Interval, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`target`: the least (or with `at_most` the most) that is wanted; None: for information.

    `value`: None where the data is absent. `interval`: of 95 %. `why`: what is known of a missed target.
    """

    what: str
    data: str
    value: float | None
    n: int = 0
    target: float | None = None
    at_most: bool = False
    seed: int | None = None
    interval: Interval | None = None
    why: str = ""

    @property
    def verdict(self) -> str:
        """met, MISSED, skipped, or nothing where no target is set."""
        if self.value is None:
            return "skipped"
        if self.target is None:
            return ""
        value = round(self.value, 3)
        return "met" if (value <= self.target if self.at_most else value >= self.target) else "MISSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The folder of labelled data. `quick`: a tenth of the seeds, to see whether everything runs."""

    folder: Path
    quick: bool = False

    def some(self, n: int) -> int:
        return max(2, n // 10) if self.quick else n

    def records(self, name: str) -> list[dict[str, Any]] | None:
        """The records of a set, None when the file is not there."""
        path = self.folder / f"{name}.jsonl"
        return list(_lines(path)) if path.exists() else None


def absent(what: str, data: str) -> Figure:
    """The row of a set that is not there."""
    return Figure(what=what, data=data, value=None)


def share(what: str, data: str, hits: Sequence[float], **more: Any) -> Figure:
    """A share of yes and no (1 and 0), with Wilson's interval."""
    value = fmean(hits) if len(hits) else None
    return Figure(
        what=what, data=data, value=value, n=len(hits), interval=wilson(value or 0.0, len(hits)), **more
    )  # fmt: skip


def average(what: str, data: str, values: Sequence[float], **more: Any) -> Figure:
    """A mean of numbers between 0 and 1, with the interval of the normal distribution."""
    if not values:
        return Figure(what=what, data=data, value=None, **more)
    mean = fmean(values)
    error = Z_95 * stdev(values) / sqrt(len(values)) if len(values) > 1 else 1.0
    interval = Interval(max(0.0, mean - error), min(1.0, mean + error))
    return Figure(what=what, data=data, value=mean, n=len(values), interval=interval, **more)


def auroc(
    what: str, data: str, labels: Sequence[int] | npt.NDArray[Any], scores: Sequence[float] | npt.NDArray[Any],
    **more: Any,
) -> Figure:  # fmt: skip
    """AUROC with the interval of Hanley and McNeil (1982); skipped where there is one label only."""
    bad = int(np.sum(labels))
    good = len(labels) - bad
    if not bad or not good:
        return absent(what, f"{data}: one label only")
    a = float(roc_auc_score(labels, scores))
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = Z_95 * sqrt((a * (1 - a) + (bad - 1) * (q1 - a * a) + (good - 1) * (q2 - a * a)) / (bad * good))
    interval = Interval(max(0.0, a - error), min(1.0, a + error))
    return Figure(what=what, data=data, value=a, n=len(labels), interval=interval, **more)


def wanted(figure: Figure) -> str:
    return "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {figure.target:g}"


def between(figure: Figure) -> str:
    return f"{figure.interval.low:.3f}–{figure.interval.high:.3f}" if figure.interval else ""


def shown(figure: Figure) -> str:
    """One line of the table in a terminal, and one more for a miss that is explained."""
    head = f"{figure.what:<42} {figure.data:<36}"
    if figure.value is None:
        return f"{head} SKIPPED: no such data"
    value = f"{figure.value:8.3f}" if figure.value < 100 else f"{figure.value:8,.0f}"
    seed = "" if figure.seed is None else f"seed {figure.seed}"
    line = (
        f"{head} {value} {between(figure):<12} n={figure.n:<6} {wanted(figure):<8} {figure.verdict:<7} {seed}".rstrip()
    )
    return f"{line}\n{'':<43}why: {figure.why}" if figure.verdict == "MISSED" and figure.why else line


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)
