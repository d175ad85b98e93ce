"""Own lines: let the clean lines of a file in Leeway's own format pass, and look closer at the others.

A line is clean when it decodes, with exactly our names and types, and its id was not met before in the file. Clean
ones go on, as they are, into a pipe at whose other end DuckDB reads them by itself; all others go the long way through
`collectors/formats/leeway.py`. Both in one pass, side by side: looking costs a tenth of what storing costs.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import polars as pl

from collectors.files.decode import decode_pieces
from collectors.files.job import Decoded, Job, Slice
from collectors.files.pieces import blocks, chunks_of
from collectors.files.reading import Piece
from collectors.formats.leeway import HINTS
from collectors.usage import IMPLAUSIBLE
from store.calls import COLUMNS
from store.model import Json, TimeQuality
from store.own_lines import MAX_OBJECT_BYTES

BLOCK = 256 << 10  # bytes that are looked at together
DISORDER = timedelta(hours=1)  # times that fall back by more than this are put in order when stored
MOST_ODD = 100_000  # lines that go the long way; with more, all do
MOST_ODD_BYTES = 64 << 20
TAIL = 64 << 10  # bytes at the end of a file in which its last times stand
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
BAD_LINE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


BESIDE: dict[str, Any] = {"cost_usd": float | None, "cost_status": str | None, "ingested_at": str | None}


def _kind(name: str) -> Any:
    hint = HINTS[name]
    if hint == Json:
        return msgspec.Raw
    if hint in (datetime, datetime | None):
        return Annotated[datetime, msgspec.Meta(tz=True)] | None
    if hint == int | None:
        return Annotated[int, _bounds(name)] | None
    if hint == float | None:
        return Annotated[float, msgspec.Meta(ge=0, le=1e18)] | None
    return hint | None


def _bounds(name: str) -> msgspec.Meta:
    if name == "seed":
        return msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)
    return msgspec.Meta(ge=0, le=IMPLAUSIBLE)


def _default(name: str) -> Any:
    return msgspec.Raw(b"null") if HINTS[name] == Json else None


Line = msgspec.defstruct(
    "Line",
    [
        ("call_id", str),
        *((name, _kind(name), _default(name)) for name in COLUMNS if name != "call_id"),
        *((name, kind, None) for name, kind in BESIDE.items()),
    ],
    forbid_unknown_fields=True,
    gc=False,
)


decoded_lines = msgspec.json.Decoder(Line).decode_lines
call_id = attrgetter("call_id")


class OddLinesError(ValueError):
    """More lines are odd than are worth a way of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strained:
    """What was found: `clean` lines, their times, what the odd ones became (None: there were none).

    `repeats`: which clean lines, counted from 0, have the id of an earlier one.
    """

    clean: int
    first: datetime | None
    last: datetime | None
    in_order: bool
    timeless: bool
    repeats: frozenset[int]
    odd: Decoded | None


def strain(job: Job, part: Slice, pipe: Path, repeats: frozenset[int]) -> Strained:
    """Put the clean lines of a slice into `pipe`, all others into files. `repeats`: clean ones that are odd as well.

    Raises OddLinesError, and BrokenPipeError when nobody reads any more.
    """
    with job.path.open("rb", buffering=0) as file, pipe.open("wb", buffering=0) as out:
        sieve = _Sieve(out=out, repeats=repeats)
        for block in blocks(chunks_of(file, part, BLOCK), job.limits, line=part.line, offset=part.offset):
            sieve.take(block)
    odd = decode_pieces(job, sieve.odd, part.head) if sieve.odd else None
    return Strained(
        clean=sieve.clean - len(repeats), first=sieve.first, last=sieve.last, in_order=sieve.in_order,
        timeless=sieve.timeless, repeats=sieve.repeated(), odd=odd,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Sieve:
    """`clean` counts repeated lines too: so a second pass counts as the first one did."""

    out: BinaryIO
    repeats: frozenset[int]
    clean: int = 0
    first: datetime | None = None
    last: datetime | None = None
    in_order: bool = True
    timeless: bool = False
    odd: list[Piece] = field(default_factory=list)
    odd_bytes: int = 0
    _ids: "array[int]" = field(default_factory=lambda: array("q"))

    def take(self, block: Piece) -> None:
        """Take lines; where one of them is odd, halve until it stands alone."""
        if rows := self._rows(block):
            self._note(rows)
            _write(self.out, block.raw)
        elif middle := block.raw.find(b"\n", len(block.raw) // 2, -1) + 1 or block.raw.rfind(b"\n", 0, -1) + 1:
            for half in _halves(block, middle):
                self.take(half)
        elif block.raw.strip():
            self._set_aside(block)

    def _rows(self, block: Piece) -> list[Any] | None:
        """The lines' contents; None when not every one of them is a clean line."""
        raw = block.raw
        try:
            rows: list[Any] = decoded_lines(raw) if raw.isascii() or raw.decode() else []
        except BAD_LINE:
            return None
        whole = len(rows) == raw.count(b"\n") + (not raw.endswith(b"\n")) and not block.fault
        if not whole or not all(row.event_time or row.started_at for row in rows) or len(raw) > MAX_OBJECT_BYTES:
            return None
        if self.repeats and not self.repeats.isdisjoint(range(self.clean, self.clean + len(rows))):
            self._skip(rows)
            return None
        return rows

    def _skip(self, rows: list[Any]) -> None:
        """Count a line that repeats an id, once it stands alone."""
        if len(rows) == 1:
            self.clean += 1
            self._ids.append(hash(rows[0].call_id))

    def _note(self, rows: list[Any]) -> None:
        moments = [row.event_time or row.started_at for row in rows]
        rising = sorted(moments)
        before = self.last or EARLIEST
        if moments != rising or moments[0] < before:
            self.in_order = self.in_order and _roughly_in_order(moments, before)
        self.first = min(self.first or rising[0], rising[0])
        self.last = max(before, rising[-1])
        self.timeless = self.timeless or any(row.time_quality is TimeQuality.INGESTED for row in rows)
        self._ids.extend(map(hash, map(call_id, rows)))
        self.clean += len(rows)

    def _set_aside(self, line: Piece) -> None:
        self.odd.append(line)
        self.odd_bytes += len(line.raw)
        if len(self.odd) > MOST_ODD or self.odd_bytes > MOST_ODD_BYTES:
            raise OddLinesError(f"{len(self.odd)} lines are not exactly ours")

    def repeated(self) -> frozenset[int]:
        """Eight bytes an id: a set of them would be most of the memory."""
        first = pl.Series(values=self._ids, dtype=pl.Int64).is_first_distinct()
        return frozenset((~first).arg_true().to_list())


def _halves(block: Piece, middle: int) -> Iterator[Piece]:
    yield Piece(block.line, block.offset, block.raw[:middle])
    feeds = block.raw.count(b"\n", 0, middle)
    yield Piece(block.line + feeds, block.offset + middle, block.raw[middle:])


def _roughly_in_order(moments: list[datetime], latest: datetime) -> bool:
    for moment in moments:
        if latest is not EARLIEST and moment < latest - DISORDER:
            return False
        latest = max(latest, moment)
    return True


def _write(out: BinaryIO, raw: bytes) -> None:
    left = memoryview(raw)
    while left:
        left = left[out.write(left) :]


def times(path: Path, part: Slice) -> tuple[datetime, datetime] | None:
    """The times of the first and of the last clean line, if there are any near its ends: a good guess of all times."""
    with path.open("rb") as file:
        file.seek(part.start)
        first = _moment(file.readline(TAIL))
        file.seek(max(part.start, part.end - TAIL))
        last = next(filter(None, map(_moment, reversed(file.read(TAIL).split(b"\n")))), None)
    return (first, last) if first and last else None


def _moment(line: bytes) -> datetime | None:
    try:
        row: Any = decoded_lines(line)[0]
    except (ValueError, IndexError, RecursionError):
        return None
    found: datetime | None = row.event_time or row.started_at
    return found
