"""Parts: the slices of a file are decoded by workers, some ahead of others, and come back in their order.

A slice that ends its worker costs only itself: it is halved until what is left is small, and that is kept as a reject.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from collectors.files.decode import decode, rejected
from collectors.files.job import Decoded, Job, Kind, Slice
from collectors.files.reading import KEPT_OF_REJECT
from collectors.files.slicing import line_slices
from store.errors import LeewayError
from store.model import Reject

P = ParamSpec("P")
T = TypeVar("T")
Ready = tuple[Slice, Decoded]

AHEAD = 8  # slices that wait decoded, or are being decoded, while others are stored
UNKNOWN_AHEAD = 2  # as long as nobody knows whether a slice needs what the one before it leaves to remember
SMALLEST = 64 << 10  # bytes of a slice that is not halved again


def submitted(executor: Executor, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Raises LeewayError when the workers are closed: then nothing is known of the file yet."""
    try:
        return executor.submit(fn, *args, **kwargs)
    except RuntimeError as error:
        raise LeewayError(f"{error}: read the file again later, what is stored of it is not stored twice") from error


def decoded_parts(executor: Executor, job: Job, slices: Sequence[Slice]) -> Iterator[Ready]:
    """What each slice became. Where readers remember, a slice waits for the one before it."""
    return _Decoding(executor=executor, job=job, left=deque(slices)).run()


@dataclass(slots=True, kw_only=True)
class _Decoding:
    executor: Executor
    job: Job
    left: deque[Slice]
    memory: bytes | None = None
    most: int = UNKNOWN_AHEAD
    _ahead: deque[tuple[Slice, Future[Decoded]]] = field(default_factory=deque)

    def run(self) -> Iterator[Ready]:
        while self._ahead or self.left:
            self._fill()
            part, future = self._ahead.popleft()
            last = not self._ahead and not self.left
            yield from self._result(part, future, last=last)

    def _fill(self) -> None:
        """Start the next slices, unless they need to know what the ones before them leave to remember."""
        while self.left and len(self._ahead) < self.most:
            part = self.left.popleft()
            self._ahead.append((part, self._submitted(part, last=not self.left)))

    def _submitted(self, part: Slice, *, last: bool) -> Future[Decoded]:
        return submitted(self.executor, decode, self.job, part, self.memory, last=last)

    def _result(self, part: Slice, future: Future[Decoded], *, last: bool) -> Iterator[Ready]:
        try:
            done = future.result()
        except BrokenExecutor as error:
            yield from self._apart(part, error, last=last)
            return
        if done.memory and self._ahead:  # it was not known that the next ones wait for this
            self._take_back()
        self.memory, self.most = done.memory, 1 if done.memory else AHEAD
        yield part, done

    def _take_back(self) -> None:
        for part, future in reversed(self._ahead):
            future.cancel()
            self.left.appendleft(part)
        self._ahead.clear()

    def _apart(self, part: Slice, error: BrokenExecutor, *, last: bool) -> Iterator[Ready]:
        """Decode what ended its worker in two halves; a small one, or one that cannot be halved, is given up."""
        halves = self._halves(part)
        if len(halves) < 2:  # noqa: PLR2004 - not to be halved
            yield part, rejected(self.job, self._told(part, error))
            if last and self.memory:
                yield from self._result(*self._empty(part), last=True)
            return
        for number, half in enumerate(halves, 1):
            at_end = last and number == len(halves)
            yield from self._result(half, self._submitted(half, last=at_end), last=at_end)

    def _halves(self, part: Slice) -> list[Slice]:
        size = part.end - part.start
        if part.kind != Kind.LINES or size <= SMALLEST:
            return []
        with self.job.path.open("rb") as stream:
            return list(line_slices(stream, part, size // 2 + 1))

    def _empty(self, part: Slice) -> tuple[Slice, Future[Decoded]]:
        nothing = replace(part, start=part.end)
        return nothing, self._submitted(nothing, last=True)

    def _told(self, part: Slice, error: BrokenExecutor) -> Reject:
        what = "row groups" if part.kind == Kind.PARQUET else "bytes"
        reason = (
            f"{what} {part.offset:,} to {part.end - part.skipped:,} ended their worker ({error}); the rest was read"
        )
        with self.job.path.open("rb") as stream:
            stream.seek(0 if part.kind == Kind.PARQUET else part.start)
            raw = stream.read(min(KEPT_OF_REJECT, part.end - part.start))
        return Reject(where=self.job.name, line=part.line, byte_offset=part.offset, reason=reason, raw=raw)
