"""Decode: a slice of a file in, Arrow files out. Runs in a worker process; never sees the database.

Calls and rejects leave as Arrow files, spans as an assembled batch, in parts of at most `PART_ROWS` records so that
memory stays bounded.
"""

import itertools
import pickle
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import BinaryIO

import pyarrow as pa
from msgspec import structs

from collectors.batch import Batch, batch_of, uncollected
from collectors.files import own_lines, tabular
from collectors.files.job import Decoded, Job, Kind, Part, Slice
from collectors.files.own_lines import OWN, OddLinesError, Sieved
from collectors.files.pieces import chunks_of, opened, pieces_of, records
from collectors.files.reading import Found, Reading, decoded
from collectors.files.sorting import BAD_RECORD, Sorter
from collectors.files.unpacking import unpacked
from collectors.format import Item
from store.calls import bare_table
from store.errors import FormatError
from store.evaluations import evaluation_table
from store.model import Evaluation, LLMCall, LogRecord, Reject, Span
from store.sources import reject_table

PART_ROWS = 65_536  # transactions of 60 k rows and more bypass the write-ahead log
PART_BYTES = 96 << 20  # of records read


@dataclass(slots=True, kw_only=True)
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
        span = structs.replace(span, name=str(span.name), status_message=message)
    if type(span.parent_span_id) not in (str, NoneType):
        span = structs.replace(span, parent_span_id=None)
    return span


def decode(job: Job, part: Slice | None = None, memory: bytes | None = None, *, last: bool = True) -> Decoded:
    """Read a slice of a plain file, or a whole file, packed or not.

    `memory`: what the slice before left to remember; `last`: no other comes behind it. A file that stops in the middle
    gives what came before, and says so.
    """
    reading = Reading(file=job.name, read_at=job.read_at, head=part.head if part else "")
    with uncollected(), job.path.open("rb") as stream:
        if part and own_lines.are_own(stream, part, job):
            with suppress(OddLinesError):
                return _own(own_lines.sieved(stream, part, job.limits), job, reading, memory, last=last)
        sorter = Sorter(job, memory, wary=part is None or part.first)
        found = found_at(stream, part, job, reading) if part else found_in(stream, job, reading)
        return _decode(found, job, sorter, reading, last=last)


def _own(sieved: Sieved, job: Job, reading: Reading, memory: bytes | None, *, last: bool) -> Decoded:
    """Leeway's own lines: the clean ones are a table already, the odd ones are read one by one."""
    found = itertools.chain.from_iterable(decoded(piece, reading) for piece in sieved.odd)
    done = _decode(found, job, Sorter(job, memory, wary=False), reading, last=last)
    if not (rows := sieved.calls.num_rows):
        return done
    clean = _part(sieved.calls, _stem(job))
    return replace(done, parts=[clean, *done.parts], formats={**done.formats, OWN: done.formats.get(OWN, 0) + rows})


def _part(calls: pa.Table, stem: Path, **others: Path | None) -> Part:
    path = _arrow(calls, stem.with_suffix(".calls")) if calls.num_rows else None
    return Part(rows=calls.num_rows, bytes=calls.nbytes, calls=path, **others)


def _stem(job: Job) -> Path:
    job.parts.mkdir(parents=True, exist_ok=True)
    return job.parts / secrets.token_hex(8)


def _decode(found: Iterable[Found], job: Job, sorter: Sorter, reading: Reading, *, last: bool) -> Decoded:
    stem = _stem(job)
    parts: list[Part] = []
    error = None
    try:
        for made in _made(found, sorter, last=last):
            parts.append(_written(made, job, stem.with_name(f"{stem.name}-{len(parts)}")))
    except FormatError as stopped:
        error = str(stopped)
    memory = None if last else sorter.memory()
    return Decoded(parts=parts, formats=sorter.met, truncated=reading.truncated, error=error, memory=memory)


def _made(found: Iterable[Found], sorter: Sorter, *, last: bool) -> Iterator[Made]:
    made = Made()
    try:
        for read in found:
            _add(made, read, sorter)
            if made.full:
                yield made
                made = Made()
    except FormatError:
        yield made  # what came before the end stands
        raise
    for item in sorter.rest() if last else ():
        made.add(item)
    yield made


def _add(made: Made, found: Found, sorter: Sorter) -> None:
    if isinstance(found, Reject):
        made.add(found)
        return
    made.bytes += len(found[1].raw)
    for item in sorter.read(*found):
        made.add(item)


def found_in(stream: BinaryIO, job: Job, reading: Reading) -> Iterator[Found]:
    """The records of a whole file."""
    if tabular.is_parquet(stream):
        return tabular.parquet_rows(stream, reading)
    opening, whole = opened(unpacked(stream, reading, job.limits))
    if tabular.is_csv(opening, job.name):
        return tabular.csv_rows(whole, reading)
    return records(whole, reading, job.limits)


def found_at(stream: BinaryIO, part: Slice, job: Job, reading: Reading) -> Iterator[Found]:
    """The records of a slice."""
    match part.kind:
        case Kind.PARQUET:
            return tabular.parquet_rows(stream, reading, groups=range(part.start, part.end), before=part.line)
        case Kind.CSV:
            whole = itertools.chain([part.header], chunks_of(stream, part))
            return tabular.csv_rows(whole, reading, line=part.line)
        case _:
            pieces = pieces_of(stream, part, job.limits)
            return itertools.chain.from_iterable(decoded(piece, reading) for piece in pieces)


def _written(made: Made, job: Job, stem: Path) -> Part:
    calls = _columns(made.calls, made, job.name)
    rejects = _arrow(reject_table(made.rejects), stem.with_suffix(".rejects")) if made.rejects else None
    judged = _arrow(evaluation_table(made.evaluations), stem.with_suffix(".judged")) if made.evaluations else None
    spans = None
    if made.spans or made.logs:
        spans = stem.with_suffix(".spans")
        batch = batch_of(made.spans, made.logs, [], now=job.read_at)
        spans.write_bytes(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
    return _part(calls, stem, spans=spans, rejects=rejects, evaluations=judged)


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


def rejected(job: Job, reject: Reject) -> Decoded:
    """A slice of which nothing but this can be said."""
    path = job.parts / f"{secrets.token_hex(8)}.rejects"
    return Decoded(parts=[Part(rejects=_arrow(reject_table([reject]), path))], formats={})


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
