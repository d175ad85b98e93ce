"""Calls that stop coming."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alerts.condition import CURRENT, Kind, Readings, Verdict, unknown
from alerts.messages.wording import calls
from alerts.rule import MetricInfo, Rule
from store.model import Window

BEFORE = "before"
LOOK_BACK = timedelta(days=1)


def windows(rule: Rule, end: datetime) -> Mapping[str, Window]:
    start = end - rule.window
    return {CURRENT: Window(start=start, end=end), BEFORE: Window(start=start - LOOK_BACK, end=start)}


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:  # noqa: ARG001 - one signature
    """Silence is a finding only where there were calls within the day before; a new installation is merely empty."""
    now, before = readings[CURRENT], readings[BEFORE]
    if now.n == 0 and before.n == 0:
        return unknown(now, "no calls for more than a day")
    why = f"there were {calls(before.n)} in the day before"
    return Verdict(breached=now.n == 0, value=float(now.n), n=now.n, why=why, threshold=0.0)


NO_DATA = Kind(
    name="no_data",
    help="No calls in the window, though there were some the day before.",
    windows=windows,
    judge=judge,
    problems=lambda _rule: (),
)
