"""Which kind of rule fits a metric, with settings that were measured to be quiet; and the rules of a first start."""

from collections.abc import Iterable, Mapping
from typing import Any

from alerts.rule import MetricInfo, Rule
from alerts.rules.rulefile import rule_from

ORIGIN = "default"
RATES = {"error_rate": 0.05, "rate_limited_rate": 0.05, "ungrounded_rate": 0.1}
RATE = 0.05
# Of a first start: what nobody who runs an application on language models wants to miss.
STARTERS = ("error_rate", "rate_limited_rate", "calls", "cost_usd", "latency_p95", "ttft_p95", "input_drift")
TITLES = {
    "error_rate": "Many calls fail", "rate_limited_rate": "A provider turns us away", "calls": "Calls have stopped",
    "cost_usd": "Spending is not what it usually is", "latency_p95": "Answers are slower than usual",
    "ttft_p95": "Answers begin later than usual", "input_drift": "People ask about something new",
}  # fmt: skip


def suggested(name: str, metric: MetricInfo) -> Mapping[str, Any]:
    """The table of a rule over a metric, without an id: where its editor begins."""
    if name == "calls":
        return {"metric": name, "kind": "no_data", "window": "1h", "every": "15m"}
    if metric.unit == "ratio":
        return {"metric": name, "kind": "drift", "threshold": 1.0, "window": "2h", "every": "15m"}
    falls = metric.worse == "down"
    if metric.kind == "rate" and not falls:
        limit = RATES.get(name, RATE)
        return {"metric": name, "kind": "rate", "threshold": limit, "window": "1h", "every": "5m"}
    direction = {"comparison": "<"} if falls else {}
    window = "15m" if metric.kind == "total" else "1h"  # a percentile of few calls says little
    return {"metric": name, "kind": "seasonal", "threshold": 5.0, "window": window, "every": window, **direction}


def starters(metrics: Mapping[str, MetricInfo]) -> Iterable[Rule]:
    """The rules with which a new installation begins."""
    for name in STARTERS:
        table = {"id": f"default-{name.replace('_', '-')}", "title": TITLES[name], **suggested(name, metrics[name])}
        yield rule_from(table, where="default rules", metrics=metrics)
