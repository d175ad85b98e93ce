"""A replay of the demo's days is, row for row, what the live engine wrote; and rules of a first start stay quiet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from alerts.backtest import backtest
from alerts.engine.held import held_as_of
from alerts.rule import Rule
from alerts.rules import rulebook
from alerts.rules.defaults import starters
from alerts.rules.rulefile import rule_from, rules_from_file
from alerts.settings import AlertSettings
from analytics import prices
from analytics.metric import metrics
from leeway import schedule
from leeway.config import load
from leeway.demo import SEED, fill, sample_folder
from leeway.demo_traffic.arrivals import DURATION
from leeway.demo_traffic.traffic import Traffic, traffic
from leeway.runtime import Runtime
from store.model import Window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NO_MODELS = ("summary-length", "summary-cost", "slow-answers", "rate-limited")
KINDS = [
    {
        "id": "r-change",
        "kind": "change",
        "metric": "latency_p95",
        "threshold": 1.5,
        "every": "15m",
        "group_by": "provider",
    },
    {"id": "r-no-data", "kind": "no_data", "every": "15m", "group_by": "prompt_name"},
    {"id": "r-burn", "kind": "burn_rate", "metric": "error_rate", "objective": 0.99, "every": "15m", "threshold": 6},
    {"id": "r-budget", "kind": "budget", "metric": "cost_usd", "threshold": 1.0, "period": "day"},
    {"id": "r-season", "kind": "seasonal", "metric": "cost_usd", "window": "1h"},
]
ROW = ("slice", "window_end", "value", "baseline", "threshold", "n", "breached", "state", "health", "active_at",
       "fired_at", "keep_firing_since", "unknown_since", "missing", "passed")  # fmt: skip


def rules() -> list[Rule]:
    demo = rules_from_file(sample_folder() / "demo_alerts.toml", metrics())
    mine = [rule_from(table, where="test", metrics=metrics()) for table in KINDS]
    return [*(rule for rule in demo if rule.id in NO_MODELS), *mine, *starters(metrics())]


@pytest.fixture(scope="module")
def made() -> Traffic:
    return traffic(sample_folder(), now=NOW, seed=SEED)


@pytest.fixture(scope="module")
def runtime(made: Traffic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Two days of the demo's calls, watched hour by hour as a server would have."""
    path = tmp_path_factory.mktemp("replay") / "demo.duckdb"
    opened = Runtime(load(environ={}, store__path=path), clock=lambda: NOW)
    fill(opened.store, made, now=NOW)
    prices.price_calls(opened.store, opened.settings.prices, now=NOW)
    rulebook.set_rules(opened.store, rules(), origin="demo", by="test", now=NOW - DURATION)
    for hours in range(DURATION // HOUR + 1):
        schedule.evaluate_rules(opened, NOW - DURATION + hours * HOUR, channels=("ops",), replayed_at=NOW)
    yield opened
    opened.close()


def replayed(runtime: Runtime, rule: Rule, window: Window) -> pl.DataFrame:
    held = held_as_of(runtime.store, rule, {}, window.start + timedelta(microseconds=1))
    found = backtest(
        rule, window, numbers=runtime.numbers(), metrics=metrics(), settings=AlertSettings(), held=held
    ).evaluations
    rows = [{name: getattr(one, name) for name in ROW} for one in found]
    return pl.DataFrame(rows, infer_schema_length=None).sort("slice", "window_end")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_a_replayed_day_is_what_the_live_engine_wrote(runtime: Runtime, rule: Rule) -> None:
    day = Window(start=NOW - timedelta(days=1, hours=6), end=NOW - timedelta(hours=6))
    sql = "SELECT * FROM data.alert_evaluations WHERE rule_id = $rule AND window_end > $start AND window_end <= $end"
    live = runtime.store.read(sql, {"rule": rule.id, "start": day.start, "end": day.end})
    live = live.select(ROW).sort("slice", "window_end")
    again = replayed(runtime, rule, day).cast(live.schema)

    assert live.height
    assert_frame_equal(again, live, check_exact=False, rel_tol=1e-9, abs_tol=1e-12)


def test_what_is_planted_fires_once_and_a_first_start_adds_nothing_else(runtime: Runtime, made: Traffic) -> None:
    found = runtime.store.read("SELECT rule_id, slice, fired_at FROM data.incidents ORDER BY fired_at").rows()
    demo = [rule_id for rule_id, _, _ in found if rule_id in NO_MODELS]
    first = {rule_id for rule_id, _, _ in found if rule_id.startswith("default-")}

    assert sorted(demo) == sorted(NO_MODELS)
    assert first <= {"default-rate-limited-rate", "default-error-rate"}
    planted = [incident.window for incident in made.story.incidents]
    assert all(any(one.start < at <= one.end + 2 * HOUR for one in planted) for rule_id, _, at in found if rule_id in {*first, *demo})  # noqa: E501 # fmt: skip
