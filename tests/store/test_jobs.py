"""The ledger of job runs."""

from datetime import UTC, datetime, timedelta

import pytest

from store import jobs
from store.connection import Store, StoreSettings

DUE = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_due_window_runs_once(store):
    assert jobs.claim(store, "cost", DUE, DUE)
    assert not jobs.claim(store, "cost", DUE, DUE + SECOND)
    jobs.finish(store, "cost", DUE, DUE + SECOND, counts={"priced": 3})
    assert not jobs.claim(store, "cost", DUE, DUE + 2 * SECOND)
    assert jobs.claim(store, "cost", DUE + 60 * SECOND, DUE + 60 * SECOND)
    assert jobs.claim(store, "rollup", DUE, DUE)


def test_a_run_that_a_crash_left_behind_is_taken_over(tmp_path):
    settings = StoreSettings(path=tmp_path / "jobs.duckdb")
    with Store(settings) as crashed:
        jobs.claim(crashed, "cost", DUE, DUE)
    with Store(settings) as store:
        assert jobs.claim(store, "cost", DUE, DUE + 30 * SECOND)
        assert not jobs.claim(store, "cost", DUE, DUE + 31 * SECOND)
        jobs.finish(store, "cost", DUE, DUE + 32 * SECOND)
        assert jobs.recent(store)["duration_ms"].to_list() == [2000.0]


def test_a_run_keeps_how_long_it_took_what_it_did_and_what_went_wrong(store):
    jobs.claim(store, "cost", DUE, DUE)
    jobs.finish(store, "cost", DUE, DUE + 1.5 * SECOND, counts={"priced": 3})
    later = DUE + 60 * SECOND
    jobs.claim(store, "cost", later, later)
    jobs.finish(store, "cost", later, later + SECOND, error="StoreError: disk full")
    failed, good = jobs.recent(store, job="cost").to_dicts()
    assert (good["status"], good["duration_ms"], good["counts"], good["error"]) == ("ok", 1500, '{"priced":3}', None)
    assert (failed["status"], failed["error"], failed["due_at"]) == ("error", "StoreError: disk full", later)
    assert jobs.last_ok(store, "cost") == DUE + 1.5 * SECOND
    assert jobs.last_ok(store, "rollup") is None
    assert jobs.last_runs(store)["status"].to_list() == ["error"]


@pytest.mark.parametrize("limit", [1, 5])
def test_the_newest_runs_come_first_and_old_ones_can_be_forgotten(store, limit):
    for minute in range(3):
        at = DUE + minute * 60 * SECOND
        jobs.claim(store, "cost", at, at)
        jobs.finish(store, "cost", at, at)
    assert jobs.recent(store, limit=limit)["due_at"][0] == DUE + 120 * SECOND
    assert jobs.recent(store, limit=limit).height == min(limit, 3)
    assert jobs.prune(store, before=DUE + 60 * SECOND) == 1
    assert jobs.recent(store).height == 2
