"""How often the default rules fire for nothing, and how soon they find what was planted, on synthetic series.

Levels: 15-minute windows with a daily and a weekly season, AR(1) noise (0.6) of Student's t with 4 degrees of freedom
and a slow wander; eight weeks of history, six weeks scored. Rates: 15-minute windows of Poisson many calls, a share of
them bad. The rules are the defaults, stepped by the engine's own `advance`; a `threshold` and a `change` have no
default but what the product proposes from the four weeks before. Budgets lie a tenth above or below what a week comes
to.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from alerts.engine.advance import advance
from alerts.engine.numbers import Numbers, one_by_one
from alerts.engine.propose import propose
from alerts.rule import MetricInfo, Rule
from alerts.rules.rulefile import rule_from
from alerts.settings import AlertSettings
from alerts.state import Alert
from store.model import Filters, Sample, Window
from tests.eval.table import Figure, Scope, share

SEED = 20260302
FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
STEP = timedelta(minutes=15)
DAY, WEEK, HOUR = 96, 672, 4  # in steps
HISTORY, SCORED = 8 * WEEK, 6 * WEEK
SERIES, RATE_SERIES = 120, 200
PATIENCE = 7 * DAY  # what is not found in a week is not found
KEY = "{}"

LEVELS = {
    "seasonal": {"kind": "seasonal", "metric": "cost_usd"},
    "cusum": {"kind": "cusum", "metric": "cost_usd"},
}
PROPOSED = {
    "threshold": {"kind": "threshold"},
    "change, previous": {"kind": "change", "against": "previous"},
    "change, last week": {"kind": "change", "against": "last_week"},
}
FEW_SERIES, A_MONTH = 40, 28 * DAY
RATE = {"kind": "rate", "metric": "error_rate", "threshold": 0.05, "window": "1h", "every": "15m"}
BURN = {"kind": "burn_rate", "metric": "error_rate", "window": "1h", "every": "15m"}


@dataclass(frozen=True)
class Info:
    title: str
    unit: str
    kind: str
    worse: str = "up"
    evaluator: str | None = None


COST, ERRORS = Info("Cost", "USD", "total"), Info("Errors", "share", "rate")


def level(rng: np.random.Generator, length: int) -> "np.ndarray[Any, Any]":
    """One series of a level metric, such as cost in 15 minutes."""
    at = np.arange(length)
    daily = rng.uniform(0.4, 1.0) * np.sin(2 * np.pi * (at / DAY - rng.uniform()))
    second = rng.uniform(0.0, 0.3) * np.sin(4 * np.pi * (at / DAY - rng.uniform()))
    weekend = -rng.uniform(0.0, 0.8) * ((at // DAY) % 7 >= 5)
    shocks = rng.standard_t(4, length) * rng.uniform(0.05, 0.2) / np.sqrt(2)
    noise, wander = np.zeros(length), np.cumsum(rng.normal(0, 0.01 / np.sqrt(DAY), length))
    for place in range(1, length):
        noise[place] = 0.6 * noise[place - 1] + shocks[place]
    return np.asarray(rng.lognormal(1, 1) * np.exp(daily + second + weekend + noise + wander))


def rate(rng: np.random.Generator, calls: float, bad: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
    """Calls and bad calls in each 15 minutes."""
    n = rng.poisson(calls, len(bad))
    return n, rng.binomial(n, bad)


def fired(rule: Rule, metric: MetricInfo, numbers: Numbers, places: range) -> list[int]:
    """The places at which the rule fires, by the engine's own steps."""
    alerts: Mapping[str, Alert] = {}
    found = []
    ends = [FIRST + (place + 1) * STEP for place in places]
    numbers.pasts(rule, metric, Window(start=ends[0], end=ends[-1]))
    for place, end in zip(places, ends, strict=True):
        steps = advance(rule, metric, alerts, end, numbers=numbers, most=1).steps
        alerts = {one.key: one.after for one in steps}
        found += [place for one in steps if one.event == "fired"]
    return found


def levels_of(values: Sequence[float]) -> Numbers:
    sums = np.concatenate([[0.0], np.cumsum(values)])

    def measure(_name: str, window: Window, _filters: Filters, _by: tuple[str, ...]) -> list[Sample]:
        start, end = max(0, (window.start - FIRST) // STEP), (window.end - FIRST) // STEP
        known = 0 <= start < end < len(sums)
        return [Sample(slice=(), value=float(sums[end] - sums[start]) if known else None, n=100 if known else 0)]

    return Numbers(measure=measure, sliding=one_by_one(measure))


def rates_of(n: Sequence[int], bad: Sequence[int]) -> Numbers:
    calls, wrong = np.concatenate([[0], np.cumsum(n)]), np.concatenate([[0], np.cumsum(bad)])

    def measure(_name: str, window: Window, _filters: Filters, _by: tuple[str, ...]) -> list[Sample]:
        start, end = (window.start - FIRST) // STEP, (window.end - FIRST) // STEP
        if start == end:  # a twelfth of an hour: the calls of the quarter that holds it stand for it
            start = end - 1
        count = int(calls[end] - calls[start])
        value = float(wrong[end] - wrong[start]) / count if count else None
        return [Sample(slice=(), value=value, n=count)]

    return Numbers(measure=measure, sliding=one_by_one(measure))


def detectors(scope: Scope) -> Iterator[Figure]:
    """The table of what every default rule does for nothing and finds."""
    levels, rates = scope.some(SERIES), scope.some(RATE_SERIES)
    for name, table in LEVELS.items():
        rule = rule_from({"id": name, **table}, where="default")
        yield from _levels(name, [rule] * levels)
    for name, table in PROPOSED.items():
        yield from _levels(name, _proposed(table, scope.some(FEW_SERIES)))
    yield from _budgets(scope.some(FEW_SERIES))
    yield from _rates("rate", rule_from({"id": "rate", **RATE}, where="default"), rates, target=0.05)
    yield from _rates("burn_rate", rule_from({"id": "burn", **BURN}, where="default"), rates, target=None)


def _series(rng: np.random.Generator, many: int) -> "list[np.ndarray[Any, Any]]":
    return [level(rng, HISTORY + SCORED) for _ in range(many)]


def _proposed(table: Mapping[str, Any], many: int) -> list[Rule]:
    """For each series what is proposed from its last four weeks of history; where nothing is quiet, no limit."""
    wanted = {"id": "p", "metric": "cost_usd", "window": "1h", "every": "15m", "threshold": 2.0, **table}
    rule = rule_from(wanted, where="eval")
    window = Window(start=FIRST + (HISTORY - A_MONTH) * STEP, end=FIRST + HISTORY * STEP)
    found = []
    for values in _series(np.random.default_rng(SEED), many):
        made = propose(rule, window, numbers=levels_of(values), metrics={"cost_usd": COST}, settings=AlertSettings())
        found.append(made.rule if made else rule.model_copy(update={"threshold": 1e12}))
    return found


def _levels(name: str, rules: Sequence[Rule]) -> Iterator[Figure]:
    """`rules`: one for each series."""
    rng, many = np.random.default_rng(SEED), len(rules)
    both = list(zip(rules, _series(rng, many), strict=True))
    false = sum(len(fired(rule, COST, levels_of(one), range(HISTORY, HISTORY + SCORED))) for rule, one in both)
    weeks = many * SCORED // WEEK
    yield Figure(
        what=f"{name}: false episodes a week", data="quiet series", value=false / weeks, n=weeks, target=0.1,
        at_most=True, seed=SEED,
    )  # fmt: skip
    begun = rng.integers(HISTORY, HISTORY + SCORED - PATIENCE, many)
    changes = {"step to 1.5x": 1.5, "step to 2x": 2.0, "step to 3x": 3.0, "ramp to 2x in 7 d": None}
    for what, factor in changes.items():
        found = [_found(*pair, int(start), factor) for pair, start in zip(both, begun, strict=True)]
        yield from _detection(name, what, found)


def _found(rule: Rule, values: "np.ndarray[Any, Any]", start: int, factor: float | None) -> int | None:
    """Steps from the planted change to the alert; None when none came. What fires before counts as nothing found."""
    changed = values.copy()
    after = np.arange(len(values) - start)
    changed[start:] *= factor if factor is not None else 2.0 ** np.minimum(1, after / PATIENCE)
    places = fired(rule, COST, levels_of(changed), range(start - HOUR, min(start + PATIENCE, len(values))))
    return next((place - start for place in places if place >= start), None)


def _budgets(many: int) -> Iterator[Figure]:
    """A week's budget, looked at every hour: how often it is said that it will not last, though it does; how early."""
    series = _series(np.random.default_rng(SEED), many)
    weeks = [(values, start) for values in series for start in range(HISTORY, HISTORY + SCORED, WEEK)]
    enough = [_ahead(values, start, 1.1) is not None for values, start in weeks]
    yield share("budget: false episodes a week", "110 % of what it costs", enough, target=0.1, at_most=True, seed=SEED)
    ahead = [_ahead(values, start, 0.9) for values, start in weeks]
    told = [steps / HOUR for steps in ahead if steps]
    hits = [float(bool(steps)) for steps in ahead]
    yield share("budget: told before it is spent", "90 % of what it costs", hits, seed=SEED)
    if told:
        value = statistics.median(told)
        yield Figure(
            what="budget: median hours ahead", data="90 % of what it costs", value=value, n=len(told), seed=SEED
        )


def _ahead(values: "np.ndarray[Any, Any]", start: int, part: float) -> int | None:
    """Steps from the first word to the end of the budget, or of the week; None when nothing was said."""
    spent = np.cumsum(values[start : start + WEEK])
    budget = part * float(spent[-1])
    table = {"kind": "budget", "threshold": budget, "period": "week", "steps": [1.0], "every": "1h"}
    rule = rule_from({"id": "budget", **table}, where="eval")
    gone = start + int(np.searchsorted(spent, budget))
    found = fired(rule, COST, levels_of(values), range(start + HOUR - 1, gone, HOUR))
    return gone - found[0] if found else None


def _rates(name: str, rule: Rule, many: int, *, target: float | None) -> Iterator[Figure]:
    for calls, good in ((5, 0.01), (20, 0.01), (200, 0.01), (20, 0.02)):
        rng = np.random.default_rng(SEED + calls)
        quiet = np.full(WEEK + HOUR, good)
        false = sum(
            len(fired(rule, ERRORS, rates_of(*rate(rng, calls, quiet)), range(HOUR, WEEK + HOUR))) for _ in range(many)
        )
        what = f"{calls} calls in 15 min, {good:.0%} bad"
        yield Figure(
            what=f"{name}: false episodes a week", data=what, value=false / many, n=many, target=target,
            at_most=True, seed=SEED + calls,
        )  # fmt: skip
        bad = np.where(np.arange(2 * DAY) < DAY, good, 0.15)
        found = []
        for _ in range(many):
            places = fired(rule, ERRORS, rates_of(*rate(rng, calls, bad)), range(DAY - HOUR, 2 * DAY))
            found.append(next((place - DAY for place in places if place >= DAY), None))
        yield from _detection(name, f"{what}, then 15 %", found)


def _detection(name: str, what: str, found: Sequence[int | None]) -> Iterator[Figure]:
    delays = [15.0 * (steps + 1) for steps in found if steps is not None]
    yield share(f"{name}: found", what, [float(steps is not None) for steps in found], seed=SEED)
    if delays:
        yield Figure(
            what=f"{name}: median minutes", data=what, value=statistics.median(delays), n=len(delays), seed=SEED
        )
