"""A metric against itself earlier: the previous period, or the same hours last week."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alerts.condition import CURRENT, Kind, Readings, Verdict, exceeds, unknown
from alerts.messages.wording import calls
from alerts.rule import MetricInfo, Rule
from store.alerting import Health
from store.duration import words
from store.model import Window

REFERENCE = "reference"
WEEK = timedelta(days=7)
RECOVERY = 0.9  # of the way from "as before" to the threshold

TIMES = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0)


def windows(rule: Rule, end: datetime) -> Mapping[str, Window]:
    current = Window(start=end - rule.window, end=end)
    last_week = Window(start=current.start - WEEK, end=end - WEEK)
    return {CURRENT: current, REFERENCE: current.before() if rule.against == "previous" else last_week}


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    now, then = readings[CURRENT], readings[REFERENCE]
    needed = rule.samples_needed(metric)
    if now.value is None or now.n < needed:
        return unknown(now, f"only {calls(now.n)} in {words(rule.window)}")
    if not then.value or then.n < max(needed, 1):
        return unknown(now, f"nothing to compare with: {calls(then.n)} in {_then(rule)}", Health.INSUFFICIENT_BASELINE)
    ratio = now.value / then.value
    bound = _bound(rule, firing)
    return Verdict(
        breached=exceeds(rule, ratio, bound),
        value=now.value,
        n=now.n,
        why=f"{ratio:.3g}× {_then(rule)}, limit {bound:.3g}×",
        threshold=bound * then.value,
        baseline=then.value,
        against=_then(rule),
    )


def _bound(rule: Rule, firing: bool) -> float:
    threshold = rule.threshold or 0.0
    if not firing:
        return threshold
    return 1 + RECOVERY * (threshold - 1) if rule.recover_threshold is None else rule.recover_threshold


def _then(rule: Rule) -> str:
    return f"the {words(rule.window)} before" if rule.against == "previous" else "the same hours last week"


CHANGE = Kind(
    name="change",
    help="The metric as a multiple of the previous period or of the same hours last week.",
    windows=windows,
    judge=judge,
    grid=lambda rule: TIMES if rule.rising else tuple(1 / times for times in TIMES),
)
