"""A named pipe between a worker and the database: neither end waits for the other in vain.

Who opens one end of a pipe waits until somebody opens the other. When a worker dies before it writes, or DuckDB gives
up before it reads, nobody ever would: then we open it for a moment ourselves, and whoever waits sees the end.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 0.02


@contextmanager
def fed(path: Path, write: Callable[[], T]) -> Iterator[Future[T]]:
    """Make a pipe that `write` fills, in a thread, while the block reads it; the result is there behind the block."""
    os.mkfifo(path, 0o600)
    read = threading.Event()
    with ThreadPoolExecutor(1, "pipe") as side:
        written = side.submit(_written, path, write, read)
        try:
            yield written
        finally:
            read.set()
            while not written.done():
                _touched(path, os.O_RDONLY)
                with suppress(TimeoutError):
                    written.exception(PATIENCE_S)
            path.unlink()


def _written(path: Path, write: Callable[[], T], read: threading.Event) -> T:
    try:
        return write()
    finally:
        while not read.is_set():
            _touched(path, os.O_WRONLY)
            read.wait(PATIENCE_S)


def _touched(path: Path, mode: int) -> None:
    with suppress(OSError):  # ENXIO: nobody is at the other end
        os.close(os.open(path, mode | os.O_NONBLOCK))
