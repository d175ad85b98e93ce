"""How fast the errors that an objective allows are used up: over the window, and over its last twelfth.

Of the SRE workbook, chapter 5: 14.4 times over 1 h (2 % of a month's errors) wakes people, 6 times over 6 h (5 %) too,
1 time over 3 d (10 %) can wait for the morning. The short window makes it end soon after the errors do. For a service
with an objective and much traffic; at a few calls an hour a `rate` is quieter.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.condition import CURRENT, Kind, Readings, Verdict, needs_threshold, unknown
from alerts.kinds.rate import FEWEST_BAD
from alerts.messages.wording import calls
from alerts.rule import MetricInfo, Rule
from store.duration import words
from store.model import Sample, Window

RECENT = "recent"
SHARE_OF_WINDOW = 12
RECOVERY = 0.9


def usual(_table: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"metric": "error_rate", "threshold": 14.4, "objective": 0.99, "window": "1h"}


def problems(rule: Rule) -> Iterable[str]:
    yield from needs_threshold(rule)
    if not rule.rising:
        yield "a rule of kind 'burn_rate' compares with > or >="
    if rule.objective is None:
        yield "'objective' is missing: the share of calls that is to be good (0.99)"
    elif rule.threshold is not None and not 0 < rule.threshold * (1 - rule.objective) <= 1:
        yield f"'threshold': no more than {1 / (1 - rule.objective):.3g} times what the objective allows can go wrong"


def windows(rule: Rule, end: datetime) -> Mapping[str, Window]:
    return {
        CURRENT: Window(start=end - rule.window, end=end),
        RECENT: Window(start=end - rule.window / SHARE_OF_WINDOW, end=end),
    }


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    whole, recent = readings[CURRENT], readings[RECENT]
    if whole.value is None or whole.n < max(1, rule.samples_needed(metric)):
        return unknown(whole, f"only {calls(whole.n)} in {words(rule.window)}")
    limit = _limit(rule, firing)
    enough = firing or round(whole.value * whole.n) >= FEWEST_BAD
    suspect = enough and whole.value > limit
    if suspect and (recent.value is None or recent.n == 0):
        return unknown(whole, f"no calls in the last {words(rule.window / SHARE_OF_WINDOW)}")
    return Verdict(
        breached=suspect and recent.value is not None and recent.value > limit,
        value=whole.value,
        n=whole.n,
        why=_why(rule, whole, recent),
        threshold=limit,
        baseline=None if rule.objective is None else 1 - rule.objective,
        against="what the objective allows",
    )


def _limit(rule: Rule, firing: bool) -> float:
    factor = rule.threshold or 0.0
    if firing:
        factor = RECOVERY * factor if rule.recover_threshold is None else rule.recover_threshold
    return factor * (1 - (rule.objective or 0.0))


def _why(rule: Rule, whole: Sample, recent: Sample) -> str:
    allowed = 1 - (rule.objective or 0.0)
    last = "no calls" if recent.value is None else f"{recent.value / allowed:.3g}×"
    return (
        f"errors are used up {(whole.value or 0.0) / allowed:.3g}× as fast as the objective allows, "
        f"{last} in the last {words(rule.window / SHARE_OF_WINDOW)}; limit {rule.threshold:g}×"
    )


BURN_RATE = Kind(
    name="burn_rate",
    help="How fast the errors that an objective allows are used up, over the window and over its last twelfth.",
    windows=windows,
    judge=judge,
    usual=usual,
    problems=problems,
    grid=lambda _rule: (1.0, 2.0, 3.0, 6.0, 10.0, 14.4, 20.0),
)
