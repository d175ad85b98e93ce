"""Keeping: the parts of a file go into the store, and the ledger's row moves with them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from collectors.files.decode import batch_at, table_at
from collectors.files.job import Job, Part
from collectors.load import COUNTED, Kept, keep
from collectors.report import Report
from store import sources
from store.calls import Appended, append_calls, stamped
from store.conflicts import conflicts
from store.connection import Store, Transaction
from store.loading import append_evaluations_once
from store.model import Reject


class _TakenBack(Exception):  # noqa: N818 - ends a dry run's transaction
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One file on its way in. `size` in bytes, as it came; `sha256` of it is still being worked out."""

    store: Store
    job: Job
    executor: Executor
    kind: str
    dry_run: bool
    size: int
    sha256: Future[str]
    before: sources.Source | None = None

    @property
    def now(self) -> datetime:
        return self.job.read_at


def begun(tx: Transaction, run: Import, report: Report, log_format: str) -> int:
    """The file's row in the ledger, opened if it is not yet; its hash may be told later (`sources.identify`)."""
    if report.source_id is None:
        report.source_id = sources.begin(
            tx, run.before, kind=run.kind, name=run.job.name, log_format=log_format, size=run.size, now=run.now
        )
    return report.source_id


@contextmanager
def written(run: Import) -> Iterator[Transaction]:
    """A transaction that a dry run takes back."""
    try:
        with run.store.transaction() as tx:
            yield tx
            if run.dry_run:
                raise _TakenBack  # noqa: TRY301 - the way out of a transaction
    except _TakenBack:
        pass


def store_parts(tx: Transaction, run: Import, parts: Sequence[Part], report: Report) -> None:
    """Append what parts hold beside spans, and count it in the report and the ledger."""
    assert report.source_id is not None  # noqa: S101 - begun before
    before = report.calls, report.duplicates, report.rejects
    clashing: list[Reject] = []
    if calls := _tables(parts, lambda part: table_at(part.calls)):
        appended = append_calls(tx, stamped(calls, source_id=report.source_id, ingested_at=run.now))
        clashing = conflicts(tx, appended.left_out, place=run.job.name)
        count(report, appended, conflicts=len(clashing))
    if judged := _tables(parts, lambda part: table_at(part.evaluations)):
        append_evaluations_once(tx, judged)
    unread = _tables(parts, lambda part: table_at(part.rejects))
    for rejects in (unread, sources.reject_table(clashing)):
        if rejects:
            sources.add_rejects(tx, rejects, source_id=report.source_id, now=run.now)
            report.rejects += rejects.num_rows
            report.show(rejects)
    calls_, duplicates, rejected = (now - then for now, then in zip(_counts(report), before, strict=True))
    sources.move(tx, report.source_id, calls=calls_, duplicates=duplicates, rejects=rejected, now=run.now)


def _tables(parts: Sequence[Part], table_of: Callable[[Part], pa.Table | None]) -> pa.Table | None:
    found = [table for part in parts if (table := table_of(part)) is not None]
    return pa.concat_tables(found) if found else None


def _counts(report: Report) -> tuple[int, int, int]:
    return report.calls, report.duplicates, report.rejects


def count(report: Report, appended: Appended, *, conflicts: int = 0) -> None:
    """Count what was appended; a call that contradicts the one of its id is a reject, no duplicate."""
    report.calls += appended.calls
    report.duplicates += appended.duplicates - conflicts
    report.conflicts += conflicts


def store_spans(run: Import, part: Part, report: Report) -> None:
    """Spans join whatever is stored of their traces, as those that came by OTLP do."""
    if part.spans is None:
        return
    assert report.source_id is not None  # noqa: S101
    source_id = report.source_id

    def also(tx: Transaction, kept: Kept) -> None:
        counts = {name: getattr(kept, name) for name in COUNTED}
        sources.move(tx, source_id, **counts, now=run.now)

    kept = keep(run.store, run.executor, batch_at(part.spans), now=run.now, source_id=source_id, also=also)
    report.calls += kept.calls
    report.duplicates += kept.duplicates
    report.spans += kept.spans
    report.rejects += kept.rejects
    report.show(kept.rejected)


def store_spans_dry(tx: Transaction, part: Part, report: Report, run: Import) -> None:
    if part.spans is None:
        return
    batch = batch_at(part.spans)
    report.spans += batch.spans.num_rows
    report.rejects += batch.rejects.num_rows
    report.show(batch.rejects)
    count(report, append_calls(tx, stamped(batch.calls, source_id=report.source_id, ingested_at=run.now)))


def settle(tx: Transaction, run: Import, report: Report) -> None:
    """Close the ledger's row; after a restart, its own figures count what the first try stored."""
    assert report.source_id is not None  # noqa: S101
    sources.close(
        tx, report.source_id, status=report.status, error=report.error, log_format=report.format, size=run.size,
        now=run.now,
    )  # fmt: skip


def forget(parts: Sequence[Part]) -> None:
    """Delete what was stored: a big file's parts need not all lie on the disk at once."""
    for part in parts:
        for path in (part.calls, part.spans, part.rejects, part.evaluations):
            if path is not None:
                path.unlink()
