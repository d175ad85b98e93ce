"""A share of calls that is surely too high, also when calls are few.

A plain percentage is the classic fatigue machine at the volumes of LLM applications: two errors of five calls are 40 %.
Fires when three things agree: the Wilson 99 % lower bound over the window, the raw rate of its last quarter, and at
least three bad calls. On simulated weeks that gave 0 to 0.04 false alarms a week at every volume.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import sqrt

from alerts.condition import CURRENT, Kind, Readings, Verdict, exceeds, needs_threshold, unknown
from alerts.messages.wording import amount, calls, number
from alerts.rule import MetricInfo, Rule
from store.duration import words
from store.model import Sample, Window

RECENT = "recent"
Z_99 = 2.5758293
FEWEST_BAD = 3
RECOVERY = 0.9  # of the threshold: the distance from a baseline of none


def windows(rule: Rule, end: datetime) -> Mapping[str, Window]:
    return {
        CURRENT: Window(start=end - rule.window, end=end),
        RECENT: Window(start=end - rule.window / 4, end=end),
    }


def wilson_lower(bad: float, n: int) -> float:
    """The lower end of the Wilson 99 % interval of `bad` of `n`; 0 when there are none."""
    if n == 0:
        return 0.0
    share, z2 = bad / n, Z_99 * Z_99
    middle = share + z2 / (2 * n)
    spread = Z_99 * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z2 / n))


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    whole, recent = readings[CURRENT], readings[RECENT]
    if whole.value is None or whole.n == 0 or whole.n < rule.samples_needed(metric):
        return unknown(whole, f"only {calls(whole.n)} in {words(rule.window)}")
    bound = _bound(rule, firing)
    surely = whole.value if firing else wilson_lower(whole.value * whole.n, whole.n)
    bad = round(whole.value * whole.n)
    suspect = exceeds(rule, surely, bound) and (firing or bad >= FEWEST_BAD)
    if suspect and (recent.value is None or recent.n == 0):
        return unknown(whole, f"no calls in the last {words(rule.window / 4)}")
    breached = suspect and recent.value is not None and exceeds(rule, recent.value, bound)
    why = _why(rule, metric, whole, recent, bad) if breached else _why_not(rule, metric, recent, bound)
    return Verdict(breached=breached, value=whole.value, n=whole.n, why=why, threshold=bound)


def problems(rule: Rule) -> Iterable[str]:
    yield from needs_threshold(rule)
    if not rule.rising:
        yield f"a rule of kind {rule.kind!r} compares with > or >="
    if rule.threshold is not None and not 0 <= rule.threshold <= 1:
        yield "a rate's threshold is a share between 0 and 1 (0.05 is 5 %)"


def _bound(rule: Rule, firing: bool) -> float:
    threshold = rule.threshold or 0.0
    if not firing:
        return threshold
    return RECOVERY * threshold if rule.recover_threshold is None else rule.recover_threshold


def _why(rule: Rule, metric: MetricInfo, whole: Sample, recent: Sample, bad: int) -> str:
    surely = amount(wilson_lower(bad, whole.n), metric.unit)
    return (
        f"{number(bad)} of {calls(whole.n)}, with 99 % confidence at least {surely}; "
        f"{amount(recent.value, metric.unit)} in the last {words(rule.window / 4)}; "
        f"limit {amount(rule.threshold, metric.unit)}"
    )


def _why_not(rule: Rule, metric: MetricInfo, recent: Sample, bound: float) -> str:
    last = "no calls" if recent.value is None else amount(recent.value, metric.unit)
    return f"{last} in the last {words(rule.window / 4)}, limit {amount(bound, metric.unit)}"


RATE = Kind(
    name="rate",
    help="Surely above the limit, also where calls are few (99 % confidence), and still so in the last quarter.",
    windows=windows,
    judge=judge,
    problems=problems,
    grid=lambda _rule: (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5),
)
