"""Ingest: one log file into the store, each call once, every record that cannot be read kept and counted.

The file's ledger row moves in the transactions that store its calls. Killed half-way, the same file starts again: what
was stored is recognised, nothing is lost. A file that was read to its end is not read twice.
"""

import hashlib
import logging
import secrets
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from collectors import own_lines
from collectors.decode import Decoded, Job, decode, decode_lines
from collectors.format import format_named, sniffed
from collectors.keeping import Import, begin, count, settle, store_part, store_spans, store_spans_dry, written
from collectors.mapping import Mapping, checked
from collectors.reading import GZIP, ZSTD, Limits, Reading, unpacked
from collectors.report import ALREADY, Report
from store import sources
from store.calls import Appended
from store.connection import Store, Transaction
from store.errors import FormatError, StoreError
from store.own_lines import append_lines

log = logging.getLogger(__name__)

OWN = "leeway"
HASHED = 8 << 20  # bytes at a time


def ingest(
    store: Store, path: Path, *, name: str | None = None, format: str = "auto",  # noqa: A002 - as every caller says it
    mapping: Mapping | None = None,
    kind: str = "file", dry_run: bool = False, limits: Limits | None = None, executor: Executor, now: datetime,
) -> Report:  # fmt: skip
    """Read one log file into the store and report what became of it.

    `mapping`: where a call's fields stand in records that no format knows (collectors/mapping.py). `dry_run` counts and
    writes nothing. Raises FormatError when there is no such format or the mapping names no field.
    """
    begun = time.monotonic()
    if format != "auto":
        format_named(format)
    if mapping:
        checked(mapping)
    with _folder(store) as folder, ThreadPoolExecutor(1) as hashing:
        job = Job(
            path=path, name=name or path.name, parts=folder / "parts", read_at=now, log_format=format, mapping=mapping,
            limits=limits or Limits(),
        )  # fmt: skip
        sha256 = hashing.submit(_sha256, path)
        report = _imported(Import(store=store, job=job, executor=executor, kind=kind, dry_run=dry_run), sha256, folder)
    report.bytes, report.seconds = path.stat().st_size, round(time.monotonic() - begun, 3)
    return report


@contextmanager
def _folder(store: Store) -> Iterator[Path]:
    """A scratch folder in the spool, where DuckDB may read."""
    folder = store.settings.spool / "ingest" / secrets.token_hex(8)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASHED):
            made.update(chunk)
    return made.hexdigest()


def _imported(run: Import, sha256: Future[str], folder: Path) -> Report:
    plain = _own(run.job, folder)
    survey = run.executor.submit(own_lines.survey, plain).result() if plain else None
    run = replace(run, sha256=sha256.result())
    run = replace(run, before=sources.known(run.store, run.sha256))
    if run.before and run.before.status == sources.DONE and not run.dry_run and _same_asked(run):
        return _already(run.before)
    if plain and survey and survey.odd is not None:
        try:
            return _by_duckdb(run, plain, survey, folder)
        except StoreError:  # it reads a line otherwise than we do; nothing was stored
            log.info("%s: reading it line by line", run.job.name, exc_info=True)
    return _by_format(run)


def _same_asked(run: Import) -> bool:
    """Whether reading it again would be no other reading."""
    return run.job.mapping is None and run.job.log_format in ("auto", run.before.format if run.before else None)


def _already(before: sources.Source) -> Report:
    counts = {name: getattr(before, name) for name in ("calls", "duplicates", "spans", "rejects", "source_id")}
    return Report(name=before.name, format=before.format or "auto", status=ALREADY, error=before.error, **counts)


def _own(job: Job, folder: Path) -> Path | None:
    """The file as plain JSON lines, if it is of Leeway's own format."""
    if job.mapping or job.log_format not in ("auto", OWN):
        return None
    with job.path.open("rb") as stream:
        packed = stream.read(4).startswith((GZIP, ZSTD))
        stream.seek(0)
        reading = Reading(file=job.name, read_at=job.read_at)
        try:
            first = next(unpacked(stream, reading, job.limits), b"")
        except FormatError:  # damaged: the other way reads it too, and says so in the report
            return None
        if not _begins_own(first.partition(b"\n")[0]):
            return None
        if not packed:
            return job.path
        stream.seek(0)
        return _unpacked_to(folder / "plain.jsonl", stream, job)


def _begins_own(line: bytes) -> bool:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    found = sniffed(record) if isinstance(record, dict) else None
    return found is not None and found.name == OWN


def _unpacked_to(target: Path, stream: BinaryIO, job: Job) -> Path | None:
    """None for a damaged or truncated file: what is whole of it is read record by record."""
    reading = Reading(file=job.name, read_at=job.read_at)
    try:
        with target.open("wb") as out:
            out.writelines(unpacked(stream, reading, job.limits))
    except FormatError:
        return None
    return None if reading.truncated else target


def _by_duckdb(run: Import, plain: Path, survey: own_lines.Survey, folder: Path) -> Report:
    """DuckDB reads the clean lines by itself; the odd ones are read one by one, in the same transaction."""
    clean = folder / "clean.jsonl"
    own_lines.clean_copy(plain, survey.odd or [], clean)
    odd = run.executor.submit(decode_lines, run.job, survey.odd).result() if survey.odd else None
    report = Report(name=run.job.name, format=OWN)
    with written(run) as tx:
        report.source_id = begin(tx, run, OWN)
        appended = _append_clean(tx, clean, survey, report.source_id, run.now)
        count(report, appended)
        sources.move(tx, report.source_id, calls=appended.calls, duplicates=appended.duplicates, now=run.now)
        for part in odd.parts if odd else ():
            store_part(tx, run, part, report)
        settle(tx, run, report)
    return report


def _append_clean(tx: Transaction, clean: Path, survey: own_lines.Survey, source_id: int, now: datetime) -> Appended:
    if survey.first is None or survey.last is None:
        return Appended(0, 0)
    return append_lines(
        tx, clean, lines=survey.clean, first=survey.first, last=survey.last, in_order=survey.in_order,
        timeless=survey.timeless, source_id=source_id, ingested_at=now,
    )  # fmt: skip


def _by_format(run: Import) -> Report:
    """A worker decodes the file into parts; each part is one transaction, which moves the ledger too."""
    report = Report(name=run.job.name, format=run.job.log_format)
    found = _decoded(run, report)
    report.format = found.formats[0] if found.formats else run.job.log_format
    if run.dry_run:
        with written(run) as tx:
            report.source_id = begin(tx, run, report.format)
            for part in found.parts:
                store_part(tx, run, part, report)
                store_spans_dry(tx, part, report, run)
        return report
    with run.store.transaction() as tx:
        report.source_id = begin(tx, run, report.format)
    for part in found.parts:
        with run.store.transaction() as tx:
            store_part(tx, run, part, report)
        store_spans(run, part, report)
    _conclude(report, found)
    with run.store.transaction() as tx:
        settle(tx, run, report)
    return report


def _decoded(run: Import, report: Report) -> Decoded:
    try:
        return run.executor.submit(decode, run.job).result()
    except BrokenExecutor as error:
        report.status, report.error = sources.FAILED, f"{run.job.name}: reading it ended its worker ({error})"
        return Decoded(parts=[], formats=[], bytes_read=0, truncated=False)


def _conclude(report: Report, found: Decoded) -> None:
    if found.error:
        report.status, report.error = sources.FAILED, found.error
    elif found.truncated:
        report.error = "the file ends in the middle; what came before was read"
    if report.rejects and not (report.calls or report.duplicates or report.spans):
        report.status, report.error = sources.FAILED, report.error or "no record of it could be read"
