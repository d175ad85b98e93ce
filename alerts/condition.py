"""What a rule says of one window and slice: breached, not breached, or unknown, and why in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from alerts.engine.past import Grid, Past
from alerts.rule import MetricInfo, Rule
from store.alerting import Health
from store.declared import declared
from store.model import Sample, Window

CURRENT = "current"  # every kind measures a window of this name: its value is the alert's value


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """One slice's samples by the name of their window, for the window that ended at `end`.

    `past`: its values on a grid, where the kind asks for one. `fired_at`: since when it fires.
    """

    end: datetime
    samples: Mapping[str, Sample]
    past: Past | None = None
    fired_at: datetime | None = None

    def __getitem__(self, name: str) -> Sample:
        return self.samples[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`breached` None is unknown, then `cause` says which way. `threshold` is the bound `value` was held against.

    `baseline` is what is normal, where the kind knows it, `against` its name, and `normal` from where to where. `why`
    is a half-sentence for people, without the value, which stands beside it. `passed`: a bit for each step of several
    that is behind us.
    """

    breached: bool | None
    value: float | None
    n: int
    why: str
    threshold: float | None = None
    baseline: float | None = None
    normal: tuple[float, float] | None = None
    against: str = ""
    cause: Health = Health.OK
    passed: int = 0


def _no_grid(_rule: Rule) -> Grid | None:
    return None


def _no_thresholds(_rule: Rule) -> Sequence[float]:
    return ()


def _as_said(_table: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def needs_threshold(rule: Rule) -> Iterable[str]:
    """What is wrong with a rule that compares with a number."""
    if rule.threshold is None:
        yield f"'threshold' is missing (a rule of kind {rule.kind!r} compares with one)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of rule. `windows` names what must be measured for a window end; `judge(…, firing)` is pure.

    While an alert fires it is judged against the recovery threshold. `past`: the grid of earlier values that it needs.
    `usual`: what a rule's table leaves unsaid. `problems`: what is wrong with a rule of this kind. `periodic`: its
    alerts end with their period, and nobody is told that a month is over. `grid`: thresholds to try, the most sensitive
    first, where they do not depend on the metric.
    """

    name: str
    help: str
    windows: Callable[[Rule, datetime], Mapping[str, Window]]
    judge: Callable[[Rule, MetricInfo, Readings, bool], Verdict]
    past: Callable[[Rule], Grid | None] = _no_grid
    usual: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _as_said
    problems: Callable[[Rule], Iterable[str]] = needs_threshold
    periodic: bool = False
    grid: Callable[[Rule], Sequence[float]] = _no_thresholds


@cache
def kinds() -> Mapping[str, Kind]:
    """Every kind there is, by name."""
    return declared(Kind, "alerts.kinds")


def current(rule: Rule, end: datetime) -> Mapping[str, Window]:
    """The windows of a kind that looks at one only."""
    return {CURRENT: Window(start=end - rule.window, end=end)}


def exceeds(rule: Rule, value: float, bound: float) -> bool:
    match rule.comparison:
        case ">":
            return value > bound
        case ">=":
            return value >= bound
        case "<":
            return value < bound
        case _:
            return value <= bound


def beside(rule: Rule, breached: bool, limit: str) -> str:
    """`above the limit of 5 s`, or within it."""
    side = "above" if rule.rising else "below"
    return f"{side if breached else 'within'} the limit of {limit}"


def unknown(sample: Sample, why: str, cause: Health = Health.NO_DATA, baseline: float | None = None) -> Verdict:
    return Verdict(breached=None, value=sample.value, n=sample.n, why=why, cause=cause, baseline=baseline)


def absent(rule: Rule, metric: MetricInfo, of: Sample) -> Sample:
    """The reading of a slice that had no calls.

    A total that is feared to fall is then 0, and that is the finding. Otherwise nothing is known: a cost alert must not
    end because the logs stopped coming.
    """
    value = 0.0 if metric.kind == "total" and not rule.rising else None
    return Sample(slice=of.slice, value=value, n=0)
