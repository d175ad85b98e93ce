"""A level that is not what it usually is at this hour of the week: a spike, or a shift that stays.

Two looks at the robust deviation `z` from the same hours of the weeks before (`engine/season.py`): a spike is `z`
beyond the threshold in two windows running; a shift is the moving average of `z`, in units of its own spread, beyond
SHIFT times the threshold. Measured on 120 series of synthetic traffic by `make eval`.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from alerts.condition import CURRENT, Kind, Readings, Verdict, current, exceeds, needs_threshold, unknown
from alerts.engine.past import Grid
from alerts.engine.season import MEMORY, Season
from alerts.messages.wording import calls
from alerts.rule import MetricInfo, Rule
from store.alerting import Health
from store.duration import words

AT_THIS_HOUR = "normal at this hour"
SHIFT = 1.8
RECOVERY = 0.9  # of the threshold, on the way back
DAY, SHORTEST = timedelta(days=1), timedelta(minutes=5)


def usual(table: Mapping[str, Any]) -> Mapping[str, Any]:
    window = table.get("window", "15m")
    return {"threshold": 5.0, "window": window, "every": window}


def problems(rule: Rule) -> Iterable[str]:
    """Also of the other kinds that know what is normal at an hour."""
    yield from needs_threshold(rule)
    if rule.every != rule.window:
        yield f"a rule of kind {rule.kind!r} looks once a window: 'every' must be {words(rule.window)} too"
    if rule.window < SHORTEST or DAY % rule.window:
        yield "'window' must be at least 5 min and divide a day (15m, 1h, 6h, 1d)"
    if rule.threshold is not None and rule.threshold <= 0:
        yield f"the threshold of a rule of kind {rule.kind!r} is in deviations from normal: it must be above 0"


def past(rule: Rule) -> Grid:
    return Grid(step=rule.window, memory=MEMORY)


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    found = placed(rule, metric, readings)
    if isinstance(found, Verdict):
        return found
    season, place, value = found
    side = 1 if rule.rising else -1
    limit = (rule.threshold or 0.0) * side
    bound = limit if not firing else limit * RECOVERY if rule.recover_threshold is None else rule.recover_threshold
    spiked = exceeds(rule, season.z[place], bound) and (firing or exceeds(rule, _before(season, place), bound))
    shifted = exceeds(rule, season.ewma[place], SHIFT * bound)
    return Verdict(
        breached=bool(spiked or shifted),
        value=value,
        n=readings[CURRENT].n,
        why=_why(rule, season, place, spiked=bool(spiked), shifted=bool(shifted)),
        threshold=season.usual(place, bound),
        baseline=season.usual(place),
        normal=normal_range(season, place),
        against=AT_THIS_HOUR,
    )


def placed(rule: Rule, metric: MetricInfo, readings: Readings) -> tuple[Season, int, float] | Verdict:
    """The season, the place in it of the window at hand, and its value; else the verdict that nobody can tell."""
    now = readings[CURRENT]
    if now.value is None or now.n < rule.samples_needed(metric):
        return unknown(now, f"only {calls(now.n)} in {words(rule.window)}")
    if readings.past is not None:
        season, place = readings.past.season(rule.time_zone), readings.past.place(readings.end)
        if not np.isnan(season.z[place]):
            return season, place, now.value
    why = f"what is normal at this hour is not known yet: it takes {words(4 * DAY)} of values"
    return unknown(now, why, Health.INSUFFICIENT_BASELINE)


def normal_range(season: Season, place: int) -> tuple[float, float]:
    """Where 19 of 20 values lie, were they normally distributed around what is usual."""
    return season.usual(place, -2.0), season.usual(place, 2.0)


def _before(season: Season, place: int) -> float:
    return float(season.z[place - 1]) if place else float("nan")


def _why(rule: Rule, season: Season, place: int, *, spiked: bool, shifted: bool) -> str:
    limit = rule.threshold or 0.0
    if shifted and not spiked:
        return f"for hours {abs(season.ewma[place]):.1f} spreads from normal on average, limit {SHIFT * limit:.3g}"
    away = f"{abs(season.z[place]):.1f} times the usual spread from normal"
    return f"{away}, limit {limit:g} in two windows running" if spiked else f"{away}, limit {limit:g}"


SEASONAL = Kind(
    name="seasonal",
    help="A level against the same hours of the weeks before, in robust deviations: a spike, or a shift that stays.",
    windows=current,
    judge=judge,
    past=past,
    usual=usual,
    problems=problems,
    grid=lambda _rule: (4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0),
)
