"""Workers run tasks elsewhere, and outlive what kills them."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from leeway.workers import Inline, WorkerDied, Workers, WorkerTimedOut
from tests.leeway import stubborn


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(niceness=10, timeout_s=60)
    yield made
    made.close()


def test_a_task_runs_in_another_process_that_is_nice_and_offline(workers: Workers):
    assert workers.submit(math.sqrt, 9.0).result(60) == 3.0
    assert workers.submit(os.getpid).result(60) != os.getpid()
    assert workers.submit(os.nice, 0).result(60) >= 10
    assert workers.submit(os.getenv, "HF_HUB_OFFLINE").result(60) == "1"
    assert workers.submit(os.getenv, "DO_NOT_TRACK").result(60) == "1"


def test_nothing_starts_before_it_is_needed():
    idle = Workers()
    assert not idle._threads
    idle.close()


def test_what_a_task_raises_comes_back(workers: Workers):
    with pytest.raises(ValueError, match="math domain"):
        workers.submit(math.sqrt, -1.0).result(60)
    with pytest.raises(TypeError):
        workers.submit(math.sqrt, "nine").result(60)  # type: ignore[arg-type]


def test_an_exception_that_cannot_travel_comes_back_as_its_words(workers: Workers):
    with pytest.raises(LookupError, match="no-such-codec"):
        workers.submit(bytes.decode, b"\xff", "no-such-codec").result(60)


def test_a_killed_worker_fails_its_own_task_only(workers: Workers):
    poison = workers.submit(os._exit, 3)
    others = [workers.submit(math.sqrt, float(n)) for n in range(20)]
    with pytest.raises(WorkerDied, match=r"_exit: its process ended \(exit code 3\)"):
        poison.result(60)
    assert [f.result(60) for f in others] == [math.sqrt(n) for n in range(20)]
    assert workers.deaths == 1


def test_a_signal_is_named(workers: Workers):
    with pytest.raises(WorkerDied, match="SIGSEGV"):
        workers.submit(signal.raise_signal, signal.SIGSEGV).result(60)


def test_a_task_past_its_limit_is_stopped_and_the_next_one_runs():
    hasty = Workers(1, timeout_s=3)
    try:
        assert hasty.submit(math.sqrt, 4.0).result(60) == 2.0
        with pytest.raises(WorkerTimedOut, match="stopped after 3 s"):
            hasty.submit(time.sleep, 60).result(60)
        assert hasty.submit(math.sqrt, 4.0).result(60) == 2.0
    finally:
        hasty.close()


def test_an_idle_child_gives_its_memory_back_and_a_new_one_starts():
    sleepy = Workers(1, idle_s=0.2)
    try:
        first = sleepy.submit(os.getpid).result(60)
        _wait_until_gone(first)
        assert sleepy.submit(os.getpid).result(60) != first
    finally:
        sleepy.close()


def test_closing_ends_what_runs_cancels_what_waits_and_leaves_no_process():
    closing = Workers(1)
    child = closing.submit(os.getpid).result(60)
    running = closing.submit(time.sleep, 600)
    waiting = closing.submit(time.sleep, 600)
    while not running.running():
        time.sleep(0.01)
    closing.close()
    with pytest.raises(WorkerDied):
        running.result(10)
    with pytest.raises(CancelledError):
        waiting.result(10)
    _wait_until_gone(child)
    with pytest.raises(RuntimeError, match="closed"):
        closing.submit(os.getpid)


@pytest.mark.slow
def test_children_die_with_a_parent_that_was_killed(tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, time\n"
        "from leeway.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    workers = Workers()\n"
        "    print(workers.submit(os.getpid).result(60), flush=True)\n"
        "    workers.submit(time.sleep, 600)\n"
        "    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.kill()
        _wait_until_gone(child)


def test_inline_runs_in_the_caller():
    inline = Inline()
    assert inline.submit(os.getpid).result() == os.getpid()
    with pytest.raises(ValueError, match="math domain"):
        inline.submit(math.sqrt, -1.0).result()
    inline.close()


def _wait_until_gone(pid: int, limit_s: float = 10) -> None:
    """A zombie counts as gone: it holds nothing."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still lives")


def test_an_exception_that_breaks_on_its_journey_arrives_as_words(workers: Workers):
    with pytest.raises(RuntimeError, match="StubbornError: two words"):
        workers.submit(stubborn.raise_stubborn).result(60)
