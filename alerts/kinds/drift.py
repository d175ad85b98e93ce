"""What the drift detectors found: the newest windows moved from their reference, or did not, or nobody can tell.

The metric is the largest drift statistic over its own threshold, which rests on this user's history: above 1 is the
verdict "drifted". Comparisons are made when a window of traffic is complete; until then nothing is known.
"""

from collections.abc import Mapping
from typing import Any

from alerts.condition import CURRENT, Kind, Readings, Verdict, beside, current, exceeds, unknown
from alerts.rule import MetricInfo, Rule
from store.alerting import Health
from store.duration import words


def usual(_table: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"metric": "input_drift", "threshold": 1.0, "window": "2h", "every": "15m"}


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    now = readings[CURRENT]
    if now.n == 0:
        return unknown(now, f"no comparison was made in {words(rule.window)}")
    if now.value is None or now.n < rule.samples_needed(metric):
        return unknown(now, "too few calls to compare", Health.INSUFFICIENT_BASELINE)
    bound = rule.recover_threshold if firing and rule.recover_threshold is not None else rule.threshold or 0.0
    breached = exceeds(rule, now.value, bound)
    moved = "moved away from the reference" if breached else "as in the reference"
    why = f"{moved}, {beside(rule, breached, f'{bound:g}× what ordinary windows differ by')}"
    return Verdict(breached=breached, value=now.value, n=now.n, why=why, threshold=bound)


DRIFT = Kind(
    name="drift",
    help="The drift detectors' verdict on the newest windows, as a multiple of their own limit.",
    windows=current,
    judge=judge,
    usual=usual,
    grid=lambda _rule: (1.0, 1.1, 1.25, 1.5, 2.0, 3.0),
)
