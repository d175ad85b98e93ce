"""Tellings: what each source told of a span that a file told too, so that the file can be taken back without the rest.

Most spans are told once, or again by the program that made them: nothing is kept of those here.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from store.connection import Store, Transaction
from store.lifted import COLUMNS as TEXTS
from store.lifted import Key, put_back
from store.spans import SPAN_SCHEMA, Stored, span_of_time, stamped

ANY_FILE_SQL = "SELECT EXISTS (FROM data.sources WHERE kind <> 'journal' AND (spans > 0 OR source_id = ?))"
BEFORE_SQL = """
    WITH files AS (SELECT source_id FROM data.sources WHERE kind <> 'journal')
    SELECT * FROM data.spans WHERE event_time BETWEEN $low AND $high
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM staged)
    AND (trace_id, span_id) NOT IN (
        SELECT (trace_id, span_id) FROM data.span_tellings WHERE event_time BETWEEN $low AND $high
    )
    AND (source_id IN (FROM files) OR $source_id IN (FROM files))
"""
SHARED_SQL = """
    SELECT trace_id, span_id FROM data.span_tellings WHERE event_time BETWEEN $low AND $high
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM staged)
"""
TEXTS_SQL = f"""
    SELECT trace_id, span_id, {", ".join(TEXTS)} FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source LIKE 'otlp/%'
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM staged)
"""  # noqa: S608 - our own column names
TOLD_SQL = f"""
    SELECT {", ".join(SPAN_SCHEMA.names)}, source_id FROM data.span_tellings
    WHERE event_time BETWEEN $low AND $high AND trace_id IN (SELECT unnest($traces))
"""  # noqa: S608


def remember(
    tx: Transaction, told: pa.Table, calls: pa.Table, *, new: pa.Table, source_id: int | None, now: datetime
) -> None:
    """Keep what a source tells of spans that are stored, and what stood there before, where one of both is a file.

    `told`: the source's spans, `new` those of them that are not stored, `calls` hold what was cut out of them.
    """
    again = _rows(told, _keys(told) - _keys(new))
    if not again.num_rows or not tx.one(ANY_FILE_SQL, [source_id]):
        return
    low, high = span_of_time(again, now=now)
    with tx.staged(again.select(["trace_id", "span_id"])):
        window = {"low": low, "high": high}
        before = tx.read(BEFORE_SQL, {**window, "source_id": source_id}).to_arrow()
        texts = tx.read(TEXTS_SQL, window).to_arrow()
        shared = _keys(before) | _keys(tx.read(SHARED_SQL, window).to_arrow())
    tx.insert("data.span_tellings", put_back(before, texts))
    tx.insert("data.span_tellings", stamped(put_back(_rows(again, shared), calls), source_id, now))


def without(
    store: Store, stored: Stored, traces: Sequence[str], source_id: int, *, low: datetime, high: datetime
) -> Stored:
    """Return what is stored with each span as the others told it: several rows where several did."""
    frame = store.read(TOLD_SQL, {"traces": list(traces), "low": low, "high": high})
    if frame.is_empty():
        return stored
    told = _keys(frame.to_arrow())
    others = frame.filter(frame["source_id"].ne_missing(source_id)).select(SPAN_SCHEMA.names).to_arrow()
    kept = _rows(stored.spans, _keys(stored.spans) - told)
    return replace(stored, spans=pa.concat_tables([kept, others.cast(SPAN_SCHEMA)]))


def shared(store: Store) -> set[Key]:
    """Return the spans of which more is kept than one telling."""
    return _keys(store.read("SELECT DISTINCT trace_id, span_id FROM data.span_tellings").to_arrow())


def _keys(spans: pa.Table) -> set[Key]:
    return set(zip(spans["trace_id"].to_pylist(), spans["span_id"].to_pylist(), strict=True))


def _rows(spans: pa.Table, keys: set[Key]) -> pa.Table:
    rows = zip(spans["trace_id"].to_pylist(), spans["span_id"].to_pylist(), strict=True)
    return spans.filter(pa.array([key in keys for key in rows], pa.bool_()))
