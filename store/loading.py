"""What the loader writes beside spans and calls: its place in the journal, the journal's line in the ledger."""

from datetime import datetime

import pyarrow as pa

from store.connection import Transaction
from store.journal import Position
from store.spans import MARGIN

SOURCE_SQL = "SELECT source_id FROM data.sources WHERE kind = 'journal' AND name = ?"
OPEN_SQL = """
    INSERT INTO data.sources (source_id, kind, name, format, status, created_at, updated_at)
    VALUES (nextval('data.source_ids'), 'journal', $name, 'otlp', 'done', $now, $now)
"""
GROW_SQL = "UPDATE data.sources SET bytes = bytes + $size WHERE source_id = $source_id"
MOVE_SQL = "UPDATE data.journal_position SET segment = ?, byte_offset = ?"
# Evaluations of clients come again when their trace is assembled again.
APPEND_SQL = """
    INSERT INTO data.evaluations BY NAME
    SELECT * FROM staged AS s WHERE NOT EXISTS (
        SELECT 1 FROM data.evaluations AS e
        WHERE e.event_time BETWEEN $low AND $high AND e.call_id = s.call_id AND e.name = s.name
        AND e.evaluator = s.evaluator AND e.created_at = s.created_at
    )
"""
TIMES_SQL = "SELECT min(event_time), max(event_time) FROM staged"
MARK_DIRTY_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT date_trunc('hour', event_time) AS hour FROM staged
    WHERE hour NOT IN (SELECT hour FROM data.dirty_hours)
"""


def journal_source(tx: Transaction, name: str, *, now: datetime) -> int:
    """Return the id of the ledger's line for a journal segment; it is opened when there is none."""
    known = tx.one(SOURCE_SQL, [name])
    if known is None:
        tx.execute(OPEN_SQL, {"name": name, "now": now})
        known = tx.one(SOURCE_SQL, [name])
    return int(known)


def move_position(tx: Transaction, source_id: int, position: Position, *, size: int) -> None:
    """Commit how far the journal has been read: `size` bytes more, up to `position`."""
    tx.execute(GROW_SQL, {"size": size, "source_id": source_id})
    tx.execute(MOVE_SQL, [position.segment, position.offset])


def append_evaluations_once(tx: Transaction, rows: pa.Table) -> None:
    """Append the evaluations that are not there yet; `rows` as of `store.evaluations.evaluation_table`."""
    if not rows.num_rows:
        return
    with tx.staged(rows):
        low, high = tx.read(TIMES_SQL).row(0)
        tx.execute(APPEND_SQL, {"low": low - MARGIN, "high": high + MARGIN})
        tx.execute(MARK_DIRTY_SQL)
