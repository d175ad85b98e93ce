"""Rollups follow the raw rows, however late those come or change."""

from datetime import timedelta

import pytest

from analytics import rollup
from analytics import window as w
from analytics.metric import measure
from analytics.prices import PriceSettings, price_calls
from store import rollup as tables
from store.model import Window


def rolled(store) -> list[tuple]:
    return [store.read(f"FROM {one.table} ORDER BY ALL").rows() for one in tables.ROLLUPS]


def test_refreshing_twice_changes_nothing(store, now, scored_traffic):
    scored_traffic(1, w.last(timedelta(days=3), now), 1000)
    first = rollup.refresh(store, now=now)
    once = rolled(store)
    assert first["hours"] == 73
    assert first["rows"] == len(once[0])
    assert rollup.refresh(store, now=now) == {"hours": 0, "rows": 0}
    with store.transaction() as tx:
        tx.execute("INSERT INTO data.dirty_hours SELECT DISTINCT date_trunc('hour', event_time) FROM data.calls")
    rollup.refresh(store, now=now)
    assert rolled(store) == once
    assert store.one("SELECT count(*) FROM data.dirty_hours") == 0


def test_late_calls_land_in_their_own_hour_and_only_that_is_rebuilt(store, now, add):
    add(*({"event_time": now - timedelta(hours=hours)} for hours in range(5)))
    rollup.refresh(store, now=now)
    add({"event_time": now - timedelta(hours=3)})
    assert rollup.refresh(store, now=now) == {"hours": 1, "rows": 1}
    hours = store.read("SELECT hour, calls FROM data.rollup_hour ORDER BY hour").rows()
    assert [calls for _, calls in hours] == [1, 2, 1, 1, 1]


def test_hours_whose_calls_are_gone_are_emptied(store, now, add):
    add({"event_time": now}, {"event_time": now - w.HOUR})
    rollup.refresh(store, now=now)
    with store.transaction() as tx:
        tx.execute("DELETE FROM data.calls WHERE event_time = $at", {"at": now})
        tx.execute("INSERT INTO data.dirty_hours VALUES ($hour)", {"hour": w.floor(now, w.HOUR)})
    rollup.refresh(store, now=now)
    assert store.one("SELECT sum(calls) FROM data.rollup_hour") == 1


def test_costs_that_come_later_are_seen(store, now, add):
    add({"provider": "openai", "request_model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100})
    rollup.refresh(store, now=now)
    long = Window(start=now - timedelta(days=20), end=now + w.HOUR)
    assert measure(store, "cost_usd", long)[0].value is None
    price_calls(store, PriceSettings(), now=now)
    assert measure(store, "cost_usd", long)[0].value == pytest.approx(0.0035)
    rollup.refresh(store, now=now)
    assert store.one("SELECT cost_usd FROM data.rollup_hour") == pytest.approx(0.0035)


def test_many_scattered_dirty_hours_still_give_the_exact_sum(store, now, add):
    at = [now - timedelta(hours=7 * step) for step in range(50)]
    add(*({"event_time": moment} for moment in at))
    rollup.refresh(store, now=now)
    add(*({"event_time": moment} for moment in at[::3]))
    window = w.last(timedelta(days=13), now)
    expected = sum(window.start <= moment < window.end for moment in at + at[::3])
    assert measure(store, "calls", window)[0].value == expected


def test_a_range_of_whole_clean_hours_is_read_from_the_rollup_alone(store, now, add):
    window = Window(start=w.floor(now, w.DAY) - 10 * w.DAY, end=w.floor(now, w.DAY))
    add(*({"event_time": window.start + 5 * step * w.HOUR, "latency_ms": 100.0} for step in range(40)))
    rollup.refresh(store, now=now)
    with store.transaction() as tx:
        tx.execute("DELETE FROM data.calls")
    assert measure(store, "calls", window)[0].value == 40
    assert measure(store, "latency_p50", window)[0].value == pytest.approx(100, rel=0.02)
