"""Each kind of rule: when it breaches, when it cannot know, and what it says."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.condition import Readings, Verdict, kinds
from alerts.engine.advance import advance
from alerts.engine.numbers import Numbers, one_by_one
from alerts.kinds.rate import wilson_lower
from alerts.rule import KINDS, Rule
from store.alerting import Health
from store.model import Sample, Window

END = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


class Info:
    title, worse, evaluator = "Errors", "up", None

    def __init__(self, unit: str = "share", kind: str = "rate") -> None:
        self.unit, self.kind = unit, kind


def judged(table: dict[str, Any], readings: dict[str, tuple[float | None, int]], info: Any, *, firing: bool = False) -> Verdict:  # noqa: E501 # fmt: skip
    rule = Rule.model_validate({"id": "r", **table})
    samples = {name: Sample(slice=(), value=value, n=n) for name, (value, n) in readings.items()}
    return kinds()[rule.kind].judge(rule, info, Readings(end=END, samples=samples), firing)


RATE = {"kind": "rate", "metric": "error_rate", "threshold": 0.05}


@pytest.mark.parametrize(
    ("whole", "recent", "firing", "breached"),
    [
        ((0.40, 5), (0.40, 5), False, False),  # two of five say nothing
        ((0.60, 5), (0.60, 5), False, True),
        ((1.00, 2), (1.00, 2), False, False),  # fewer than three
        ((0.12, 200), (0.14, 50), False, True),
        ((0.12, 200), (0.02, 50), False, False),  # it is over
        ((0.06, 200), (0.10, 50), False, False),  # may be chance
        ((0.06, 200), (0.10, 50), True, True),
        ((0.06, 200), (0.02, 50), True, False),
        ((0.04, 200), (0.10, 50), True, False),
        ((0.12, 200), (None, 0), False, None),  # nothing new to confirm it
        ((0.12, 200), (None, 0), True, None),
        ((None, 0), (None, 0), True, None),
    ],
)
def test_a_rate_needs_certainty_and_presence(whole: Any, recent: Any, firing: bool, breached: bool | None) -> None:
    assert judged(RATE, {"current": whole, "recent": recent}, Info(), firing=firing).breached is breached


def test_a_rate_says_what_it_saw() -> None:
    verdict = judged(RATE, {"current": (0.12, 200), "recent": (0.14, 50)}, Info())

    assert verdict.why == ("24 of 200 calls, with 99 % confidence at least 7.27 %; 14 % in the last 15 min; limit 5 %")
    over = judged(RATE, {"current": (0.12, 200), "recent": (0.0, 50)}, Info(), firing=True)
    assert over.why == "0 % in the last 15 min, limit 4.5 %"


def test_a_rate_looks_at_its_window_and_the_last_quarter() -> None:
    windows = kinds()["rate"].windows(Rule.model_validate({"id": "r", **RATE}), END)

    assert windows == {
        "current": Window(start=END - timedelta(hours=1), end=END),
        "recent": Window(start=END - timedelta(minutes=15), end=END),
    }


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_lower_bound_lies_below_the_rate(bad: int, good: int) -> None:
    n = bad + good
    assert 0 <= wilson_lower(bad, n) <= (bad / n if n else 0) + 1e-12


def test_the_default_rate_rule_is_quiet_at_every_volume() -> None:
    """Weeks of 15-minute steps at a true rate of 1 %: hardly an alarm; at 15 %: found within two hours."""
    rng = Random(7)
    rule = Rule.model_validate({"id": "r", **RATE, "every": "15m"})
    for volume, weeks in ((5, 10), (20, 4), (200, 1)):
        calm = [sum(rng.random() < 0.01 for _ in range(volume)) for _ in range(672 * weeks)]
        storm = [sum(rng.random() < 0.15 for _ in range(volume)) for _ in range(8)]
        assert _alarms(rule, calm, volume) <= 0.1 * weeks
        assert volume == 5 or _alarms(rule, calm[-4:] + storm, volume) > 0


def _alarms(rule: Rule, bad: list[int], volume: int) -> int:
    found = 0
    for index in range(3, len(bad)):
        whole = sum(bad[index - 3 : index + 1]) / (4 * volume)
        readings = {"current": Sample(slice=(), value=whole, n=4 * volume),
                    "recent": Sample(slice=(), value=bad[index] / volume, n=volume)}  # fmt: skip
        found += kinds()["rate"].judge(rule, Info(), readings, False).breached is True
    return found


LEVEL = {"metric": "latency_p95", "threshold": 2000}
MS = Info("ms", "level")


@pytest.mark.parametrize(
    ("table", "reading", "firing", "breached"),
    [
        ({}, (2500, 50), False, True),
        ({}, (2000, 50), False, False),
        ({"comparison": ">="}, (2000, 50), False, True),
        ({"comparison": "<"}, (1500, 50), False, True),
        ({"comparison": "<="}, (2000, 50), False, True),
        ({}, (2500, 19), False, None),
        ({"min_samples": 5}, (2500, 19), False, True),
        ({}, (None, 500), False, None),
        ({"recover_threshold": 1500}, (1800, 50), False, False),
        ({"recover_threshold": 1500}, (1800, 50), True, True),
        ({"recover_threshold": 1500}, (1400, 50), True, False),
        ({}, (1800, 50), True, False),
    ],
)
def test_a_threshold_is_crossed_or_not(table: Any, reading: Any, firing: bool, breached: bool | None) -> None:
    assert judged({**LEVEL, **table}, {"current": reading}, MS, firing=firing).breached is breached


def test_a_threshold_says_what_it_saw() -> None:
    assert judged(LEVEL, {"current": (2500, 50)}, MS).why == "above the limit of 2.00 s"
    assert judged(LEVEL, {"current": (1500, 50)}, MS).why == "within the limit of 2.00 s"
    assert judged(LEVEL, {"current": (1500, 1)}, MS).why == "only 1 call in 1 h"


CHANGE = {"kind": "change", "metric": "cost_usd", "threshold": 1.5}
USD = Info("USD", "total")


@pytest.mark.parametrize(
    ("now", "then", "firing", "breached", "cause"),
    [
        ((30.0, 90), (10.0, 90), False, True, Health.OK),
        ((14.0, 90), (10.0, 90), False, False, Health.OK),
        ((14.6, 90), (10.0, 90), True, True, Health.OK),
        ((14.4, 90), (10.0, 90), True, False, Health.OK),
        ((30.0, 90), (None, 0), False, None, Health.INSUFFICIENT_BASELINE),
        ((30.0, 90), (0.0, 90), False, None, Health.INSUFFICIENT_BASELINE),
        ((None, 0), (10.0, 90), False, None, Health.NO_DATA),
    ],
)
def test_a_change_compares_with_earlier(now: Any, then: Any, firing: bool, breached: Any, cause: Health) -> None:
    verdict = judged(CHANGE, {"current": now, "reference": then}, USD, firing=firing)

    assert (verdict.breached, verdict.cause) == (breached, cause)


def test_a_change_may_recover_at_a_ratio_of_ones_own() -> None:
    table = {**CHANGE, "recover_threshold": 1.1}

    assert judged(table, {"current": (12.0, 90), "reference": (10.0, 90)}, USD, firing=True).breached is True


@pytest.mark.parametrize(
    ("against", "start", "said"),
    [
        ("previous", END - timedelta(hours=2), "3× the 1 h before, limit 1.5×"),
        (
            "last_week",
            END - timedelta(days=7, hours=1),
            "3× the same hours last week, limit 1.5×",
        ),
    ],
)  # fmt: skip
def test_a_change_says_with_what_it_compares(against: str, start: datetime, said: str) -> None:
    table = {**CHANGE, "against": against}
    windows = kinds()["change"].windows(Rule.model_validate({"id": "r", **table}), END)

    assert windows["reference"].start == start
    assert judged(table, {"current": (30.0, 90), "reference": (10.0, 90)}, USD).why == said


@pytest.mark.parametrize(("now", "before", "breached"), [(0, 100, True), (1, 100, False), (0, 0, None), (5, 0, False)])
def test_no_data_is_a_finding_only_where_there_was_some(now: int, before: int, breached: bool | None) -> None:
    readings = {"current": (float(now), now), "before": (float(before), before)}

    assert judged({"kind": "no_data"}, readings, Info("calls", "total")).breached is breached


def test_no_data_looks_back_a_day() -> None:
    windows = kinds()["no_data"].windows(Rule.model_validate({"id": "r", "kind": "no_data"}), END)

    assert windows["before"] == Window(start=END - timedelta(hours=25), end=END - timedelta(hours=1))


def nothing(*_: Any) -> list[Sample]:
    return [Sample(slice=(), value=0.0, n=0)]


def test_a_cost_alert_does_not_end_because_logs_stop() -> None:
    """A total over no calls is 0, but that is not what was asked."""
    rule = Rule.model_validate({"id": "r", "metric": "cost_usd", "threshold": 10})

    numbers = Numbers(measure=nothing, sliding=one_by_one(nothing))
    [step] = advance(rule, USD, {}, END, numbers=numbers, most=9).steps

    assert step.verdict.breached is None


def test_every_kind_says_what_it_is() -> None:
    assert sorted(kinds()) == sorted(KINDS)
    assert all(kind.help.endswith(".") for kind in kinds().values())
