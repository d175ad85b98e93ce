"""Whom a number that moved concerns."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.affected import affected
from store.calls import append_calls, call_table
from store.connection import Store
from store.model import LLMCall, Status, Window

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = Window(start=START, end=START + timedelta(hours=1))


def _call(number: int, user: str | None, tenant: str | None, status: Status = Status.OK) -> LLMCall:
    return LLMCall(
        call_id=f"c{number}", source="test", event_time=START + timedelta(minutes=number), model="m", user_id=user,
        tenant=tenant, status=status, latency_ms=900.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("error_rate", "1 of 2 users, 1 of 1 tenant"), ("latency_p95", "2 users, 1 tenant"), ("refusal_rate", "")],
)
def test_it_counts_people_and_tenants(store: Store, name: str, said: str) -> None:
    calls = [_call(0, "ana", "acme"), _call(1, "bo", "acme", Status.ERROR), _call(2, "bo", "acme", Status.ERROR)]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=START))

    assert affected(store, name, HOUR, {}) == said
    assert affected(store, name, HOUR, {"model": ("other",)}) == ""
