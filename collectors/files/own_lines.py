"""Own lines: those of Leeway's own JSON lines that hold exactly its names and types become columns at once.

A line is clean when it decodes so; whole blocks of lines are tried, and halved until an odd one stands alone. The odd
ones go the long way, line by line, through `collectors/formats/leeway.py`, by whose rules gaps are filled here as well.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from mmap import ACCESS_READ, mmap
from operator import attrgetter
from typing import Annotated, Any, BinaryIO, NamedTuple

import msgspec
import orjson
import pyarrow as pa

from collectors.apis.messages import parsed
from collectors.files.job import Job, Kind, Slice
from collectors.files.pieces import too_long
from collectors.files.reading import KEPT_OF_REJECT, Limits, Piece
from collectors.files.unpacking import CHUNK
from collectors.format import sniffed
from collectors.formats.leeway import BESIDE, GAPS, HINTS, Gap
from collectors.usage import IMPLAUSIBLE
from store.calls import COLUMNS, SCHEMA, table_of
from store.model import Json

OWN = "leeway"
BLOCK = 256 << 10  # bytes that are looked at together
MOST_ODD = 200  # lines that go the long way; with more, and more than a tenth of all, every line does
BAD_LINE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
TEXT = b'"'

Rows = Sequence[Any]


def _kind(name: str) -> Any:
    hint = BESIDE.get(name) or HINTS[name]
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


NULL = msgspec.Raw(b"null")
KINDS = {name: _kind(name) for name in (*COLUMNS, *BESIDE)}
OPTIONAL = tuple(name for name in KINDS if name != "call_id")


class _Lines(NamedTuple):
    """How lines with certain names are decoded, and the values of a row taken out in the order of `names`."""

    names: tuple[str, ...]
    decode: Callable[[bytes], Rows]
    values: Callable[[Any], tuple[Any, ...]]


@lru_cache(64)
def _lines(optional: frozenset[str]) -> _Lines:
    names = ("call_id", *(name for name in OPTIONAL if name in optional))
    fields = [(n, KINDS[n], NULL if KINDS[n] is msgspec.Raw else None) for n in names[1:]]
    line = msgspec.defstruct("Line", [("call_id", str), *fields], forbid_unknown_fields=True, gc=False)
    return _Lines(names, msgspec.json.Decoder(line).decode_lines, attrgetter(*names))


TIMES = frozenset({"event_time", "started_at"})
ALL = _lines(frozenset(OPTIONAL))


def _like(line: bytes) -> _Lines:
    """What decodes lines with the names of this one: most files use few of all there are."""
    try:
        return _lines(TIMES.union(orjson.loads(line).keys()))
    except (orjson.JSONDecodeError, AttributeError):
        return ALL


class OddLinesError(ValueError):
    """More lines are odd than are worth a way of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieved:
    """The clean lines' calls as a table, and the odd lines."""

    calls: pa.Table
    odd: list[Piece]


def are_own(stream: BinaryIO, part: Slice, job: Job) -> bool:
    """Whether the first line of a slice is one of Leeway's own, and nobody said that it is to be read otherwise."""
    if part.kind != Kind.LINES or job.mapping or job.log_format not in ("auto", OWN):
        return False
    stream.seek(part.start)
    try:
        record = orjson.loads(stream.readline(CHUNK))
    except orjson.JSONDecodeError:
        return False
    found = sniffed(record) if isinstance(record, dict) else None
    return found is not None and found.name == OWN


def sieved(stream: BinaryIO, part: Slice, limits: Limits) -> Sieved:
    """Part the clean lines of a slice from the odd ones. Raises OddLinesError."""
    with mmap(stream.fileno(), 0, access=ACCESS_READ) as file:
        sieve = _Sieve(file=file, part=part)
        for at, end in _blocks(file, part):
            if end - at > limits.record_bytes + BLOCK:
                sieve.set_aside(at, file[at : at + KEPT_OF_REJECT], too_long(limits))
            else:
                sieve.take(at, file[at:end])
        return Sieved(calls=sieve.table(), odd=sieve.odd)


def _blocks(file: mmap, part: Slice) -> Iterator[tuple[int, int]]:
    """Where blocks of whole lines begin and end; a longer line is a block."""
    at = part.start
    while at < part.end:
        end = file.rfind(b"\n", at, min(at + BLOCK, part.end)) + 1
        end = end or file.find(b"\n", at, part.end) + 1 or part.end
        yield at, end
        at = end


@dataclass(slots=True, kw_only=True)
class _Sieve:
    file: mmap
    part: Slice
    odd: list[Piece] = field(default_factory=list)
    _lines: _Lines | None = None
    _clean: int = 0
    _columns: dict[str, list[Any]] = field(default_factory=dict)
    _tables: list[pa.Table] = field(default_factory=list)

    def take(self, at: int, raw: bytes) -> None:
        """Take the lines that begin at a byte of the file; where one is odd, halve until it stands alone."""
        if rows := self._rows(raw):
            self._note(rows)
        elif middle := raw.find(b"\n", len(raw) // 2, -1) + 1 or raw.rfind(b"\n", 0, -1) + 1:
            self.take(at, raw[:middle])
            self.take(at + middle, raw[middle:])
        elif raw.strip():
            self.set_aside(at, raw)

    def _rows(self, raw: bytes) -> Rows | None:
        """The lines' contents; None when not every one of them is a clean line."""
        if self._lines is None:
            self._lines = _like(raw.partition(b"\n")[0])
        try:
            rows = self._decoded(raw, self._lines) if raw.isascii() or raw.decode() else []
        except BAD_LINE:
            return None
        return rows if all(row.event_time or row.started_at for row in rows) else None

    def _decoded(self, raw: bytes, lines: _Lines) -> Rows:
        try:
            return lines.decode(raw)
        except msgspec.ValidationError:
            rows = ALL.decode(raw)  # names of ours that were not met before
            self._close()
            self._lines = ALL
            return rows

    def _note(self, rows: Rows) -> None:
        assert self._lines is not None  # noqa: S101 - the rows were decoded with it
        self._clean += len(rows)
        for name, values in zip(self._lines.names, zip(*map(self._lines.values, rows), strict=True), strict=True):
            self._columns.setdefault(name, []).extend(values)

    def set_aside(self, at: int, raw: bytes, fault: str = "") -> None:
        self.odd.append(Piece(self._line_of(at), at - self.part.skipped, raw, fault))
        if len(self.odd) > MOST_ODD and len(self.odd) > self._clean // 10:
            raise OddLinesError(f"{len(self.odd)} lines are not exactly ours")

    def _line_of(self, at: int) -> int:
        """The number of the line that begins there; counted from the last odd one, or from the beginning."""
        before = self.odd[-1] if self.odd else None
        start, line = (before.offset + self.part.skipped, before.line) if before else (self.part.start, self.part.line)
        return line + sum(self.file[n : min(n + CHUNK, at)].count(b"\n") for n in range(start, at, CHUNK))

    def _close(self) -> None:
        if self._columns:
            self._tables.append(_table(self._columns))
            self._columns = {}

    def table(self) -> pa.Table:
        self._close()
        return pa.concat_tables(self._tables) if self._tables else SCHEMA.empty_table()


def _table(told: dict[str, list[Any]]) -> pa.Table:
    columns: dict[str, Sequence[Any]] = {n: list(map(_json, v)) if HINTS.get(n) == Json else v for n, v in told.items()}
    for name, gap in GAPS.items():
        values = columns.get(name)
        if values is None:
            columns[name] = _fills(gap, columns)
        elif not all(values) and None in values:  # `in` alone would compare each
            columns[name] = [f if v is None else v for v, f in zip(values, _fills(gap, columns), strict=True)]
    return table_of(columns)


def _fills(gap: Gap, columns: dict[str, Sequence[Any]]) -> list[Any]:
    """What would fill the gap in each row."""
    rows = len(columns["call_id"])
    if not gap.of:
        return [gap.fill()] * rows
    return list(map(gap.fill, *(columns.get(name) or repeat(None, rows) for name in gap.of)))


def _json(raw: msgspec.Raw) -> Any:
    """JSON as it stands; None where there is none, and what a text holds that is JSON itself."""
    text = bytes(raw)
    return None if text == b"null" else parsed(msgspec.json.decode(text)) if text[:1] == TEXT else raw
