"""A level that creeps: the sum of how far the values of the last week went beyond one deviation from normal.

No single value need be remarkable. The sum must exceed the threshold and the values must still lie beside what is
normal: it takes a long while to run down when all is well again.
"""

from collections.abc import Mapping
from typing import Any

from alerts.condition import CURRENT, Kind, Readings, Verdict, current
from alerts.kinds.seasonal import AT_THIS_HOUR, normal_range, past, placed, problems
from alerts.rule import MetricInfo, Rule

ASIDE = 3.0  # of the moving average: values that lie one deviation from normal


def usual(table: Mapping[str, Any]) -> Mapping[str, Any]:
    window = table.get("window", "15m")
    return {"threshold": 40.0, "window": window, "every": window}


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    found = placed(rule, metric, readings)
    if isinstance(found, Verdict):
        return found
    season, place, value = found
    total = (season.cusum_up if rule.rising else season.cusum_down)[place]
    aside = season.ewma[place] * (1 if rule.rising else -1) > ASIDE
    return Verdict(
        breached=bool(aside and (firing or total > (rule.threshold or 0.0))),
        value=value,
        n=readings[CURRENT].n,
        why=f"it creeps: the small deviations of a week add up to {total:.0f}, limit {rule.threshold:g}",
        baseline=season.usual(place),
        normal=normal_range(season, place),
        against=AT_THIS_HOUR,
    )


CUSUM = Kind(
    name="cusum",
    help="A level that creeps away from what is normal at its hour, slowly: the sum of a week's deviations.",
    windows=current,
    judge=judge,
    past=past,
    usual=usual,
    problems=problems,
    grid=lambda _rule: (20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 200.0),
)
