"""Decode: a file in, Arrow files out. Runs in a worker process; never sees the database.

Every record goes to the format that was asked for, or to the one that recognises it. Calls and rejects leave as Arrow
files, spans as an assembled batch, in parts of at most `PART_ROWS` records so that memory stays bounded.
"""

import itertools
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import BinaryIO

import pyarrow as pa
from msgspec.structs import replace as changed

from collectors import tabular
from collectors.batch import Batch, batch_of
from collectors.format import Format, Item, Reader, format_named, sniffed
from collectors.identity import digest
from collectors.mapping import Mapping, mapped
from collectors.reading import BOM, Limits, Piece, Place, Reading, Record, decoded, records, unpacked
from store.calls import bare_table
from store.errors import FormatError
from store.evaluations import evaluation_table
from store.model import Evaluation, LLMCall, LogRecord, Reject, Span
from store.sources import reject_table

PART_ROWS = 65_536  # transactions of 60 k rows and more bypass the write-ahead log
PART_BYTES = 96 << 20  # of records read
UNKNOWN_AFTER = 1_000  # records of which not one was recognised: the file is of no format we know

Found = tuple[Record, Place] | Reject

# What a record that is not what it seems can raise while it is read.
BAD_RECORD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, FormatError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to decode. `parts`: the folder for the results."""

    path: Path
    name: str
    parts: Path
    read_at: datetime
    log_format: str = "auto"
    mapping: Mapping | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Files of one part; None where there is nothing of the kind."""

    calls: Path | None = None
    spans: Path | None = None
    rejects: Path | None = None
    evaluations: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """`formats`: which were met, the most frequent first; `error`: why reading stopped before the end."""

    parts: list[Part]
    formats: list[str]
    bytes_read: int
    truncated: bool
    error: str | None = None


@dataclass(slots=True)
class Made:
    """What was made of records and is not written yet."""

    calls: list[LLMCall] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    bytes: int = 0

    def add(self, item: Item) -> None:
        match item:
            case LLMCall():
                self.calls.append(item)
            case Span():
                self.spans.append(_plain(item))
            case LogRecord():
                self.logs.append(item)
            case Evaluation():
                self.evaluations.append(item)
            case Reject():
                self.rejects.append(item)

    @property
    def full(self) -> bool:
        rows = max(len(self.calls), len(self.spans), len(self.logs), len(self.rejects))
        return rows >= PART_ROWS or self.bytes >= PART_BYTES


def _plain(span: Span) -> Span:
    """A span whose words are texts and whose numbers are such as a column holds."""
    if type(span.name) is not str or type(span.status_message) not in (str, NoneType):
        message = None if span.status_message is None else str(span.status_message)
        span = changed(span, name=str(span.name), status_message=message)
    if type(span.parent_span_id) not in (str, NoneType):
        span = changed(span, parent_span_id=None)
    return span


class Sorter:
    """Hands each record to the reader of its format; one reader a format and file, so that it can remember."""

    def __init__(self, job: Job) -> None:
        self._asked = mapped(job.mapping) if job.mapping else None
        if job.log_format != "auto":
            self._asked = format_named(job.log_format)
        self._file = job.name
        self._readers: dict[str, Reader] = {}
        self._last: Format | None = None
        self.met: dict[str, int] = {}
        self.unknown = 0

    def read(self, record: Record, place: Place) -> Iterable[Item]:
        """What the record makes; a Reject when it makes nothing of what it claims to be."""
        found = self._asked or self._recognised(record)
        if found is None:
            self.unknown += 1
            return [place.reject("no format recognises it; a mapping can read it")]
        try:
            items = list(self._reader(found).read(record, place))
        except BAD_RECORD as error:
            return [place.reject(f"not as {found.name} writes it ({type(error).__name__}: {error})")]
        self.met[found.name] = self.met.get(found.name, 0) + 1
        return items

    def check(self, name: str) -> None:
        """Raise FormatError when nothing of a long file was recognised."""
        if self.unknown > UNKNOWN_AFTER and not self.met:
            raise FormatError(f"{name}: no known format; name one, or give a mapping (`leeway formats`)")

    def rest(self) -> Iterator[Item]:
        """What the end completes; a reader that fails there costs only what it still held."""
        for name, reader in self._readers.items():
            try:
                yield from reader.rest()
            except BAD_RECORD as error:
                reason = f"its end is not as {name} writes it ({type(error).__name__}: {error})"
                yield Reject(where=self._file, reason=reason)

    def _recognised(self, record: Record) -> Format | None:
        """Files are mostly of one kind: what recognised the last record is asked first, unless it is a mere guess."""
        if self._last is not None and self._last.sure and self._last.detect(record):
            return self._last
        self._last = sniffed(record)
        return self._last

    def _reader(self, found: Format) -> Reader:
        if found.name not in self._readers:
            self._readers[found.name] = found.reader()
        return self._readers[found.name]


def decode(job: Job) -> Decoded:
    """Read the whole file. A file that stops in the middle gives what came before, and says so."""
    reading = Reading(file=job.name, read_at=job.read_at)
    with job.path.open("rb") as stream:
        return _decode(found_in(stream, job, reading), job, reading)


def decode_lines(job: Job, lines: Sequence[Piece]) -> Decoded:
    """Read only these lines of a plain file of JSON lines; the pieces hold no bytes yet, `length` says how many."""
    reading = Reading(file=job.name, read_at=job.read_at)
    with job.path.open("rb") as stream:
        reading.head = digest(next((line.strip() for line in stream if line.strip()), b"").removeprefix(BOM))
        return _decode(_at(stream, lines, reading), job, reading)


def _decode(found: Iterable[Found], job: Job, reading: Reading) -> Decoded:
    job.parts.mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    error, sorter = None, Sorter(job)
    try:
        for made in _made(found, job, sorter):
            parts.append(_written(made, job, len(parts)))
    except FormatError as stopped:
        error = str(stopped)
    met = sorted(sorter.met, key=lambda name: -sorter.met[name])
    return Decoded(parts=parts, formats=met, bytes_read=reading.bytes_read, truncated=reading.truncated, error=error)


def _made(found: Iterable[Found], job: Job, sorter: Sorter) -> Iterator[Made]:
    made = Made()
    try:
        for read in found:
            _add(made, read, sorter)
            sorter.check(job.name)
            if made.full:
                yield made
                made = Made()
    except FormatError:
        yield made  # what came before the end stands
        raise
    for item in sorter.rest():
        made.add(item)
    yield made


def _add(made: Made, found: Found, sorter: Sorter) -> None:
    if isinstance(found, Reject):
        made.add(found)
        return
    made.bytes += len(found[1].raw)
    for item in sorter.read(*found):
        made.add(item)


def _at(stream: BinaryIO, lines: Sequence[Piece], reading: Reading) -> Iterator[Found]:
    for place in lines:
        stream.seek(place.offset)
        yield from decoded(replace(place, raw=stream.read(place.length)), reading)


def found_in(stream: BinaryIO, job: Job, reading: Reading) -> Iterator[Found]:
    if tabular.is_parquet(stream):
        yield from tabular.parquet_rows(stream, reading)
        return
    chunks = unpacked(stream, reading, job.limits)
    first = next(chunks, b"")
    whole = itertools.chain([first], chunks)
    if tabular.is_csv(first, job.name):
        yield from tabular.csv_rows(whole, reading)
    else:
        yield from records(whole, reading, job.limits)


def _written(made: Made, job: Job, number: int) -> Part:
    folder, now = job.parts, job.read_at
    table = _columns(made.calls, made, job.name)
    calls = _arrow(table, folder / f"{number:06}.calls") if made.calls else None
    rejects = _arrow(reject_table(made.rejects), folder / f"{number:06}.rejects") if made.rejects else None
    judged = _arrow(evaluation_table(made.evaluations), folder / f"{number:06}.judged") if made.evaluations else None
    spans = None
    if made.spans or made.logs:
        spans = folder / f"{number:06}.spans"
        batch = batch_of(made.spans, made.logs, [], now=now)
        spans.write_bytes(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
    return Part(calls=calls, spans=spans, rejects=rejects, evaluations=judged)


def _columns(calls: Sequence[LLMCall], made: Made, place: str) -> pa.Table:
    """The calls as a table; where one holds what no column can, halve until it stands alone, and reject it."""
    try:
        return bare_table(calls)
    except (pa.ArrowException, *BAD_RECORD) as error:
        if len(calls) == 1:
            reason = f"cannot be stored ({type(error).__name__}: {error})"
            where = calls[0].source_record_id or calls[0].call_id
            made.rejects.append(Reject(where=place, reason=reason, raw=where.encode()))
            return bare_table([])
        middle = len(calls) // 2
        return pa.concat_tables([_columns(calls[:middle], made, place), _columns(calls[middle:], made, place)])


def _arrow(table: pa.Table, path: Path) -> Path:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def table_at(path: Path | None) -> pa.Table | None:
    """The rows of a part, without copying them into memory first."""
    if path is None:
        return None
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def batch_at(path: Path) -> Batch:
    """The spans of a part, assembled among themselves."""
    batch: Batch = pickle.loads(path.read_bytes())  # noqa: S301 - written by our own worker
    return batch
