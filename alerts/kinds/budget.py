"""A sum of money for a day, week or month: told when 50, 80 and 100 % are spent, and when it surely will not last.

Each step is told once a period. Nothing ends it but the end of the period, of which nobody is told.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alerts.condition import CURRENT, Kind, Readings, Verdict, needs_threshold
from alerts.engine.forecast import HISTORY, Forecast, forecast
from alerts.engine.past import Grid
from alerts.messages.wording import amount
from alerts.rule import MetricInfo, Rule
from store.model import Window

INSTANT = timedelta(microseconds=1)
LONGEST_MONTH = timedelta(days=32)


def usual(_table: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"metric": "cost_usd", "every": "15m"}


def problems(rule: Rule) -> Iterable[str]:
    yield from needs_threshold(rule)
    if rule.threshold is not None and rule.threshold <= 0:
        yield "'threshold' is the budget: it must be above 0"
    if not rule.rising:
        yield "a rule of kind 'budget' compares with > or >="
    if rule.hold or rule.recover_threshold is not None:
        yield "a budget is spent at once and for good: leave out 'for' and 'recover_threshold'"


def period(rule: Rule, end: datetime) -> Window:
    """The day, week (from Monday) or month in which the window ends, by the clock of the rule's time zone."""
    zone = ZoneInfo(rule.time_zone)
    day = (end - INSTANT).astimezone(zone).date()
    if rule.period == "week":
        day -= timedelta(days=day.weekday())
    elif rule.period == "month":
        day = day.replace(day=1)
    length = {"day": timedelta(days=1), "week": timedelta(days=7), "month": LONGEST_MONTH}[rule.period]
    until = (day + length).replace(day=1) if rule.period == "month" else day + length
    utc = end.tzinfo
    return Window(
        start=datetime.combine(day, time(0), zone).astimezone(utc),
        end=datetime.combine(until, time(0), zone).astimezone(utc),
    )


def windows(rule: Rule, end: datetime) -> Mapping[str, Window]:
    return {CURRENT: Window(start=period(rule, end).start, end=end)}


def past(rule: Rule) -> Grid | None:
    return Grid(step=timedelta(hours=1), memory=HISTORY) if rule.projected else None


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    now, whole = readings[CURRENT], period(rule, readings.end)
    budget, spent = rule.threshold or 0.0, now.value or 0.0
    steps = sorted(rule.steps)
    passed = sum(1 << place for place, step in enumerate(steps) if spent >= step * budget)
    will = forecast(readings.past, spent, readings.end, whole.end) if readings.past else None
    if will is not None and will.low > budget > spent:
        passed |= 1 << len(steps)
    told = firing and readings.fired_at is not None and readings.fired_at > whole.start
    return Verdict(
        breached=told or (bool(passed) and not firing),
        value=spent,
        n=now.n,
        why=_why(rule, metric, spent, will, whole.end),
        threshold=budget,
        passed=passed,
    )


def _why(rule: Rule, metric: MetricInfo, spent: float, will: Forecast | None, ends: datetime) -> str:
    budget = rule.threshold or 0.0
    share = f"{100 * spent / budget:.0f} %"
    said = f"{amount(spent, metric.unit)} of {amount(budget, metric.unit)} a {rule.period} spent ({share})"
    if will is None:
        return said
    last = (ends - INSTANT).astimezone(ZoneInfo(rule.time_zone))
    middle, low, high = (amount(value, metric.unit) for value in (will.value, will.low, will.high))
    return f"{said}; comes to {middle} ({low} to {high}) by {last:%-d %b}"


BUDGET = Kind(
    name="budget",
    help="A sum for a day, week or month: when parts of it are spent (`steps`), and when it will not last.",
    windows=windows,
    judge=judge,
    past=past,
    usual=usual,
    problems=problems,
    periodic=True,
)
