"""Undo: a file is taken back. Traces it had a part in are assembled again from what others told of them."""

from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from collectors.batch import Batch, batch_of
from store import kindred, remains, sources, tellings
from store.calls import append_calls, stamped
from store.connection import Store, Transaction
from store.lifted import put_back
from store.loading import append_evaluations_once
from store.spans import MARGIN, Stored, insert, logs_of, of_traces, spans_of


def undo(store: Store, executor: Executor, source_id: int, *, actor: str, now: datetime) -> sources.Source:
    """Take back a file and tell what it was. Raises StoreError when there is no such file."""
    traces, first, last = remains.touched(store, source_id)
    if not traces:
        return sources.undo(store, source_id, actor=actor, now=now)
    low, high = first - MARGIN, last + MARGIN
    kin = sorted({*traces, *kindred.known_traces(store, pa.array(traces, pa.string()), low=low, high=high)})
    around = {"low": low - MARGIN, "high": high + MARGIN}
    left = of_traces(store, kin, **around, without=source_id)
    left = tellings.without(store, left, kin, source_id, **around)
    again = executor.submit(assembled, left, now).result()
    owners = remains.owners(store, kin, source_id, low=low, high=high)

    def instead(tx: Transaction) -> None:
        kindred.forget_calls(tx, kin, low=low, high=high)
        append_calls(tx, _owned(again.calls, owners, now))
        nothing = again.spans.slice(0, 0), again.logs.slice(0, 0)
        insert(tx, *nothing, updated=again.spans, source_id=None, now=now)
        append_evaluations_once(tx, again.evaluations)

    return sources.undo(store, source_id, actor=actor, now=now, instead=instead)


def assembled(left: Stored, now: datetime) -> Batch:
    """What is left, as if nothing else had ever come; all spans with their texts. Runs in a worker."""
    again = batch_of(spans_of(left.spans, left.texts), logs_of(left.logs), [], now=now)
    return replace(again, spans=put_back(again.spans, again.calls))


def _owned(calls: pa.Table, owners: dict[str, int | None], now: datetime) -> pa.Table:
    """Each call stands under the source that told of its trace first."""
    owned = pa.array([owners.get(trace) for trace in calls["trace_id"].to_pylist()], pa.int64())
    rows = stamped(calls, source_id=None, ingested_at=now)
    return rows.set_column(rows.schema.get_field_index("source_id"), "source_id", owned)
