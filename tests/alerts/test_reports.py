"""The daily and weekly report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.messages.report import DAILY, WEEKLY, Report, Sources, compose, due, report_from, send_due
from alerts.notification import Notification, facts, headline, loads
from store import outbox
from store.connection import Store
from store.errors import ConfigError
from store.model import Filters, Sample, Slice, Window
from tests.alerts.conftest import METRICS

NOW = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Who made a number move."""

    slice: Slice
    share: float = 0.82
    excess: float = 0.5
    value: float = 9.0
    reference: float = 3.0


@dataclass
class Numbers:
    """`values[metric]` is what it was in windows that start on a day, by days before now; 100 calls each."""

    values: dict[str, dict[int, float]]
    parts: list[Part] = field(default_factory=list)

    def measure(self, name: str, window: Window, _filters: Filters, by: Sequence[str]) -> list[Sample]:
        value = self.values.get(name, {}).get(round((NOW - window.end) / DAY))
        if value is None:
            return []
        if by == ("model",):
            return [
                Sample(slice=(("model", one),), value=part * value, n=50) for one, part in ((None, 0.25), ("m", 0.75))
            ]
        return [Sample(slice=(), value=value, n=100)]

    def who(self, *_: Any) -> list[Part]:
        return self.parts


def sources(store: Store, numbers: Numbers) -> Sources:
    return Sources(
        store=store, measure=numbers.measure, metrics=METRICS, contributors=numbers.who, base_url="https://l.example"
    )


def composed(store: Store, numbers: Numbers, report: Report = DAILY) -> dict[str, str]:
    return dict(facts(compose(report, due(report, NOW), sources(store, numbers))))


def test_it_says_what_changed_and_who_is_behind_it(store: Store) -> None:
    part = Part(slice=(("prompt_name", "support"), ("prompt_version", "7")))
    numbers = Numbers(
        {"calls": {0: 4200, 7: 4000}, "cost_usd": {0: 41.8, 7: 13.1}, "latency_p95": {0: 900, 7: 880}}, [part]
    )

    said = composed(store, numbers)

    assert said["Period"] == "Mon 02 Mar 08:00 – Tue 03 Mar 08:00 UTC, against the same day last week"
    assert said["Calls"] == "4 200, was 4 000 (+5 %)"
    assert said["Cost"] == "$41.80, was $13.10 (+219 %); 82 % of the change from prompt support 7"
    assert said["Cost by model"] == "m $31.35, not named $10.45"
    assert said["Latency"] == "900 ms, was 880 ms"
    assert said["Incidents"] == "none"


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        ({7: 10.0}, "against the same day last week"),
        ({1: 10.0}, "against the day before"),
        ({}, "against nothing: there were no calls before it"),
    ],
)
def test_it_compares_with_the_best_there_is(store: Store, earlier: dict[int, float], said: str) -> None:
    assert composed(store, Numbers({"calls": {0: 10.0, **earlier}}))["Period"].endswith(said)


def test_a_week_is_compared_with_the_week_before(store: Store) -> None:
    numbers = Numbers({"calls": {1: 10.0, 8: 20.0}})

    said = composed(store, numbers, WEEKLY)

    assert said["Period"] == "Mon 23 Feb 08:00 – Mon 02 Mar 08:00 UTC, against the week before"
    assert said["Calls"] == "10, was 20 (-50 %)"


@pytest.mark.parametrize("part", [Part(slice=(("model", None),)), Part(slice=(("model", "a"),), excess=0.0)])
def test_a_slice_that_explains_nothing_is_not_named(store: Store, part: Part) -> None:
    said = composed(store, Numbers({"calls": {0: 100, 7: 10}}, [part]))
    assert "change from" not in said["Calls"]


def test_what_is_open_is_listed(store: Store, engine: Any) -> None:
    engine.world.drawn = {(("model", "a"),): "!!"}
    engine.rules(engine.rule(group_by=["model"]))
    engine.at(0)

    said = composed(store, Numbers({}))

    assert said["Incidents"].startswith("1 fired, 0 acknowledged, 1 open; the longest lasted")
    assert said["Open"] == "Latency — model a (incident 1)"


def test_each_due_moment_is_reported_once_to_its_channels(store: Store) -> None:
    given = sources(store, Numbers({}))
    twice = [DAILY, Report(name="team", channels=("mail", "slack"))]

    assert send_due(twice, given, channels=("ops",), now=NOW) == 2
    assert send_due(twice, given, channels=("ops",), now=NOW + timedelta(hours=3)) == 0
    assert send_due(twice, given, channels=("ops",), now=NOW + DAY) == 2

    assert [len(outbox.waiting(store, name)) for name in ("ops", "mail", "slack")] == [2, 2, 2]
    told: Notification = loads(outbox.waiting(store, "ops")[0].payload)
    assert headline(told) == "[REPORT] Daily report"
    assert told.at == datetime(2026, 3, 3, 8, tzinfo=UTC)


def test_a_report_that_is_half_a_day_late_is_not_sent(store: Store) -> None:
    assert send_due([DAILY], sources(store, Numbers({})), channels=("ops",), now=NOW + timedelta(hours=11)) == 0


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25), ("2026-10-26", 24)]
)
def test_a_day_on_which_clocks_change_has_its_report_once_and_its_own_length(day: str, hours: int) -> None:
    report = Report(name="d", time_zone="Europe/Berlin")
    evening = datetime.fromisoformat(f"{day}T20:00:00+00:00")

    assert due(report, evening).length == timedelta(hours=hours)
    dues = {due(report, evening + n * timedelta(minutes=30) - DAY).end for n in range(96)}
    assert len(dues) == 3


def test_a_time_that_the_clock_skips_is_due_all_the_same() -> None:
    report = Report.model_validate({"name": "d", "time_zone": "Europe/Berlin", "at": "02:30"})
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)

    assert due(report, noon).end == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"name": "d", "time_zone": "Europe/Berln"},
            "no time zone is named 'Europe/Berln'; did you mean 'Europe/Berlin'?",
        ),
        ({"name": "d", "evry": "day"}, "did you mean 'every'?"),
        ({"name": "d", "at": "25:00"}, "at:"),
        ({}, "'name' is missing"),
    ],
)
def test_a_wrong_one_is_refused_with_its_reason(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        report_from(table, where="leeway.toml")
    assert said in str(refused.value)
