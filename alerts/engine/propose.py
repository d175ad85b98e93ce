"""The most sensitive setting of a rule that would hardly ever have fired for nothing in this user's own history.

What fired in those weeks counts as false, real or not: a proposal errs on the quiet side, and its backtest is shown.
The next weeks bring values that the last did not: what is proposed would have been quiet with a part to SPARE.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.backtest import FEWEST_WINDOWS, ends, replayed_every
from alerts.condition import CURRENT, kinds
from alerts.engine.advance import advance
from alerts.engine.numbers import Numbers
from alerts.rule import MetricInfo, Rule
from alerts.settings import AlertSettings
from alerts.state import Alert
from store.model import Window

QUIET = 0.1  # episodes a week
WEEK = timedelta(days=7)
MOST = 1400  # evaluations of one try
HOLDS = (timedelta(0), timedelta(minutes=15), timedelta(minutes=30))
TRIES = 12  # thresholds between the usual and the most that was seen
SPARE = 0.2  # of a threshold: had it been so much nearer, it would have been quiet all the same
MARGIN = 1.02 * (1 + SPARE)  # times a value that was seen: just beyond it, with that to spare


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """`a_week`: how often `rule` would have fired a week, over all its slices."""

    rule: Rule
    a_week: float


def propose(
    rule: Rule, window: Window, *, numbers: Numbers, metrics: Mapping[str, MetricInfo], settings: AlertSettings,
    quiet: float = QUIET,
) -> Proposal | None:  # fmt: skip
    """Return `rule` with the threshold and `for` that find most and yet stay below `quiet`.

    None when nothing does, or when the kind has nothing to choose. A shorter `for` and a nearer threshold are more
    sensitive; of two the one that any breach reaches first wins.
    """
    if rule.threshold is None or kinds()[rule.kind].periodic:
        return None
    metric = metrics[rule.metric]
    slices = len(numbers.samples(rule, window)) if rule.group_by else 1
    every = replayed_every(rule, window, max(FEWEST_WINDOWS, MOST // max(1, slices)))
    due = ends(window, every)
    numbers.read_ahead(rule, metric, due, every)
    grid = _thresholds(rule, metric, due, numbers)
    weeks = window.length / WEEK

    def often(one: Rule) -> float:
        return _episodes(one, metric, due, numbers, settings.max_slices) / weeks

    found = [one for hold in _holds(rule) if (one := _nearest(rule, hold, grid, often, quiet))]
    return min(found, key=lambda one: (_reach(one.rule), one.a_week), default=None)


def _holds(rule: Rule) -> Sequence[timedelta]:
    fits = [hold for hold in HOLDS if hold == timedelta(0) or hold >= rule.every]
    return fits if kinds()[rule.kind].past(rule) is None else [rule.hold]


def _reach(rule: Rule) -> float:
    """How far something must go before it is found; waiting counts a tenth for each window that must pass."""
    threshold = rule.threshold or 0.0
    waits = 1 + 0.1 * (rule.hold / rule.every)
    return threshold * waits if rule.rising else -threshold / waits


def _nearest(
    rule: Rule, hold: timedelta, grid: Sequence[float], often: Callable[[Rule], float], quiet: float
) -> Proposal | None:
    """The most sensitive threshold of `grid` (most sensitive first) that is quiet; it gets quieter along the grid."""
    low, high = 0, len(grid) - 1
    best: Rule | None = None
    while low <= high:
        middle = (low + high) // 2
        tried = rule.model_copy(update={"threshold": grid[middle], "hold": hold, "recover_threshold": None})
        nearer = tried.model_copy(update={"threshold": _nearer(tried)})
        if often(nearer) <= quiet:
            best, high = tried, middle - 1
        else:
            low = middle + 1
    return Proposal(rule=best, a_week=often(best)) if best else None


def _nearer(rule: Rule) -> float:
    threshold = rule.threshold or 0.0
    return threshold / (1 + SPARE) if rule.rising else threshold * (1 + SPARE)


def _thresholds(rule: Rule, metric: MetricInfo, due: Sequence[datetime], numbers: Numbers) -> list[float]:
    """What could be a threshold, the most sensitive first: what the kind suggests, else what was seen."""
    offered = kinds()[rule.kind].grid(rule)
    if offered:
        return list(offered)
    values = sorted(_seen(rule, metric, due, numbers), reverse=not rule.rising)
    if not values:
        return []
    beyond = MARGIN if rule.rising else 1 / MARGIN
    usual = values[len(values) // 2 :]
    picked = [beyond * usual[place * (len(usual) - 1) // TRIES] for place in range(TRIES + 1)]
    return list(dict.fromkeys(float(f"{value:.3g}") for value in picked))


def _seen(rule: Rule, metric: MetricInfo, due: Sequence[datetime], numbers: Numbers) -> list[float]:
    needed = max(1, rule.samples_needed(metric))
    windows = (kinds()[rule.kind].windows(rule, end)[CURRENT] for end in due)
    samples = (sample for window in windows for sample in numbers.samples(rule, window))
    return [sample.value for sample in samples if sample.value is not None and sample.n >= needed]


def _episodes(rule: Rule, metric: MetricInfo, due: Sequence[datetime], numbers: Numbers, most: int) -> int:
    """How often it would have fired, by the engine's own steps; messages and incidents are not made."""
    alerts: dict[str, Alert] = {}
    fired = 0
    for end in due:
        for one in advance(rule, metric, alerts, end, numbers=numbers, most=most).steps:
            fired += one.event == "fired"
            alerts[one.key] = one.after
    return fired
