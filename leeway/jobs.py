"""What is done on a schedule, and how one run of it is kept to its due window.

A job is idempotent per due window: the ledger in the database says whether a window was done, so a restart, a late
clock or a second trigger repeats nothing, and a pause is caught up by the next run.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from store import jobs as ledger
from store.connection import Store

log = logging.getLogger(__name__)

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`run` takes the moment it is due for and returns counts.

    `drains`: one run takes a bounded bite; run it again until it finds nothing more.
    """

    name: str
    help: str
    every: timedelta
    run: Callable[[datetime], Counts]
    drains: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    job: str
    status: str
    counts: Counts
    seconds: float
    error: str | None = None


def due(now: datetime, every: timedelta) -> datetime:
    """The start of the due window that holds `now`: whole multiples of `every` since the epoch."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return now - (now - epoch) % every


class Runner:
    """Run jobs, each never beside itself, each with a row in `job_runs`; none any more once `stopping` is set."""

    def __init__(self, store: Store, clock: Callable[[], datetime], stopping: threading.Event | None = None) -> None:
        self.store = store
        self.clock = clock
        self.stopping = stopping or threading.Event()
        self._locks: dict[str, threading.Lock] = {}

    def scheduled(self, job: Job) -> Ran | None:
        """Run the job for the due window that holds now, unless that was done or it still runs."""
        return self._run(job, due(self.clock(), job.every))

    def now(self, job: Job) -> Ran | None:
        """Run the job at once, whatever was done before; None if it is running already."""
        return self._run(job, self.clock())

    def to_the_end(self, job: Job) -> Ran | None:
        """Run the job at once, and again while it drains something; the counts are added up."""
        total = self.now(job)
        while total and job.drains and (ran := self.now(job)) and any(ran.counts.values()):
            total = replace(total, counts=_added(total.counts, ran.counts), seconds=total.seconds + ran.seconds,
                            status=ran.status, error=ran.error)  # fmt: skip
        return total

    def _run(self, job: Job, due_at: datetime) -> Ran | None:
        lock = self._locks.setdefault(job.name, threading.Lock())
        if self.stopping.is_set() or not lock.acquire(blocking=False):
            return None
        try:
            if not ledger.claim(self.store, job.name, due_at, self.clock()):
                return None
            return self._recorded(job, due_at)
        except Exception:
            if not self.stopping.is_set():
                raise
            log.info("job %s was broken off; its window is due again at the next start", job.name)
            return None
        finally:
            lock.release()

    def _recorded(self, job: Job, due_at: datetime) -> Ran:
        begun = time.perf_counter()
        counts: Counts = {}
        error = None
        try:
            counts = job.run(due_at)
        except Exception as failure:  # a crash in one job stops no other
            if self.stopping.is_set():
                raise
            log.exception("job %s failed", job.name)
            error = "".join(traceback.format_exception_only(failure)).strip()
        ledger.finish(self.store, job.name, due_at, self.clock(), counts=counts, error=error)
        status = "error" if error else "ok"
        return Ran(job=job.name, status=status, counts=counts, seconds=time.perf_counter() - begun, error=error)


def _added(first: Counts, second: Counts) -> Counts:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
