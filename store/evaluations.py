"""Evaluations: appended, the newest of a (call, name) wins."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa

from store.calls import MARK_DIRTY_SQL
from store.connection import Store, Transaction
from store.errors import NoSuchCall
from store.model import Evaluation

SCHEMA = pa.schema(
    [
        ("call_id", pa.string()),
        ("event_time", pa.timestamp("us")),
        ("name", pa.string()),
        ("evaluator", pa.string()),
        ("value", pa.float64()),
        ("label", pa.string()),
        ("flagged", pa.bool_()),
        ("explanation", pa.string()),
        ("created_at", pa.timestamp("us")),
    ]
)

CALL_OF_SQL = """
    SELECT call_id, event_time FROM data.calls
    WHERE ($call_id IS NOT NULL AND call_id = $call_id)
       OR ($call_id IS NULL AND $response_id IS NOT NULL AND response_id = $response_id)
       OR ($call_id IS NULL AND $response_id IS NULL AND $trace_id IS NOT NULL AND trace_id = $trace_id)
       OR ($call_id IS NULL AND $response_id IS NULL AND $trace_id IS NULL AND session_id = $session_id)
    ORDER BY event_time DESC LIMIT 1
"""


def evaluation_table(evaluations: Iterable[Evaluation]) -> pa.Table:
    rows = list(evaluations)
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    for name in ("event_time", "created_at"):
        columns[name] = [moment.astimezone(UTC).replace(tzinfo=None) for moment in columns[name]]
    return pa.table(columns, schema=SCHEMA)


def append_evaluations(tx: Transaction, evaluations: Iterable[Evaluation]) -> int:
    """Append scores and mark their hours: what the rollups say of them is outdated."""
    rows = evaluation_table(evaluations)
    tx.insert("data.evaluations", rows)
    with tx.staged(rows):
        tx.execute(MARK_DIRTY_SQL)
    return int(rows.num_rows)


def add_feedback(
    store: Store,
    *,
    name: str,
    value: float | None = None,
    label: str | None = None,
    comment: str | None = None,
    user: str | None = None,
    call_id: str | None = None,
    trace_id: str | None = None,
    response_id: str | None = None,
    session_id: str | None = None,
    now: datetime,
) -> Evaluation:
    """Store what a person said of a call; a trace or a session stands for its last call. Raises NoSuchCall."""
    given = {"call_id": call_id, "trace_id": trace_id, "response_id": response_id, "session_id": session_id}
    found = store.read(CALL_OF_SQL, given)
    if not found.height:
        named = ", ".join(f"{key}={text}" for key, text in given.items() if text) or "nothing"
        raise NoSuchCall(
            f"feedback: no call with {named}: give call_id, response_id, trace_id or session_id of a stored call"
        )
    said = Evaluation(
        call_id=found["call_id"][0],
        event_time=found["event_time"][0],
        name=name,
        evaluator=f"human:{user or 'anonymous'}",
        value=value,
        label=label,
        explanation=comment,
        created_at=now,
    )
    with store.transaction() as tx:
        append_evaluations(tx, [said])
    return said
