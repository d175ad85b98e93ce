"""A worker's own side of the pipe: take a task, do it, send the answer back; no network, no threads of its own."""

import ctypes
import os
import pickle
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection

from leeway.memory import keep_memory

PR_SET_PDEATHSIG = 1
KEPT_MEMORY = 512 << 20
READY = b"ready"
# Set before anything is imported in a worker: no network, no telemetry, no thread pools fighting over two cores.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # so that `keep_memory` holds for it too
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersSettings:
    """`timeout_s` guards each task; `idle_s`: a child that had nothing to do for so long gives its memory back."""

    max_workers: int = 2
    niceness: int = 0
    threads: int = 1
    timeout_s: float = 300.0
    idle_s: float = 600.0


def work(pipe: Connection, settings: WorkersSettings, parent: int) -> None:
    """The child's main loop; ends when the parent does."""
    _prepare(settings, parent)
    pipe.send_bytes(READY)
    while True:
        try:
            payload = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        answer, buffers = _answer(payload)
        pipe.send_bytes(answer)
        for buffer in buffers:
            _write(pipe.fileno(), buffer)


def _prepare(settings: WorkersSettings, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    os.environ.update(ENVIRONMENT)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(settings.threads)
    os.nice(settings.niceness)
    keep_memory(KEPT_MEMORY, large=True)  # the texts of a batch lie in one buffer
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)


def _write(target: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(target, rest) :]


def _answer(payload: bytes) -> tuple[bytes, list[memoryview]]:
    """Do one task; whatever it raises travels back. First the answer with the sizes of its buffers, then those."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        fn, args, kwargs = pickle.loads(payload)  # noqa: S301 - written by our own parent
        answer = pickle.dumps(
            (True, fn(*args, **kwargs)), protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append
        )
    except Exception as error:  # noqa: BLE001 - the border between two processes
        answer, buffers = _packed(error), []
    raw = [buffer.raw() for buffer in buffers]
    return pickle.dumps(([len(view) for view in raw], answer)), raw


def _packed(error: Exception) -> bytes:
    """An exception for the journey; one that cannot be pickled goes as its words."""
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)  # noqa: S301 - just made: some only fail on the way back
    except Exception:  # noqa: BLE001 - foreign exceptions fail in every way
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return packed
