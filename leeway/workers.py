"""Executors: heavy work in processes of its own, so that the owner of the database never stops answering.

Each worker is one thread here and one child process there, joined by a pipe. So the death of a child is known to be
that of one task: that task fails with `WorkerDied`, the child is made anew, and everything else goes on. (A
`ProcessPoolExecutor` fails all that waits and cannot say which task it was.) Tasks and results are pickled; nothing
but our own code ever writes into the pipe.
"""

import ctypes
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Set before anything is imported in a worker: no network, no telemetry, no thread pools fighting over two cores.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
}
PR_SET_PDEATHSIG = 1
LEAVE_S = 2.0


class WorkerDied(BrokenExecutor):
    """The process that ran the task ended; the task may be the reason."""


class WorkerTimedOut(WorkerDied):
    """The task ran past its limit and its process was ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersSettings:
    """`timeout_s` guards each task; `idle_s`: a child that had nothing to do for so long gives its memory back."""

    max_workers: int = 2
    niceness: int = 0
    threads: int = 1
    timeout_s: float = 300.0
    idle_s: float = 600.0


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
            ok, value = child.call(task.payload, self.settings.timeout_s)
        except WorkerDied as error:
            self.deaths += 1
            self._retired(child)
            task.future.set_exception(type(error)(f"{task.name}: {error}"))
            return None
        if ok:
            task.future.set_result(value)
        else:
            task.future.set_exception(value)
        return child

    def _child(self) -> "_Child":
        child = _Child(self.settings)
        with self._lock:
            self._children.add(child)
        return child

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
        self.process = context.Process(target=_work, args=(theirs, settings, os.getpid()), daemon=True)
        self.process.start()
        theirs.close()

    def call(self, payload: bytes, timeout_s: float) -> tuple[bool, Any]:
        """(True, result) or (False, exception) of one task; raises WorkerDied when there is no answer."""
        try:
            self._pipe.send_bytes(payload)
            if not wait([self._pipe, self.process.sentinel], timeout_s):
                raise WorkerTimedOut(f"stopped after {timeout_s:g} s")
            answer = _received(self._pipe)
        except (EOFError, OSError) as error:
            self.process.join(1)
            raise WorkerDied(f"its process ended ({_end(self.process.exitcode)})") from error
        self.busy = False
        return answer

    def end(self) -> None:
        """An idle child goes by itself when its pipe closes; one that is busy, or slow to go, is killed."""
        self._pipe.close()
        if not self.busy:
            self.process.join(LEAVE_S)
        self.process.kill()
        self.process.join()
        self.process.close()


def _received(pipe: Connection) -> tuple[bool, Any]:
    """Read an answer. Big buffers come by themselves: copying them out of one pickle would hold up all other threads.

    So arrays in an answer are read-only.
    """
    count, answer = pickle.loads(pipe.recv_bytes())  # noqa: S301 - written by our own child
    ok, value = pickle.loads(answer, buffers=[pipe.recv_bytes() for _ in range(count)])  # noqa: S301
    return ok, value


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def _work(pipe: Connection, settings: WorkersSettings, parent: int) -> None:
    """The child's main loop; ends when the parent does."""
    _prepare(settings, parent)
    while True:
        try:
            payload = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        for piece in _answer(payload):
            pipe.send_bytes(piece)


def _prepare(settings: WorkersSettings, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    os.environ.update(ENVIRONMENT)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(settings.threads)
    os.nice(settings.niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)


def _answer(payload: bytes) -> list[bytes | memoryview]:
    """Do one task; whatever it raises travels back. First the answer with the number of its buffers, then those."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        fn, args, kwargs = pickle.loads(payload)  # noqa: S301 - written by our own parent
        answer = pickle.dumps(
            (True, fn(*args, **kwargs)), protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append
        )
    except Exception as error:  # noqa: BLE001 - the border between two processes
        answer, buffers = _packed(error), []
    return [pickle.dumps((len(buffers), answer)), *(buffer.raw() for buffer in buffers)]


def _packed(error: Exception) -> bytes:
    """An exception for the journey; one that cannot be pickled goes as its words."""
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)  # noqa: S301 - just made: some only fail on the way back
    except Exception:  # noqa: BLE001 - foreign exceptions fail in every way
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return packed


class Inline(Executor):
    """Runs each task at once, in the caller: for the command line and for tests."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it belongs to the future
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to end; here so that both kinds close alike."""
