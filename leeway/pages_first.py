"""Pages come first: while one is drawn, the processes that score stand still.

Even at a low priority a scoring child takes turns, and shares memory and caches with who draws. So it is stopped for as
long as somebody waits. Standing still makes a debt that running pays back: at most MOST_S at a stretch,
and where the clicks never end a fifth of the time is left for scoring.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from leeway.workers import Inline, Workers

P = ParamSpec("P")
T = TypeVar("T")

MOST_S = 2.0  # a page that takes longer waits for something else than a core
PAYS = 4.0  # a second that they run makes up for so many that they stood


class PagesFirst(Executor):
    """`drawing()` around whatever somebody waits for, in any number of threads; `submit` from within."""

    def __init__(self, workers: Workers | Inline, *, most_s: float = MOST_S) -> None:
        self._workers, self._most_s = workers, most_s
        self._lock = threading.Lock()
        self._drawn = self._asked = 0
        self._owed, self._counted_at = 0.0, time.monotonic()
        self._release: threading.Timer | None = None  # while they stand still: what sets them going again

    @contextmanager
    def drawing(self) -> Iterator[None]:
        with self._lock:
            self._drawn += 1
            self._stop()
        try:
            yield
        finally:
            with self._lock:
                self._drawn -= 1
                if not self._drawn:
                    self._go_on()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have the workers do what a page itself waits for: until it is done they go on, whoever else waits."""
        with self._lock:
            self._asked += 1
            self._go_on()
        future = self._workers.submit(fn, *args, **kwargs)
        future.add_done_callback(self._answered)
        return future

    def _answered(self, _future: Future[Any]) -> None:
        with self._lock:
            self._asked -= 1

    def _stop(self) -> None:
        self._count()
        if self._release or self._asked or self._owed > self._most_s / 2:
            return
        self._release = threading.Timer(self._most_s - self._owed, self._enough)
        self._release.daemon = True
        self._release.start()
        self._workers.hold()

    def _enough(self) -> None:
        with self._lock:
            self._go_on()

    def _go_on(self) -> None:
        self._count()
        if self._release:
            self._release.cancel()
            self._release = None
            self._workers.resume()

    def _count(self) -> None:
        now = time.monotonic()
        passed, self._counted_at = now - self._counted_at, now
        self._owed = self._owed + passed if self._release else max(0.0, self._owed - PAYS * passed)
