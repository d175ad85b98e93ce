"""What a message says of what else changed, and what an incident cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.novelties import changes
from analytics.surplus import extra_cost
from analytics.verdict import SUMMARY
from store.calls import append_calls, call_table
from store.comparisons import append_comparisons
from store.connection import Store
from store.model import Comparison, LLMCall, Window

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATELY = Window(start=NOW - 2 * HOUR, end=NOW)


def keep(store: Store, *calls: tuple[timedelta, dict[str, Any]]) -> None:
    made = [
        LLMCall(call_id=f"c{number}{ago}", source="test", event_time=NOW - ago, **fields)
        for number, (ago, fields) in enumerate(calls)
    ]
    with store.transaction() as tx:
        append_calls(tx, call_table(made, source_id=None, ingested_at=NOW))


def test_what_is_named_for_the_first_time_is_told_with_its_share(store: Store) -> None:
    old = {"request_model": "gpt-x", "response_model": "gpt-x-01", "prompt_name": "chat", "prompt_version": "6"}
    new = {**old, "response_model": "gpt-x-02", "prompt_version": "7", "service": "shop", "service_version": "2.1"}
    keep(store, *((n * HOUR, old) for n in range(3, 30)), *((HOUR - n * timedelta(minutes=1), new) for n in range(9)),
         (HOUR / 2, old))  # fmt: skip

    assert changes(store, "latency_p95", LATELY) == [
        "new prompt chat 7 since 2026-03-10 11:00 UTC (90 % of calls since)",
        "new release shop 2.1 since 2026-03-10 11:00 UTC (90 % of calls since)",
        "new response model gpt-x-02 since 2026-03-10 11:00 UTC (90 % of calls since)",
    ]


def test_what_was_there_within_the_week_is_not_new(store: Store) -> None:
    keep(store, (timedelta(days=6), {"request_model": "a"}), (HOUR, {"request_model": "a"}))

    assert changes(store, "latency_p95", LATELY) == []


def test_only_calls_that_the_alert_looks_at_count(store: Store) -> None:
    keep(store, (HOUR, {"request_model": "a", "environment": "test"}), (3 * HOUR, {"environment": "prod"}))

    assert changes(store, "latency_p95", LATELY, {"environment": ("prod",)}) == []


def test_a_price_that_changed_is_told(store: Store) -> None:
    keep(store, (HOUR, {"provider": "openai", "response_model": "gpt-x"}), (30 * HOUR, {"response_model": "gpt-x", "provider": "openai"}))  # noqa: E501 # fmt: skip
    insert = """
        INSERT INTO data.prices (provider, model, day, status, input_mtok, output_mtok, source, edition, updated_at)
        VALUES ('openai', 'gpt-x', $day, 'priced', $price, 10, 'test', 'test', $now)
    """
    with store.transaction() as tx:
        for days, price in ((2, 2.5), (1, 2.5), (0, 5.0)):
            tx.execute(insert, {"day": (NOW - timedelta(days=days)).date(), "price": price, "now": NOW})

    assert changes(store, "cost_usd", LATELY) == [
        "price of gpt-x since 2026-03-10: $2.5 → $5 in, $10 → $10 out a million tokens"
    ]


def test_of_drift_the_new_topics_are_named(store: Store) -> None:
    topics = [{"name": "refund status", "now": 0.12, "new": True}, {"name": "shipping", "now": 0.5, "new": False}]
    found = Comparison(
        detector=SUMMARY, subject="input_text", statistic=1.8, threshold=1.0, drifted=True,
        reference=Window(start=NOW - 48 * HOUR, end=NOW - 24 * HOUR),
        current=Window(start=NOW - 3 * HOUR, end=NOW - HOUR),
        n_reference=200, n_current=200, details={"topics": topics},
    )  # fmt: skip
    with store.transaction() as tx:
        append_comparisons(tx, [found], now=NOW)

    assert changes(store, "input_drift", LATELY) == ["new topic 'refund status' (12 % of prompts)"]
    assert changes(store, "output_drift", LATELY) == []
    assert changes(store, "latency_p95", LATELY) == []


@pytest.mark.parametrize(
    ("costs", "extra"),
    [
        ({0.5: 7.0, 168.5: 2.0, 1.5: 6.0}, 5.0),  # against the same hour last week
        ({0.5: 7.0, 1.5: 6.0}, 1.0),  # against the hour before
        ({0.5: 7.0}, None),
        ({1.5: 6.0}, None),
    ],
)
def test_what_an_incident_cost_is_measured_against_what_is_usual(
    store: Store, costs: dict[float, float], extra: float | None
) -> None:
    keep(store, *((hours * HOUR, {}) for hours in costs))
    with store.transaction() as tx:
        for hours, cost in costs.items():
            tx.execute(
                "UPDATE data.calls SET cost_usd = $c WHERE event_time = $at", {"c": cost, "at": NOW - hours * HOUR}
            )

    assert extra_cost(store, Window(start=NOW - HOUR, end=NOW)) == extra
