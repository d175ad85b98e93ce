"""Ingest: one log file into the store, each call once, every record that cannot be read kept and counted.

The file's ledger row moves in the transactions that store its calls. Killed half-way, the same file starts again: what
was stored is recognised, nothing is lost. A file that was read to its end is not read twice.
"""

import hashlib
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from collectors.files.decode import PART_ROWS
from collectors.files.job import Job, Part, Plan, Slice
from collectors.files.mapping import Mapping, checked
from collectors.files.parts import decoded_parts, submitted
from collectors.files.reading import Limits
from collectors.files.slicing import plan
from collectors.format import format_named
from collectors.keeping import Import, begun, forget, settle, store_parts, store_spans, store_spans_dry, written
from collectors.rejected import rejected_of
from collectors.report import ALREADY, Report
from store import sources
from store.connection import Store, Transaction

STORED_BYTES = 256 << 20  # of calls in one transaction
Progress = Callable[[float], None]


def ingest(
    store: Store, path: Path, *, name: str | None = None, format: str = "auto",  # noqa: A002 - as every caller says it
    mapping: Mapping | None = None, kind: str = "file", dry_run: bool = False, limits: Limits | None = None,
    executor: Executor, now: datetime, progress: Progress = lambda _: None,
) -> Report:  # fmt: skip
    """Read one log file into the store and report what became of it.

    `mapping`: where a call's fields stand in records that no format knows (files/mapping.py). `dry_run` counts and
    writes nothing. `progress` is told which share of the file, from 0 to 1, is done. Raises FormatError when there is
    no such format or the mapping names no field.
    """
    begun_at = time.monotonic()
    if format != "auto":
        format_named(format)
    if mapping:
        checked(mapping)
    with _folder(store) as folder, ThreadPoolExecutor(1, "hash") as hashing:
        job = Job(
            path=path, name=name or path.name, parts=folder / "parts", read_at=now, log_format=format, mapping=mapping,
            limits=limits or Limits(),
        )  # fmt: skip
        run = Import(
            store=store, job=job, executor=executor, kind=kind, dry_run=dry_run, size=path.stat().st_size,
            sha256=hashing.submit(_sha256, path),
        )  # fmt: skip
        report = _imported(run, progress)
    report.bytes, report.seconds = run.size, round(time.monotonic() - begun_at, 3)
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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _imported(run: Import, progress: Progress) -> Report:
    before = sources.known(run.store, run.sha256.result()) if sources.any_of_size(run.store, run.size) else None
    run = replace(run, before=before)
    if before and before.status == sources.DONE and not run.dry_run and _same_asked(run, before):
        return _already(run.store, before)
    try:
        planned = submitted(run.executor, plan, run.job).result()
    except BrokenExecutor as error:
        planned = Plan(path=run.job.path, slices=[], error=f"{run.job.name}: reading it ended its worker ({error})")
    run = replace(run, job=replace(run.job, path=planned.path))
    reading = _Reading(run=run, planned=planned, progress=progress, report=Report(name=run.job.name))
    return reading.done()


def _same_asked(run: Import, before: sources.Source) -> bool:
    """Whether reading it again would be no other reading."""
    return run.job.mapping is None and run.job.log_format in ("auto", before.format)


def _already(store: Store, before: sources.Source) -> Report:
    counts = {name: getattr(before, name) for name in ("calls", "duplicates", "spans", "rejects", "source_id")}
    report = Report(name=before.name, format=before.format or "auto", status=ALREADY, error=before.error, **counts)
    report.rejected = rejected_of(store, before)
    return report


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One file being read."""

    run: Import
    planned: Plan
    progress: Progress
    report: Report
    formats: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None

    def done(self) -> Report:
        self._read(self.planned.slices)
        self._conclude()
        if not self.run.dry_run:
            with self.run.store.transaction() as tx:
                self._open(tx)
                settle(tx, self.run, self.report)
        return self.report

    def _read(self, slices: Sequence[Slice]) -> None:
        """Workers decode slices into parts; a transaction takes parts enough for it, and moves the ledger too."""
        if self.run.dry_run:
            with written(self.run) as tx:
                self._open(tx)
                for parts in self._gathered(slices):
                    store_parts(tx, self.run, parts, self.report)
                    for part in parts:
                        store_spans_dry(tx, part, self.report, self.run)
            return
        for parts in self._gathered(slices):
            with self.run.store.transaction() as tx:
                self._open(tx)
                store_parts(tx, self.run, parts, self.report)
            for part in parts:
                store_spans(self.run, part, self.report)
            forget(parts)

    def _open(self, tx: Transaction) -> None:
        source_id = begun(tx, self.run, self.report, self.run.job.log_format)
        sources.identify(tx, source_id, self.run.sha256.result())

    def _gathered(self, slices: Sequence[Slice]) -> Iterator[list[Part]]:
        """Parts, as many together as one transaction should store."""
        waiting: list[Part] = []
        for part, done in decoded_parts(self.run.executor, self.run.job, slices):
            self.formats.update(done.formats)
            waiting += done.parts
            if sum(one.rows for one in waiting) >= PART_ROWS or sum(one.bytes for one in waiting) >= STORED_BYTES:
                yield waiting
                waiting = []
            self._tell(part)
            if done.error:
                self.stopped = done.error
                break
        yield waiting

    def _tell(self, part: Slice) -> None:
        self.progress(part.end / max(1, self.planned.slices[-1].end))

    def _conclude(self) -> None:
        report = self.report
        report.format = self.formats.most_common(1)[0][0] if self.formats else self.run.job.log_format
        if error := self.planned.error or self.stopped:
            report.status, report.error = sources.FAILED, error
        elif self.planned.truncated:
            report.error = "the file ends in the middle; what came before was read"
        if report.rejects > report.conflicts and not (report.calls or report.duplicates or report.spans):
            report.status, report.error = sources.FAILED, report.error or "no record of it could be read"
