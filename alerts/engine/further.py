"""The slices beyond the cap of a rule: judged each, told as one.

A rule that is split by user may have thousands of slices. The busiest have an alert each; the further ones share one,
which is breached while any of them is, and which says how many they are and which stand out most.
"""

from collections.abc import Mapping

from alerts.condition import Verdict
from alerts.messages.wording import amount, number
from alerts.notification import scope
from alerts.rule import MetricInfo, Rule
from store.alerting import Health
from store.alerts import slice_key, slice_of
from store.model import Slice

FURTHER: Slice = (("further", "slices"),)  # no dimension has this name
KEY = slice_key(FURTHER)
MOST_JUDGED = 1000  # at one window's end: beyond that nobody waits for the answer
MOST_NAMED = 3


def rolled_up(rule: Rule, metric: MetricInfo, verdicts: Mapping[str, Verdict], all_told: int) -> tuple[Verdict, str]:
    """What `verdicts` of further slices say together, and the slice that stands out most.

    `all_told`: how many further slices there are, judged or not. With none of them breached it is unknown only where
    nothing is known of any.
    """
    breached = {key: one for key, one in verdicts.items() if one.breached}
    if breached:
        worst, *others = sorted(breached, key=lambda key: -_beyond(rule, breached[key]))
        named = ", ".join(_named(metric, key, breached[key]) for key in (worst, *others[: MOST_NAMED - 1]))
        why = f"{number(len(breached))} of {number(all_told)} further slices: {named}"
        return _spoken_for(breached[worst], why, sum(one.n for one in breached.values())), worst
    unknown = verdicts and all(one.breached is None for one in verdicts.values())
    return _none(None if unknown else False, all_told), KEY


def _none(breached: bool | None, all_told: int) -> Verdict:
    why = f"none of {number(all_told)} further slices" if all_told else "no slices beyond the cap any more"
    cause = Health.NO_DATA if breached is None else Health.OK
    return Verdict(breached=breached, value=None, n=0, why=why, cause=cause)


def _spoken_for(worst: Verdict, why: str, n: int) -> Verdict:
    return Verdict(
        breached=True, value=worst.value, n=n, why=why, threshold=worst.threshold, baseline=worst.baseline,
        normal=worst.normal,
    )  # fmt: skip


def _beyond(rule: Rule, verdict: Verdict) -> float:
    """How far beyond its limit a value lies; the larger, the worse."""
    value, limit = verdict.value or 0.0, verdict.threshold
    over = value / limit if limit else value
    return over if rule.rising else -over


def _named(metric: MetricInfo, key: str, verdict: Verdict) -> str:
    return f"{scope(dict(slice_of(key)))} ({amount(verdict.value, metric.unit)})"
