"""Executors: heavy work in processes of its own, so that the owner of the database never stops answering.

Each worker is one thread here and one child process there, joined by a pipe. So the death of a child is known to be
that of one task: that task fails with `WorkerDied`, the child is made anew, and everything else goes on. (A
`ProcessPoolExecutor` fails all that waits and cannot say which task it was.) Tasks and results are pickled; nothing
but our own code ever writes into the pipe.
"""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, ParamSpec, TypeVar

import numpy as np

from leeway.memory import HUGE_PAGES
from leeway.workchild import READY, WorkersSettings, work
from store.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")

LEAVE_S = 2.0
START_S, STARTS = 60.0, 20


class WorkerDied(BrokenExecutor):
    """The process that ran the task ended; the task may be the reason."""


class WorkerTimedOut(WorkerDied):
    """The task ran past its limit and its process was ended."""


@dataclass(frozen=True, slots=True)
class _Task:
    future: Future[Any]
    payload: bytes
    name: str


class Workers(Executor):
    """Run functions in child processes; they start when first needed and end with this process."""

    def __init__(
        self,
        max_workers: int = 2,
        *,
        niceness: int = 0,
        threads: int = 1,
        timeout_s: float = 300.0,
        idle_s: float = 600.0,
    ) -> None:
        self.settings = WorkersSettings(
            max_workers=max_workers, niceness=niceness, threads=threads, timeout_s=timeout_s, idle_s=idle_s
        )
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._children: set[_Child] = set()
        self._closed = self._stopped = False
        self._held_at: float | None = None
        self._stood_s = 0.0
        self.deaths = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call; `fn` must be importable by name, arguments and result picklable."""
        payload = pickle.dumps((fn, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL)
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("these workers are closed")
            self._tasks.put(_Task(future, payload, getattr(fn, "__qualname__", repr(fn))))
            if len(self._threads) < self.settings.max_workers:
                self._start_thread()
        return future

    def hold(self) -> None:
        """Make the children stand still until `resume`; their limits do not run down meanwhile."""
        with self._lock:
            self._signal("SIGSTOP")
            self._held_at = self._held_at or time.monotonic()

    def resume(self) -> None:
        with self._lock:
            self._signal("SIGCONT")
            self._stood_s, self._held_at = self.stood_s(), None

    def _signal(self, name: str) -> None:
        """To every child; where a system knows no such signal, nothing is held."""
        if number := getattr(signal, name, None):
            for pid in [pid for child in self._children if (pid := child.process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def stood_s(self) -> float:
        """Seconds that the children were held, all in all."""
        return self._stood_s + (time.monotonic() - self._held_at if self._held_at else 0.0)

    def close(self) -> None:
        """End every child now; what was running or waiting fails with WorkerDied."""
        self.shutdown(wait=True, cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._closed = True
            if cancel_futures:
                self._stopped = True
                self._cancel_waiting()
                for child in self._children:
                    if child.busy:
                        child.process.kill()
            for _ in self._threads:
                self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _cancel_waiting(self) -> None:
        with suppress(queue.Empty):
            while True:
                if task := self._tasks.get_nowait():
                    task.future.cancel()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"worker-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        """One worker's life: take a task, have the child do it, make a new child when it dies."""
        child: _Child | None = None
        while True:
            try:
                task = self._tasks.get(timeout=self.settings.idle_s)
            except queue.Empty:
                self._retired(child)
                child = None
                continue
            if task is None:
                self._retired(child)
                return
            if task.future.set_running_or_notify_cancel():
                child = self._run(task, child)

    def _run(self, task: _Task, child: "_Child | None") -> "_Child | None":
        try:
            child = child or self._child()
            self._set_to_work(child)
            ok, value = child.call(task.payload, self.settings.timeout_s, self.stood_s)
        except WorkerDied as error:
            self.deaths += 1
            self._retired(child)
            task.future.set_exception(type(error)(f"{task.name}: {error}"))
            return None
        except ConfigError as error:
            task.future.set_exception(error)
            return None
        if ok:
            task.future.set_result(value)
        else:
            task.future.set_exception(value)
        return child

    def _child(self) -> "_Child":
        """A child that is ready for work. One that ends before is no task's fault: another takes its place."""
        for _ in range(STARTS):
            child = _Child(self.settings)
            with self._lock:
                self._children.add(child)
            if child.ready():
                return child
            self.deaths += 1
            self._retired(child)
        raise ConfigError(f"no worker process stays alive: {STARTS} ended while they were starting; is memory short?")

    def _set_to_work(self, child: "_Child") -> None:
        """From here on `close` ends the child instead of waiting for it."""
        with self._lock:
            if self._stopped:
                raise WorkerDied("the workers were closed")
            child.busy = True

    def _retired(self, child: "_Child | None") -> None:
        if child:
            with self._lock:
                self._children.discard(child)
            child.end()


class _Child:
    """The process at the other end of a pipe."""

    def __init__(self, settings: WorkersSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self.busy = False
        self._pipe, theirs = context.Pipe()
        os.environ.setdefault(*HUGE_PAGES)
        self.process = context.Process(target=work, args=(theirs, settings, os.getpid()), daemon=True)
        self.process.start()
        theirs.close()

    def ready(self) -> bool:
        """Wait until it has started; False when it ended before."""
        try:
            return bool(wait([self._pipe, self.process.sentinel], START_S)) and self._pipe.recv_bytes() == READY
        except (EOFError, OSError):
            return False

    def call(self, payload: bytes, timeout_s: float, stood: Callable[[], float]) -> tuple[bool, Any]:
        """(True, result) or (False, exception) of one task; raises WorkerDied when there is no answer."""
        try:
            self._pipe.send_bytes(payload)
            if not self._answers(timeout_s, stood):
                raise WorkerTimedOut(f"stopped after {timeout_s:g} s")
            answer = _received(self._pipe)
        except (EOFError, OSError) as error:
            self.process.join(1)
            raise WorkerDied(f"its process ended ({_end(self.process.exitcode)})") from error
        self.busy = False
        return answer

    def _answers(self, timeout_s: float, stood: Callable[[], float]) -> bool:
        """Whether it answers or ends in time; what it `stood` still does not count."""
        begun = time.monotonic() - stood()
        while (left := begun + timeout_s + stood() - time.monotonic()) > 0:
            if wait([self._pipe, self.process.sentinel], left):
                return True
        return False

    def end(self) -> None:
        """An idle child goes by itself when its pipe closes; one that is busy, or slow to go, is killed."""
        self._pipe.close()
        if not self.busy:
            self.process.join(LEAVE_S)
        self.process.kill()
        self.process.join()
        self.process.close()


def _received(pipe: Connection) -> tuple[bool, Any]:
    """Read an answer. Big buffers come by themselves, each straight to where it stays."""
    sizes, answer = pickle.loads(pipe.recv_bytes())  # noqa: S301 - written by our own child
    ok, value = pickle.loads(answer, buffers=[_filled(pipe.fileno(), size) for size in sizes])  # noqa: S301
    return ok, value


def _filled(source: int, size: int) -> memoryview:
    """Read `size` bytes from a file descriptor."""
    whole = memoryview(np.empty(size, np.uint8))  # type: ignore[arg-type]  # a bytearray would be cleared first
    rest = whole
    while rest:
        count = os.readv(source, [rest])
        if not count:
            raise EOFError
        rest = rest[count:]
    return whole


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


class Inline(Executor):
    """Runs each task at once, in the caller: for the command line and for tests."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it belongs to the future
            future.set_exception(error)
        return future

    def hold(self) -> None:
        """Nothing stands beside the caller: this, `resume` and `close` are here so that both kinds are alike."""

    resume = close = hold
