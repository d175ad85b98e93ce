"""What a rule says of one window and slice: breached, not breached, or unknown, and why in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from alerts.rule import MetricInfo, Rule
from store.alerting import Health
from store.declared import declared
from store.model import Sample, Window

CURRENT = "current"  # every kind measures a window of this name: its value is the alert's value

Readings = Mapping[str, Sample]  # one slice's samples by the name of their window


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`breached` None is unknown, then `cause` says which way. `threshold` is the bound `value` was held against.

    `baseline` is what is normal, where the kind knows it. `why` is a half-sentence for people.
    """

    breached: bool | None
    value: float | None
    n: int
    why: str
    threshold: float | None = None
    baseline: float | None = None
    cause: Health = Health.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of rule. `windows` names what must be measured for a window end; `judge(…, firing)` is pure.

    While an alert fires it is judged against the recovery threshold.
    """

    name: str
    help: str
    windows: Callable[[Rule, datetime], Mapping[str, Window]]
    judge: Callable[[Rule, MetricInfo, Readings, bool], Verdict]


def kinds() -> Mapping[str, Kind]:
    return declared(Kind, "alerts.kinds")


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


def unknown(sample: Sample, why: str, cause: Health = Health.NO_DATA, baseline: float | None = None) -> Verdict:
    return Verdict(breached=None, value=sample.value, n=sample.n, why=why, cause=cause, baseline=baseline)


def absent(rule: Rule, metric: MetricInfo, of: Sample) -> Sample:
    """The reading of a slice that had no calls.

    A total that is feared to fall is then 0, and that is the finding. Otherwise nothing is known: a cost alert must not
    end because the logs stopped coming.
    """
    value = 0.0 if metric.kind == "total" and not rule.rising else None
    return Sample(slice=of.slice, value=value, n=0)
