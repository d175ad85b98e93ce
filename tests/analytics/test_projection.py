"""What the month comes to, and how scores spread."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.distribution import distribution
from analytics.projection import month
from store.calls import append_calls, call_table
from store.evaluations import append_evaluations
from store.model import Evaluation, LLMCall, Window

NOON = datetime(2026, 5, 11, 12, tzinfo=UTC)


def fill(store, days: dict[int, float]) -> None:
    """One call at noon on each day of May, with its cost."""
    calls = [LLMCall(call_id=f"c{day}", source="test", event_time=NOON.replace(day=day)) for day in days]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOON))
        for day, cost in days.items():
            tx.execute(
                "UPDATE data.calls SET cost_usd = ?, cost_status = 'priced' WHERE call_id = ?", [cost, f"c{day}"]
            )


def test_the_rest_of_the_month_costs_what_the_last_whole_days_did(store):
    fill(store, {1: 100.0, 9: 2.0, 10: 4.0})
    bill = month(store, now=NOON)
    assert bill.spent_usd == pytest.approx(106.0)
    assert bill.projected_usd == pytest.approx(106.0 + 3.0 * 20.5)
    assert bill.ends_at == datetime(2026, 6, 1, tzinfo=UTC)


def test_without_a_whole_day_nothing_is_projected(store):
    fill(store, {11: 5.0})
    bill = month(store, now=NOON + timedelta(minutes=1))
    assert (bill.spent_usd, bill.projected_usd) == (5.0, None)


def test_the_first_moment_of_a_month_has_cost_nothing_yet(store):
    first = datetime(2026, 5, 1, tzinfo=UTC)
    assert month(store, now=first).spent_usd is None


def test_scores_are_counted_by_their_value_and_shares_add_up(store):
    values = [0.0, 0.04, 0.05, 0.5, 1.0]
    calls = [LLMCall(call_id=f"c{i}", source="test", event_time=NOON) for i in range(len(values))]
    scores = [
        Evaluation(
            call_id=f"c{i}", event_time=NOON, name="toxicity", evaluator="toxicity/x", value=value, label="fine",
            flagged=False, created_at=NOON,
        )
        for i, value in enumerate(values)
    ]  # fmt: skip
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOON))
        append_evaluations(tx, scores)
    spread = distribution(store, "toxicity", Window(start=NOON, end=NOON + timedelta(hours=1)))
    assert dict(zip(spread["low"], spread["n"], strict=True)) | {} == {
        low / 20: {0: 2, 1: 1, 10: 1, 19: 1}.get(low, 0) for low in range(20)
    }
    assert spread["share"].sum() == pytest.approx(1.0)


def test_without_scores_there_are_no_shares(store):
    spread = distribution(store, "toxicity", Window(start=NOON, end=NOON + timedelta(hours=1)))
    assert spread["n"].sum() == 0
    assert spread["share"].null_count() == 20
