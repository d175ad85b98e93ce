"""A metric over one window against a fixed number."""

from alerts.condition import CURRENT, Kind, Readings, Verdict, beside, current, exceeds, unknown
from alerts.messages.wording import amount, calls
from alerts.rule import MetricInfo, Rule
from store.duration import words


def judge(rule: Rule, metric: MetricInfo, readings: Readings, firing: bool) -> Verdict:
    sample = readings[CURRENT]
    if sample.value is None or sample.n < rule.samples_needed(metric):
        return unknown(sample, f"only {calls(sample.n)} in {words(rule.window)}")
    bound = _bound(rule, firing)
    breached = exceeds(rule, sample.value, bound)
    why = beside(rule, breached, amount(bound, metric.unit))
    return Verdict(breached=breached, value=sample.value, n=sample.n, why=why, threshold=bound)


def _bound(rule: Rule, firing: bool) -> float:
    bound = rule.recover_threshold if firing and rule.recover_threshold is not None else rule.threshold
    return bound if bound is not None else 0.0


THRESHOLD = Kind(
    name="threshold", help="The metric over the window, against a fixed number.", windows=current, judge=judge
)
