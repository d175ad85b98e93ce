"""Many windows in one reading are the same numbers as window by window."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from analytics.metric import measure
from analytics.sliding import sliding
from store.calls import append_calls, call_table
from store.connection import Store
from store.errors import ConfigError
from store.model import LLMCall, Status, Window

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ENDS = Window(start=START + 60 * MINUTE, end=START + 300 * MINUTE)


@pytest.fixture
def calls(store: Store) -> Store:
    draw = Random(7)
    made = [
        LLMCall(
            call_id=f"c{number}",
            source="test",
            event_time=START + timedelta(seconds=draw.uniform(0, 5 * 3600)),
            latency_ms=draw.expovariate(0.001),
            status=draw.choice([Status.OK, Status.OK, Status.ERROR]),
            model=draw.choice(["a", "b", None]),
        )
        for number in range(600)
    ]
    with store.transaction() as tx:
        append_calls(tx, call_table(made, source_id=None, ingested_at=START))
    return store


@pytest.mark.parametrize("name", ["calls", "latency_p95", "error_rate", "cost_usd"])
@pytest.mark.parametrize(("length", "every"), [(60, 15), (15, 15), (10, 15), (25, 10)])
@pytest.mark.parametrize("by", [(), ("model",)])
def test_they_are_the_same_numbers(calls: Store, name: str, length: int, every: int, by: tuple[str, ...]) -> None:
    filters = {"model": ("a", None)}
    found = sliding(calls, name, ENDS, length=length * MINUTE, every=every * MINUTE, filters=filters, by=by)

    assert min(found) >= ENDS.start
    assert max(found) == ENDS.end
    for end, samples in found.items():
        window = Window(start=end - length * MINUTE, end=end)
        alone = measure(calls, name, window, filters=filters, by=by)
        assert [(one.slice, one.n) for one in samples] == [(one.slice, one.n) for one in alone]
        assert [one.value for one in samples] == pytest.approx([one.value for one in alone], nan_ok=True)


def test_windows_without_calls_are_left_out(calls: Store) -> None:
    later = Window(start=START + timedelta(days=9), end=START + timedelta(days=10))

    assert sliding(calls, "calls", later, length=MINUTE, every=MINUTE) == {}


def test_a_dimension_that_does_not_exist_is_refused(calls: Store) -> None:
    with pytest.raises(ConfigError, match="no dimension is called 'modell'"):
        sliding(calls, "calls", ENDS, length=MINUTE, every=MINUTE, by=["modell"])
