"""The kinds that know what is normal, and the budget: lives drawn over weeks, by the engine's own steps."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from alerts.backtest import backtest
from alerts.engine.advance import Step, advance
from alerts.engine.numbers import Numbers, one_by_one
from alerts.kinds import budget
from alerts.rule import MetricInfo, Rule
from alerts.rules.rulefile import rule_from
from alerts.settings import AlertSettings
from alerts.state import Alert
from store.alerting import Health, State
from store.errors import ConfigError, QueryTimeout
from store.model import Filters, Sample, Window

FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
DAY, WEEK = 24, 168


class Info:
    worse, evaluator = "up", None

    def __init__(self, kind: str, unit: str) -> None:
        self.title, self.kind, self.unit = "It", kind, unit


LATENCY, COST, CALLS, ERRORS = Info("level", "ms"), Info("total", "USD"), Info("total", "calls"), Info("rate", "share")


def hourly(weeks: float, seed: int = 1) -> np.ndarray:
    at = np.arange(int(weeks * WEEK))
    level = 100 * (1.5 + np.sin(2 * np.pi * at / DAY)) * np.where((at // DAY) % 7 >= 5, 0.5, 1.0)
    return np.asarray(level * np.random.default_rng(seed).lognormal(0, 0.05, len(at)))


def numbers_of(values: Sequence[float], n: Sequence[int] | int = 100, *, total: bool = False) -> Numbers:
    """A value an hour; nan is no calls. Of a total the hours of a window add up, else the last one counts."""

    def measure(_name: str, window: Window, _filters: Filters, _by: tuple[str, ...]) -> list[Sample]:
        start, end = ((at - FIRST) // HOUR for at in (window.start, window.end))
        some = [float(value) for value in values[max(0, start) : max(0, end)] if not np.isnan(value)]
        count = (n if isinstance(n, int) else n[end - 1]) if some else 0
        value = None if not some else sum(some) if total else some[-1]
        return [Sample(slice=(), value=value, n=count)]

    return Numbers(measure=measure, sliding=one_by_one(measure))


def steps(rule: Rule, metric: MetricInfo, numbers: Numbers, places: range) -> list[Step]:
    alerts: dict[str, Alert] = {}
    found = []
    ends = [FIRST + (place + 1) * HOUR for place in places]
    numbers.pasts(rule, metric, Window(start=ends[0], end=ends[-1]))
    for end in ends:
        [one] = advance(rule, metric, alerts, end, numbers=numbers, most=1).steps
        alerts = {one.key: one.after}
        found.append(one)
    return found


def states(found: Sequence[Step]) -> str:
    return "".join(one.after.state[0] for one in found)


def rule(kind: str, **table: Any) -> Rule:
    return rule_from({"id": "r", "kind": kind, "metric": "latency_p95", **table}, where="test")


SEASONAL = {"window": "1h"}


@pytest.mark.parametrize(
    ("change", "states_"),
    [
        (lambda v: v, "iiiiiiii"),
        (lambda v: np.where(np.arange(8) == 2, 3 * v, v), "iiiiiiii"),  # one window is no spike
        (lambda v: np.where(np.isin(np.arange(8), (2, 3)), 2 * v, v), "iiifiiii"),
        (lambda v: np.where(np.arange(8) >= 2, 2 * v, v), "iiifffff"),
        (lambda v: np.where(np.isin(np.arange(8), (2, 3, 4)), [1, 1, 2, 2, np.nan, 1, 1, 1] * v, v), "iiiffiii"),
        (lambda v: v / 2, "iiiiiiii"),  # a fall is no rise
    ],
)
def test_a_season_finds_what_lasts_and_not_what_passes(change: Callable[[Any], Any], states_: str) -> None:
    values = hourly(8)
    place = 7 * WEEK + 12
    values[place : place + 8] = change(values[place : place + 8])

    assert states(steps(rule("seasonal", **SEASONAL), LATENCY, numbers_of(values), range(place, place + 8))) == states_


def test_a_season_can_be_feared_to_fall() -> None:
    values = hourly(8)
    values[7 * WEEK + 12 :] /= 3

    found = steps(rule("seasonal", comparison="<", **SEASONAL), LATENCY, numbers_of(values), range(7 * WEEK + 10, 7 * WEEK + 16))  # noqa: E501 # fmt: skip
    assert states(found) == "iiifff"


def test_volume_that_stops_is_a_fall() -> None:
    values = hourly(8)
    values[7 * WEEK + 12 :] = np.nan
    falls = rule("seasonal", metric="calls", comparison="<", **SEASONAL)

    found = steps(falls, CALLS, numbers_of(values, total=True), range(7 * WEEK + 11, 7 * WEEK + 15))
    assert [one.verdict.value for one in found] == [pytest.approx(values[7 * WEEK + 11]), 0.0, 0.0, 0.0]
    assert states(found) == "iiff"


def test_a_shift_too_small_for_a_spike_is_found_in_hours() -> None:
    values = hourly(8)
    values[7 * WEEK :] *= 1.2
    found = steps(rule("seasonal", **SEASONAL), LATENCY, numbers_of(values), range(7 * WEEK - 5, 7 * WEEK + 30))

    fired = next(one for one in found if one.event == "fired")
    assert fired.verdict.why.startswith("for hours ")
    assert 3 <= found.index(fired) - 5 <= 24


def test_what_is_normal_is_told_with_its_range() -> None:
    values = hourly(8)
    place = 7 * WEEK + 12
    values[place : place + 2] *= 2
    verdict = steps(rule("seasonal", **SEASONAL), LATENCY, numbers_of(values), range(place, place + 2))[-1].verdict

    assert verdict.baseline == pytest.approx(hourly(8, seed=9)[place + 1], rel=0.2)
    assert verdict.normal is not None
    assert verdict.normal[0] < verdict.baseline < verdict.normal[1] < (verdict.threshold or 0) < (verdict.value or 0)
    assert verdict.against == "normal at this hour"


@pytest.mark.parametrize("kind", ["seasonal", "cusum"])
@pytest.mark.parametrize(
    ("weeks", "n", "cause"),
    [(0.3, 100, Health.INSUFFICIENT_BASELINE), (7.0, 3, Health.NO_DATA)],
)
def test_what_cannot_be_known_is_unknown(kind: str, weeks: float, n: int, cause: Health) -> None:
    values = hourly(weeks)
    [one] = steps(rule(kind, **SEASONAL), LATENCY, numbers_of(values, n), range(len(values) - 1, len(values)))

    assert (one.verdict.breached, one.verdict.cause) == (None, cause)


def test_a_creep_is_found_though_no_hour_stands_out() -> None:
    values = hourly(11)
    values[8 * WEEK :] *= 1.15 ** np.minimum(1, np.arange(3 * WEEK) / WEEK)
    found = steps(rule("cusum", **SEASONAL), LATENCY, numbers_of(values), range(8 * WEEK - 50, 9 * WEEK + 50))
    fired = [one for one in found if one.event == "fired"]

    assert len(fired) == 1
    assert fired[0].end > FIRST + 8 * WEEK * HOUR + 24 * HOUR
    assert fired[0].verdict.why.startswith("it creeps: ")


def test_a_creep_that_is_over_resolves_though_its_sum_has_not_run_down() -> None:
    values = hourly(11)
    values[8 * WEEK : 8 * WEEK + 60] *= 1.3
    found = steps(rule("cusum", **SEASONAL), LATENCY, numbers_of(values), range(8 * WEEK - 5, 8 * WEEK + 120))

    assert [one.event for one in found if one.event] == ["fired", "resolved"]


BUDGET = {"metric": "cost_usd", "threshold": 100, "every": "1h", "period": "day", "projected": False}


def test_each_step_of_a_budget_is_told_once_a_period_and_the_new_one_begins_anew() -> None:
    """4.5 an hour: 50 % after 12 hours, 80 % after 18, 100 % after 23; the next day likewise."""
    found = steps(rule("budget", **BUDGET), COST, numbers_of([4.5] * 48, total=True), range(48))

    told = [(place + 1, one.event) for place, one in enumerate(found) if one.event]
    assert told == [
        (12, "fired"), (18, "escalated"), (23, "escalated"), (25, "resolved"),
        (36, "fired"), (42, "escalated"), (47, "escalated"),
    ]  # fmt: skip
    assert found[11].verdict.why == "$54.00 of $100.00 a day spent (54 %)"


def test_a_budget_that_is_passed_in_one_leap_is_told_once() -> None:
    found = steps(rule("budget", **BUDGET), COST, numbers_of([90.0] + [0.0] * 10, total=True), range(8))

    assert [one.event for one in found if one.event] == ["fired"]
    assert states(found) == "ffffffff"


def test_a_budget_is_kept_by_the_clock_of_its_place() -> None:
    end = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    month = rule("budget", metric="cost_usd", threshold=1, time_zone="Europe/Berlin")

    assert budget.period(month, end).start == datetime(2026, 3, 31, 22, tzinfo=UTC)  # April, and summer time
    assert budget.period(month, end).end == datetime(2026, 4, 30, 22, tzinfo=UTC)
    assert budget.period(month, datetime(2026, 3, 31, 22, tzinfo=UTC)).start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    week = month.model_copy(update={"period": "week"})
    assert budget.period(week, end).start == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert budget.period(week, end).end - budget.period(week, end).start == timedelta(days=7)


def test_a_budget_that_will_not_last_is_told_ahead_with_the_range() -> None:
    """30 a day make 930 in a month; the budget of 600 is half gone on the 10th."""
    spend = rule("budget", metric="cost_usd", threshold=600, every="1h", steps=[1.0])
    values = np.random.default_rng(2).normal(30 / DAY, 0.2, 31 * DAY + 26 * DAY)
    found = steps(spend, COST, numbers_of(values, total=True), range(28 * DAY, 45 * DAY))
    february = [one for one in found if one.event]

    assert [one.event for one in february] == ["fired"]
    assert "comes to $8" in february[0].verdict.why
    assert february[0].verdict.why.endswith("by 28 Feb")
    assert (february[0].verdict.value or 0) < 600


def test_a_budget_that_lasts_is_not_told() -> None:
    spend = rule("budget", metric="cost_usd", threshold=2000, every="1h")
    found = steps(spend, COST, numbers_of([30 / DAY] * 60 * DAY, total=True), range(28 * DAY, 58 * DAY))

    assert not [one for one in found if one.event]


BURN = {"kind": "burn_rate", "metric": "error_rate", "window": "12h", "every": "1h", "objective": 0.99, "threshold": 6}


@pytest.mark.parametrize(
    ("rates", "n", "states_"),
    [
        ([0.01] * 6, 100, "iiiiii"),
        ([0.01, 0.2, 0.2, 0.01, 0.2], 100, "iffif"),
        ([0.01, 0.2, 0.2], 5, "iii"),  # one bad call of five
        ([0.2, np.nan, 0.2], 100, "fff"),  # unknown ends nothing
    ],
)
def test_a_burn_rate_looks_at_the_window_and_its_last_twelfth(rates: list[float], n: int, states_: str) -> None:
    found = steps(rule_from({"id": "r", **BURN}, where="test"), ERRORS, numbers_of(rates, n), range(len(rates)))

    assert states(found) == states_


def test_a_burn_rate_says_how_fast() -> None:
    [one] = steps(rule_from({"id": "r", **BURN}, where="test"), ERRORS, numbers_of([0.2]), range(1))

    assert one.verdict.why == ("errors are used up 20× as fast as the objective allows, 20× in the last 1 h; limit 6×")


@pytest.mark.parametrize(
    ("values", "n", "breached", "cause"),
    [
        ([1.4], 200, True, Health.OK),
        ([0.7], 200, False, Health.OK),
        ([np.nan], 0, None, Health.NO_DATA),
    ],
)
def test_a_drift_verdict_is_what_the_detectors_say(values: list[float], n: int, breached: Any, cause: Health) -> None:
    drifts = rule("drift", metric="input_drift", window="1h", every="1h")
    [one] = steps(drifts, Info("level", "ratio"), numbers_of(values, n), range(1))

    assert (one.verdict.breached, one.verdict.cause) == (breached, cause)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "seasonal", "window": "15m", "every": "5m"}, "'every' must be 15 min too"),
        ({"kind": "seasonal", "window": "7h"}, "divide a day"),
        ({"kind": "cusum", "threshold": -1}, "must be above 0"),
        ({"kind": "burn_rate", "objective": 0.5}, "no more than 2 times"),
        ({"kind": "burn_rate", "comparison": "<"}, "compares with > or >="),
        ({"kind": "budget"}, "'threshold' is missing"),
        ({"kind": "budget", "threshold": 0}, "it must be above 0"),
        ({"kind": "budget", "threshold": 5, "for": "1h"}, "leave out 'for'"),
        ({"kind": "budget", "threshold": 5, "comparison": "<"}, "compares with > or >="),
        ({"kind": "seasnal"}, "no kind of rule is named 'seasnal'; did you mean 'seasonal'?"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rule_from({"id": "r", **table}, where="alerts.toml")
    assert said in str(refused.value)


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_budget_replayed_in_one_reading_is_the_same(period: str) -> None:
    spend = rule("budget", **{**BUDGET, "period": period, "threshold": 400, "projected": True})
    values = np.random.default_rng(3).uniform(0, 5, 40 * DAY)
    numbers = numbers_of(values, total=True)
    window = Window(start=FIRST + 25 * DAY * HOUR, end=FIRST + 38 * DAY * HOUR)
    once = steps(spend, COST, numbers, range(25 * DAY, 38 * DAY))

    again = backtest(spend, window, numbers=numbers, metrics={"cost_usd": COST}, settings=AlertSettings())

    assert [one.state for one in again.evaluations] == [one.after.state for one in once]
    assert [one.value for one in again.evaluations] == pytest.approx([one.verdict.value for one in once])
    assert [one.passed for one in again.evaluations] == [one.after.passed for one in once]


def test_of_too_few_compared_calls_there_is_no_verdict() -> None:
    drifts = rule("drift", metric="input_drift", window="1h", every="1h", min_samples=200)
    [one] = steps(drifts, Info("level", "ratio"), numbers_of([1.4], 50), range(1))

    assert (one.verdict.breached, one.verdict.cause) == (None, Health.INSUFFICIENT_BASELINE)


def test_a_reading_that_fails_is_health_and_ends_nothing() -> None:
    def fails(*_: Any) -> list[Sample]:
        raise QueryTimeout("stopped after 10 s")

    numbers = Numbers(measure=fails, sliding=one_by_one(fails))
    seasonal = rule("seasonal", **SEASONAL)
    numbers.read_ahead(seasonal, LATENCY, [FIRST], HOUR)
    numbers.read_ahead(seasonal, LATENCY, [], HOUR)
    up = Alert(state=State.FIRING, active_at=FIRST, fired_at=FIRST)

    found = advance(seasonal, LATENCY, {"{}": up}, FIRST + HOUR, numbers=numbers, most=1)

    assert found.error == "stopped after 10 s"
    assert [(one.after.state, one.after.health) for one in found.steps] == [(State.FIRING, Health.ERROR)]
