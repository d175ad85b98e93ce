"""Slicing: how a file is read in parts that workers decode apart from each other, each within its own time limit.

Runs in a worker. A packed file is unpacked into the spool first: from within a packed one nobody can start.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from collectors.files import tabular
from collectors.files.job import Job, Kind, Plan, Slice
from collectors.files.pieces import chunks_of, objects, pieces_of, stand_in_lines
from collectors.files.reading import BOM, Limits, Reading
from collectors.files.unpacking import CHUNK, is_packed, unpacked
from collectors.identity import digest
from store.errors import FormatError

SLICE_BYTES = 32 << 20
SLICE_ROWS = 1 << 16


def plan(job: Job) -> Plan:
    """Find how the file is to be read."""
    path, reading, error = _plain(job)
    slices: list[Slice] = []
    try:
        with path.open("rb") as stream:
            whole = _whole(stream, job)
            slices.extend(_slices(stream, replace(whole, head=_head(stream, whole, job.limits)), job))
    except FormatError as stopped:
        error = error or str(stopped)
    return Plan(path=path, slices=slices, truncated=reading.truncated, error=error)


def _plain(job: Job) -> tuple[Path, Reading, str | None]:
    """The file as it is or as it was unpacked, as far as that went, and why it went no further."""
    reading = Reading(file=job.name, read_at=job.read_at)
    with job.path.open("rb") as stream:
        if not is_packed(stream):
            return job.path, reading, None
        job.parts.mkdir(parents=True, exist_ok=True)
        target = job.parts / "unpacked"
        try:
            with target.open("wb") as out:
                out.writelines(unpacked(stream, reading, job.limits))
        except FormatError as error:
            return target, reading, str(error)
        return target, reading, None


def _whole(stream: BinaryIO, job: Job) -> Slice:
    """All of the file as one slice."""
    if tabular.is_parquet(stream):
        return Slice(kind=Kind.PARQUET, start=0, end=_parquet(stream, job.name).metadata.num_row_groups, line=0)
    opening = stream.read(CHUNK)
    size = stream.seek(0, 2)
    skipped = len(BOM) if opening.startswith(BOM) else 0
    first = opening[skipped:]
    if tabular.is_csv(first, job.name):
        header = b"".join(first.partition(b"\n")[:2])
        start = skipped + len(header)
        return Slice(kind=Kind.CSV, start=start, end=size, line=2, skipped=skipped, header=header)
    kind = Kind.LINES if stand_in_lines(first) else Kind.OBJECTS
    return Slice(kind=kind, start=skipped, end=size, skipped=skipped)


def _parquet(stream: BinaryIO, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(stream)
    except (OSError, ValueError) as error:
        raise FormatError(f"{name}: damaged Parquet ({error}); export it again") from error


def _head(stream: BinaryIO, whole: Slice, limits: Limits) -> str:
    """What tells this file from others of its name: its first record."""
    if whole.kind not in (Kind.LINES, Kind.OBJECTS):
        return ""
    texts = (piece.raw.strip() for piece in pieces_of(stream, whole, limits))
    return digest(next(filter(None, texts), b""))


def _slices(stream: BinaryIO, whole: Slice, job: Job) -> Iterator[Slice]:
    if whole.kind == Kind.PARQUET:
        return _row_groups(_parquet(stream, job.name), whole)
    if whole.end - whole.start <= SLICE_BYTES:
        return iter([whole])
    if whole.kind == Kind.LINES:
        return line_slices(stream, whole, SLICE_BYTES)
    ends = _row_ends(stream, whole) if whole.kind == Kind.CSV else _object_ends(stream, whole, job.limits)
    return _cut(whole, ends, SLICE_BYTES)


def line_slices(stream: BinaryIO, whole: Slice, most: int) -> Iterator[Slice]:
    """Cut behind a line feed about every `most` bytes; a longer line stays whole."""
    here, at, feeds = whole, whole.start, 0
    for chunk in chunks_of(stream, whole, min(most, CHUNK)):
        at += len(chunk)
        feeds += chunk.count(b"\n")
        end = at - len(chunk) + chunk.rfind(b"\n") + 1
        if at - here.start >= most and b"\n" in chunk:
            yield replace(here, end=end)
            here, feeds = replace(here, start=end, line=here.line + feeds), 0
    if here.start < whole.end:
        yield here


def _cut(whole: Slice, ends: Iterable[tuple[int, int]], most: int) -> Iterator[Slice]:
    """Slices of about `most` bytes. `ends`: where records end, in the file, and the line there."""
    here = whole
    for end, line in ends:
        if end - here.start >= most:
            yield replace(here, end=end)
            here = replace(here, start=end, line=line)
    if here.start < whole.end:
        yield here


def _object_ends(stream: BinaryIO, whole: Slice, limits: Limits) -> Iterator[tuple[int, int]]:
    for piece in objects(chunks_of(stream, whole), limits, line=whole.line, offset=whole.start):
        yield piece.offset + len(piece.raw), piece.line + piece.raw.count(b"\n")


def _row_ends(stream: BinaryIO, whole: Slice) -> Iterator[tuple[int, int]]:
    """Where rows end: a cell in quotes may have line feeds of its own, so only the reader of CSV knows."""
    read = [whole.start, whole.line]

    def lines() -> Iterator[str]:
        stream.seek(whole.start)
        for raw in stream:
            read[0], read[1] = read[0] + len(raw), read[1] + 1
            yield raw.decode("utf-8", "replace")

    rows = csv.reader(lines(), delimiter=tabular.delimiter(whole.header.decode("utf-8", "replace")), strict=True)
    while True:
        try:
            next(rows)
        except StopIteration:
            return
        except csv.Error:  # told, with its place, by whoever reads that slice
            continue
        yield read[0], read[1]


def _row_groups(file: pq.ParquetFile, whole: Slice) -> Iterator[Slice]:
    """Row groups, small ones together. `line`: the rows before."""
    here, rows, before = whole, 0, 0
    for number in range(whole.end):
        rows += file.metadata.row_group(number).num_rows
        if rows >= SLICE_ROWS or number + 1 == whole.end:
            yield replace(here, end=number + 1, line=before)
            before += rows
            here, rows = replace(here, start=number + 1), 0
