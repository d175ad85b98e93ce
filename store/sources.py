"""Sources: the ledger of what was read, the records that could not be, and the way back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa

from store.audit import audit
from store.connection import Store, Transaction
from store.errors import StoreError
from store.model import Reject

LOADING, DONE, FAILED, UNDONE = "loading", "done", "failed", "undone"

KNOWN_SQL = """
    SELECT * FROM data.sources WHERE sha256 = ? AND kind <> 'journal' AND status <> 'undone'
    ORDER BY (status = 'done') DESC, source_id DESC LIMIT 1
"""
OPEN_SQL = """
    INSERT INTO data.sources (source_id, kind, name, format, bytes, status, created_at, updated_at)
    VALUES (nextval('data.source_ids'), $kind, $name, $format, $bytes, 'loading', $now, $now)
"""
NEWEST_SQL = "SELECT currval('data.source_ids')"
IDENTIFY_SQL = (
    "UPDATE data.sources SET sha256 = $sha256 WHERE source_id = $source_id AND sha256 IS DISTINCT FROM $sha256"
)
OF_SIZE_SQL = "SELECT count(*) FROM data.sources WHERE bytes = ? AND kind <> 'journal'"
RESTART_SQL = """
    UPDATE data.sources SET calls = 0, duplicates = 0, spans = 0, rejects = 0, ignored = 0, status = 'loading',
        error = NULL, format = $format, name = $name, updated_at = $now
    WHERE source_id = $source_id
"""
FORGET_REJECTS_SQL = "DELETE FROM data.rejects WHERE source_id = ?"
MOVE_SQL = """
    UPDATE data.sources SET calls = calls + $calls, duplicates = duplicates + $duplicates, spans = spans + $spans,
        rejects = rejects + $rejects, ignored = ignored + $ignored, updated_at = $now
    WHERE source_id = $source_id
"""
# A restarted import meets what its first try stored: those calls are this file's own, not duplicates.
CLOSE_SQL = """
    UPDATE data.sources SET status = $status, error = $error, updated_at = $now, bytes = $bytes, format = $format,
        calls = stored.calls, duplicates = greatest(sources.calls + sources.duplicates - stored.calls, 0),
        first_event_at = stored.first_event_at, last_event_at = stored.last_event_at
    FROM (
        SELECT count(*) AS calls, min(event_time) AS first_event_at, max(event_time) AS last_event_at
        FROM data.calls WHERE source_id = $source_id
    ) AS stored
    WHERE sources.source_id = $source_id
"""
ONE_SQL = "SELECT * FROM data.sources WHERE source_id = ?"
RECENT_SQL = "SELECT * FROM data.sources ORDER BY updated_at DESC, source_id DESC LIMIT ?"
REJECTS_SQL = """
    SELECT * FROM rejects WHERE $source_id IS NULL OR source_id = $source_id
    ORDER BY created_at DESC, source_id DESC, line LIMIT $limit OFFSET $offset
"""
MARK_DIRTY_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT date_trunc('hour', event_time) AS hour FROM data.calls
    WHERE source_id = ? AND hour NOT IN (SELECT hour FROM data.dirty_hours)
"""
FORGET_SQL = (
    "CREATE OR REPLACE TEMP TABLE taken_back AS SELECT call_id FROM data.calls WHERE source_id = ?",
    "DELETE FROM data.calls WHERE source_id = ?",
    "DELETE FROM data.spans WHERE source_id = ?",
    "DELETE FROM data.span_tellings WHERE source_id = ?",
    "DELETE FROM data.span_logs WHERE source_id = ?",
    FORGET_REJECTS_SQL,
)
# Calls that stand again, told by what is left of their traces, keep their scores and what people said of them.
FORGET_SCORES_SQL = """
    DELETE FROM data.evaluations WHERE call_id IN (SELECT call_id FROM taken_back)
    AND call_id NOT IN (SELECT call_id FROM data.calls)
"""
UNDONE_SQL = "UPDATE data.sources SET status = 'undone', updated_at = ? WHERE source_id = ?"

REJECT_SCHEMA = pa.schema([
    ("place", pa.string()), ("line", pa.int64()), ("byte_offset", pa.int64()), ("reason", pa.string()),
    ("raw", pa.binary()),
])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file, upload or journal segment; the columns of data.sources."""

    source_id: int
    kind: str
    name: str
    sha256: str | None
    format: str | None
    bytes: int
    calls: int
    duplicates: int
    spans: int
    rejects: int
    ignored: int
    status: str
    error: str | None
    first_event_at: datetime | None
    last_event_at: datetime | None
    created_at: datetime
    updated_at: datetime


def known(store: Store, sha256: str) -> Source | None:
    """The source with exactly this content that was read before, wholly or in part."""
    return _first(store.read(KNOWN_SQL, [sha256]))


def any_of_size(store: Store, size: int) -> bool:
    """Whether a file of so many bytes was ever read: if none was, no content is known either."""
    return bool(store.one(OF_SIZE_SQL, [size]))


def source(store: Store, source_id: int) -> Source | None:
    return _first(store.read(ONE_SQL, [source_id]))


def _first(frame: pl.DataFrame) -> Source | None:
    return Source(**frame.row(0, named=True)) if frame.height else None


def begin(
    tx: Transaction, before: Source | None, *, kind: str, name: str, log_format: str, size: int, now: datetime
) -> int:
    """Open the ledger's row, or the row of a try that did not come to its end; return its id.

    What was opened is found again only once it is identified.
    """
    if before is None:
        params = {"kind": kind, "name": name, "format": log_format, "bytes": size, "now": now}
        tx.execute(OPEN_SQL, params)
        return int(tx.one(NEWEST_SQL))
    tx.execute(FORGET_REJECTS_SQL, [before.source_id])
    tx.execute(RESTART_SQL, {"format": log_format, "name": name, "now": now, "source_id": before.source_id})
    return before.source_id


def identify(tx: Transaction, source_id: int, sha256: str) -> None:
    """Say what the file's content is; hashing a big one may take longer than beginning to read it."""
    tx.execute(IDENTIFY_SQL, {"sha256": sha256, "source_id": source_id})


def move(
    tx: Transaction, source_id: int, *, calls: int = 0, duplicates: int = 0, spans: int = 0, rejects: int = 0,
    ignored: int = 0, now: datetime,
) -> None:  # fmt: skip
    """Add to the ledger what this transaction stores."""
    counts = {"calls": calls, "duplicates": duplicates, "spans": spans, "rejects": rejects, "ignored": ignored}
    tx.execute(MOVE_SQL, {**counts, "now": now, "source_id": source_id})


def close(
    tx: Transaction, source_id: int, *, status: str, error: str | None, log_format: str, size: int, now: datetime
) -> None:  # fmt: skip
    """Settle the ledger's row; a file's calls are those that stand under its id."""
    params = {"status": status, "error": error, "format": log_format, "bytes": size, "now": now, "source_id": source_id}
    tx.execute(CLOSE_SQL, params)


def reject_table(rejects: Iterable[Reject]) -> pa.Table:
    rows = list(rejects)
    columns = [
        [r.where for r in rows], [r.line for r in rows], [r.byte_offset for r in rows],
        [r.reason for r in rows], [r.raw for r in rows],
    ]  # fmt: skip
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, REJECT_SCHEMA, strict=True)],
                    schema=REJECT_SCHEMA)  # fmt: skip


def add_rejects(tx: Transaction, rejects: pa.Table, *, source_id: int | None, now: datetime) -> None:
    """Keep records that could not be read; `rejects` as of `reject_table`."""
    if not rejects.num_rows:
        return
    moment = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
    rejects = rejects.append_column("source_id", pa.repeat(pa.scalar(source_id, pa.int64()), rejects.num_rows))
    tx.insert("data.rejects", rejects.append_column("created_at", pa.repeat(moment, rejects.num_rows)))


def recent(store: Store, limit: int = 50) -> pl.DataFrame:
    """The newest sources, columns of data.sources."""
    return store.read(RECENT_SQL, [limit])


def rejects(store: Store, *, source_id: int | None = None, limit: int = 100, offset: int = 0) -> pl.DataFrame:
    """Records that could not be read, newest first: columns of the view `rejects`."""
    return store.read(REJECTS_SQL, {"source_id": source_id, "limit": limit, "offset": offset})


def undo(
    store: Store, source_id: int, *, actor: str, now: datetime, instead: Callable[[Transaction], None] = lambda _: None
) -> Source:
    """Take back a file: its calls with their scores, its spans and rejects. The ledger keeps that it was there.

    `instead` puts back, in the same transaction, what stays true without the file (`collectors/undo.py`).
    Raises StoreError when there is no such file.
    """
    before = source(store, source_id)
    if before is None or before.kind == "journal" or before.status == UNDONE:
        raise StoreError(f"source {source_id} is no file that could be taken back: see the Data page's list")
    with store.transaction() as tx:
        tx.execute(MARK_DIRTY_SQL, [source_id])
        for statement in FORGET_SQL:
            tx.execute(statement, [source_id])
        instead(tx)
        tx.execute(FORGET_SCORES_SQL)
        tx.execute(UNDONE_SQL, [now, source_id])
        details = f"{before.name}: {before.calls} calls, {before.spans} spans, {before.rejects} rejects"
        audit(tx, actor=actor, action="source.undo", subject=str(source_id), details=details, now=now)
    return before
