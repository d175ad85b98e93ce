"""While somebody waits for a page, scoring stands still; and yet it comes to its end."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeway.pages_first import PagesFirst
from leeway.workers import Workers, WorkerTimedOut

MOST_S = 0.5


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(1, timeout_s=1.0)
    yield made
    made.close()


def stands_still(pid: int) -> bool:
    """Whether the process is stopped (`T`, as `ps` says) within a second."""
    for _ in range(100):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return True
        time.sleep(0.01)
    return False


def test_the_workers_stand_still_while_any_page_is_drawn(workers: Workers):
    child, first = workers.submit(os.getpid).result(60), PagesFirst(workers, most_s=MOST_S)
    with first.drawing():
        with first.drawing():
            assert stands_still(child)
        assert stands_still(child)
    assert workers.submit(os.getpid).result(1) == child


def test_a_page_that_fails_sets_them_going_again(workers: Workers):
    child, first = workers.submit(os.getpid).result(60), PagesFirst(workers, most_s=MOST_S)
    with pytest.raises(ZeroDivisionError), first.drawing():
        raise ZeroDivisionError
    assert workers.submit(os.getpid).result(1) == child


def test_what_a_page_itself_waits_for_is_done_meanwhile(workers: Workers):
    first = PagesFirst(workers, most_s=MOST_S)
    workers.submit(os.getpid).result(60)
    with first.drawing():
        begun = time.monotonic()
        assert first.submit(os.getpid).result(60)
        assert time.monotonic() - begun < MOST_S


def test_a_page_that_never_ends_holds_nothing_up_for_ever(workers: Workers):
    first = PagesFirst(workers, most_s=MOST_S)
    workers.submit(os.getpid).result(60)
    with first.drawing():
        assert workers.submit(os.getpid).result(60)


def test_a_crowd_that_never_stops_clicking_leaves_a_part_of_the_time(workers: Workers):
    workers.submit(os.getpid).result(60)
    first, before, begun = PagesFirst(workers, most_s=MOST_S), workers.stood_s(), time.monotonic()
    while (passed := time.monotonic() - begun) < 4 * MOST_S:
        with first.drawing():
            time.sleep(0.05)
    assert 0.5 < (workers.stood_s() - before) / passed < 0.95


def test_what_it_stood_still_does_not_count_towards_the_limit_of_a_task(workers: Workers):
    workers.submit(os.getpid).result(60)
    task = workers.submit(time.sleep, 0.5)
    workers.hold()
    time.sleep(1.5)
    workers.resume()
    assert task.result(60) is None
    with pytest.raises(WorkerTimedOut):
        workers.submit(time.sleep, 30).result(60)
