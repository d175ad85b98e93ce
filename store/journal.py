"""The journal: what a receiver has acknowledged is on disk here before anything else happens to it.

Append-only segment files of frames, `header | source | body`, the body still packed as it was sent. One thread
writes; every request that waits for it shares one `fdatasync` (group commit). The loader reads from the position
that the database has committed. A torn last frame (power loss, kill) is cut off at start: it was never acknowledged.
"""

import os
import queue
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from store.errors import BacklogFull

MAGIC = b"LWJ1"
# magic, crc32 of all that follows, body length, signal, encoding flags, source length, received_at in ns
HEADER = struct.Struct("<4sIIBBHq")
GZIP, JSON = 1, 2
GZIP_MAGIC = b"\x1f\x8b"


class Signal(IntEnum):
    TRACES = 1
    LOGS = 2
    METRICS = 3


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a frame starts: segment number and byte offset in it."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One request body as it was sent. `encoding` is a sum of GZIP and JSON flags."""

    signal: Signal
    encoding: int
    received_at_ns: int
    source: str
    body: bytes

    @property
    def unpacked_bytes(self) -> int:
        """What the body takes when it is unpacked, as a gzip says of itself in its last four bytes."""
        size = len(self.body)
        return max(size, int.from_bytes(self.body[-4:], "little")) if self.body.startswith(GZIP_MAGIC) else size

    def packed(self) -> bytes:
        source = self.source.encode("utf-8", "replace")[:65535]
        rest = HEADER.pack(MAGIC, 0, len(self.body), self.signal, self.encoding, len(source), self.received_at_ns)[8:]
        crc = zlib.crc32(self.body, zlib.crc32(source, zlib.crc32(rest)))
        return b"".join((MAGIC, struct.pack("<I", crc), rest, source, self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """Sizes in bytes; `retention_s`: how long loaded segments stay, so that a fixed reader can read them again."""

    folder: Path
    segment_bytes: int = 64 << 20
    max_backlog_bytes: int = 2 << 30
    retention_s: float = 24 * 3600


def frames(path: Path, offset: int = 0, end: int | None = None) -> Iterator[tuple[int, Frame]]:
    """Yield (offset after it, frame) of every whole frame of a segment; stop at the first that is not whole."""
    with path.open("rb") as file:
        file.seek(offset)
        while end is None or offset < end:
            frame = _next(file)
            if frame is None:
                return
            offset = file.tell()
            yield offset, frame


def _next(file: BinaryIO) -> Frame | None:
    head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    magic, crc, length, signal, encoding, source_length, received_at_ns = HEADER.unpack(head)
    rest = file.read(source_length + length)
    if magic != MAGIC or len(rest) < source_length + length or zlib.crc32(rest, zlib.crc32(head[8:])) != crc:
        return None
    source = rest[:source_length].decode("utf-8", "replace")
    return Frame(
        signal=Signal(signal),
        encoding=encoding,
        received_at_ns=received_at_ns,
        source=source,
        body=rest[source_length:],
    )


class Journal:
    """Open for one process at a time (the one that holds the database)."""

    def __init__(self, settings: JournalSettings, committed: Position) -> None:
        self.settings = settings
        self.committed = committed
        settings.folder.mkdir(parents=True, exist_ok=True)
        self._requests: queue.SimpleQueue[tuple[bytes, Future[Position]] | None] = queue.SimpleQueue()
        last = max([committed.segment, 1, *self._segments()])
        self._file = self._opened(last)
        self.durable = Position(last, self._file.tell())
        self.failed: OSError | None = None
        self._sizes = {n: self._path(n).stat().st_size for n in self._segments()}
        self._thread = threading.Thread(target=self._write_loop, name="journal", daemon=True)
        self._thread.start()

    def append(self, frame: Frame) -> Future[Position]:
        """Queue a frame; the future is done once it is safely on disk. Raises BacklogFull at the cap."""
        if self.failed:
            raise BacklogFull(f"the journal cannot be written ({self.failed}): free the disk and restart")
        if self.backlog_bytes() >= self.settings.max_backlog_bytes:
            raise BacklogFull(f"{self.backlog_bytes():,} bytes wait to be loaded: try again later")
        future: Future[Position] = Future()
        self._requests.put((frame.packed(), future))
        return future

    def backlog_bytes(self) -> int:
        """Bytes acknowledged but not yet in the database."""
        sizes = [s for n, s in self._sizes.items() if self.committed.segment <= n < self.durable.segment]
        start = self.committed.offset if self._sizes.get(self.committed.segment) is not None else 0
        return max(0, sum(sizes) + self.durable.offset - start)

    def waiting(self) -> int:
        """Requests that wait for the disk, not acknowledged yet."""
        return self._requests.qsize()

    def read(self, position: Position, max_bytes: int) -> tuple[list[Frame], Position]:
        """Frames from `position` on, at most `max_bytes` unpacked but at least one, and where the next one starts."""
        found: list[Frame] = []
        size = 0
        while position < self.durable:
            end = self.durable.offset if position.segment == self.durable.segment else None
            for offset, frame in self._frames(position, end):
                size += frame.unpacked_bytes
                if found and size > max_bytes:
                    return found, position
                found.append(frame)
                position = Position(position.segment, offset)
            if position.segment >= self.durable.segment:
                break
            position = Position(position.segment + 1, 0)
        return found, position

    def retained(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, Frame]]:
        """(segment, frame) of every loaded frame that still lies here and came in between; the end is not included."""
        until = self.committed
        for number in self._segments():
            end = until.offset if number == until.segment else None
            if number > until.segment or not self._path(number).exists():
                continue
            for _, frame in frames(self._path(number), 0, end):
                if start_ns <= frame.received_at_ns < end_ns:
                    yield number, frame

    def prune(self, *, now: float) -> int:
        """Delete loaded segments older than the retention; return how many. `now` in seconds since the epoch."""
        old = [
            n
            for n in self._segments()
            if n < self.committed.segment and now - self._path(n).stat().st_mtime > self.settings.retention_s
        ]
        for number in old:
            self._path(number).unlink()
            self._sizes.pop(number, None)
        return len(old)

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join()
        self._file.close()

    def _frames(self, position: Position, end: int | None) -> Iterator[tuple[int, Frame]]:
        path = self._path(position.segment)
        return frames(path, position.offset, end) if path.exists() else iter(())

    def _segments(self) -> list[int]:
        return sorted(int(p.stem) for p in self.settings.folder.glob("*.seg"))

    def _path(self, number: int) -> Path:
        return self.settings.folder / f"{number:012d}.seg"

    def _opened(self, number: int) -> BinaryIO:
        path = self._path(number)
        whole = max((offset for offset, _ in frames(path)), default=0) if path.exists() else 0
        file = path.open("ab")
        file.truncate(whole)
        file.seek(whole)
        return file

    def _write_loop(self) -> None:
        while (first := self._requests.get()) is not None:
            group = [first, *self._queued()]
            stop = group[-1] is None
            self._commit([item for item in group if item is not None])
            if stop:
                return

    def _queued(self) -> Iterator[tuple[bytes, Future[Position]] | None]:
        while not self._requests.empty():
            item = self._requests.get()
            yield item
            if item is None:
                return

    def _commit(self, group: list[tuple[bytes, Future[Position]]]) -> None:
        try:
            if self.durable.offset >= self.settings.segment_bytes:
                self._rotate()
            self._file.write(b"".join(packed for packed, _ in group))
            self._file.flush()
            os.fdatasync(self._file.fileno())
        except OSError as error:  # what is on disk now is unknown: acknowledge nothing more
            self.failed = error
            for _, future in group:
                future.set_exception(BacklogFull(f"the journal cannot be written: {error}"))
            return
        self.durable = Position(self.durable.segment, self._file.tell())
        self._sizes[self.durable.segment] = self.durable.offset
        for _, future in group:
            future.set_result(self.durable)

    def _rotate(self) -> None:
        self._file.close()
        number = self.durable.segment + 1
        self._file = self._opened(number)
        self.durable = Position(number, 0)
