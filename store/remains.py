"""Remains: what is stored of the traces that a file had a part in, without that file."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from store.connection import Store

TOUCHED_SQL = """
    SELECT trace_id, min(event_time) AS first, max(event_time) AS last FROM (
        SELECT trace_id, event_time FROM data.spans WHERE source_id = $source_id
        UNION ALL SELECT trace_id, event_time FROM data.span_tellings WHERE source_id = $source_id
        UNION ALL SELECT trace_id, event_time FROM data.span_logs WHERE source_id = $source_id
        UNION ALL SELECT trace_id, event_time FROM data.calls WHERE source_id = $source_id AND source LIKE 'otlp/%'
    ) GROUP BY trace_id
"""
OWNERS_SQL = """
    SELECT trace_id, min(source_id) AS source_id FROM (
        SELECT trace_id, source_id FROM data.spans WHERE event_time BETWEEN $low AND $high
        UNION ALL SELECT trace_id, source_id FROM data.span_logs WHERE event_time BETWEEN $low AND $high
    ) WHERE trace_id IN (SELECT unnest($traces)) AND source_id IS DISTINCT FROM $source_id GROUP BY trace_id
"""


def touched(store: Store, source_id: int) -> tuple[list[str], datetime, datetime]:
    """Return the traces that a source told something of, and the time from their first to their last moment."""
    found = store.read(TOUCHED_SQL, {"source_id": source_id})
    if found.is_empty():
        return [], datetime.now(UTC), datetime.now(UTC)
    return found["trace_id"].to_list(), *found.select(pl.col("first").min(), pl.col("last").max()).row(0)


def owners(
    store: Store, traces: Sequence[str], source_id: int, *, low: datetime, high: datetime
) -> dict[str, int | None]:
    """Return for each trace of which something is left without the source: the first of those that told it."""
    params = {"traces": list(traces), "source_id": source_id, "low": low, "high": high}
    return dict(store.read(OWNERS_SQL, params).iter_rows())
