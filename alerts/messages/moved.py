"""How far a value has moved, in words: the value, of how many calls, against what is normal or what it was before."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.condition import Verdict, kinds
from alerts.messages.wording import amount, calls, times
from alerts.rule import MetricInfo, Rule
from store.duration import words

FEWEST_BEFORE = 4  # values: of fewer nobody says "before"
ALIKE = 0.1  # of what it was: then it has not moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a value was; `when` in words: `in the 6 h before`."""

    value: float
    when: str


def standing(rule: Rule, metric: MetricInfo, verdict: Verdict) -> str:
    """`6.45 s over 1 h (41 calls)`: what is seen now."""
    if rule.kind == "no_data":
        return f"{calls(verdict.n)} in {words(rule.window)}" if verdict.n else f"no calls for {words(rule.window)}"
    over = f"this {rule.period}" if kinds()[rule.kind].periodic else f"over {words(rule.window)}"
    behind = f" ({calls(verdict.n)})" if metric.unit != "calls" and verdict.n else ""
    return f"{amount(verdict.value, metric.unit)} {over}{behind}"


def recent(trail: Sequence[float | None], every: timedelta) -> Before | None:
    """The median of earlier values, `every` apart; None when they are too few."""
    known = [value for value in trail if value is not None]
    if len(known) < FEWEST_BEFORE:
        return None
    return Before(value=statistics.median(known), when=f"in the {words(len(trail) * every)} before")


def moved(metric: MetricInfo, verdict: Verdict, before: Before | None) -> str:
    """`3.2× normal at this hour ($13.10; $9.70 to $17.60)`, or against what it was before; empty: unknown."""
    if verdict.value is None:
        return ""
    if verdict.baseline is not None:
        span = " to ".join(amount(value, metric.unit) for value in verdict.normal or ())
        usually = amount(verdict.baseline, metric.unit) + (f"; {span}" if span else "")
        return f"{times(verdict.value, verdict.baseline)}{verdict.against} ({usually})"
    if before is None:
        return ""
    was = f"{amount(before.value, metric.unit)} {before.when}"
    alike = abs(verdict.value - before.value) <= ALIKE * abs(before.value)
    return was if before.value == 0 or alike else f"{times(verdict.value, before.value)}the {was}"
