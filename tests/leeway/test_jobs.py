"""A job runs once per due window, never beside itself, and its failure is written down."""

import threading
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from leeway.jobs import Job, Runner, due
from store import jobs as ledger

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def job(run, *, drains: bool = False) -> Job:
    return Job(name="count", help="Counts.", every=MINUTE, run=run, drains=drains)


def test_a_due_window_is_done_once(store):
    done: list[datetime] = []
    runner = Runner(store, lambda: NOW)
    counting = job(lambda at: done.append(at) or {"rows": 1})
    assert runner.scheduled(counting).counts == {"rows": 1}
    assert runner.scheduled(counting) is None
    assert done == [datetime(2026, 11, 24, 12, 0, tzinfo=UTC)]


def test_a_new_process_knows_what_the_old_one_did(store):
    done: list[datetime] = []
    counting = job(lambda at: done.append(at) or {})
    for _ in range(2):
        Runner(store, lambda: NOW).scheduled(counting)
    assert len(done) == 1


def test_a_failure_is_recorded_and_the_next_window_runs(store):
    now = [NOW]
    runner = Runner(store, lambda: now[0])

    def failing(_: datetime) -> dict[str, int]:
        raise ValueError("no disk")

    assert runner.scheduled(job(failing)).error == "ValueError: no disk"
    now[0] += MINUTE
    assert runner.scheduled(job(lambda _: {"rows": 2})).status == "ok"
    runs = ledger.recent(store, limit=10)
    assert sorted(runs["status"].to_list()) == ["error", "ok"]


def test_a_job_never_runs_beside_itself(store):
    entered, leave = threading.Event(), threading.Event()

    def slow(_: datetime) -> dict[str, int]:
        entered.set()
        leave.wait(10)
        return {}

    runner = Runner(store, lambda: NOW)
    first = threading.Thread(target=runner.now, args=[job(slow)])
    first.start()
    entered.wait(10)
    assert runner.now(job(slow)) is None
    leave.set()
    first.join()


def test_a_draining_job_runs_until_nothing_is_left(store):
    left = [3, 2, 0, 9]
    moments = iter(NOW + timedelta(seconds=n) for n in range(100))
    runner = Runner(store, lambda: next(moments))
    ran = runner.to_the_end(job(lambda _: {"rows": left.pop(0)}, drains=True))
    assert ran.counts == {"rows": 5}
    assert left == [9]


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_due_windows_tile_time(now: datetime):
    start = due(now, MINUTE)
    assert start <= now < start + MINUTE
    assert due(start, MINUTE) == start
