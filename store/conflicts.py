"""Conflicts: calls that were left out because their id is known, and that say something else than the one that stands.

The first keeps. One writer that tells of one id twice must say the same; what another writer says of the same call (a
proxy beside the SDK) is another view of it, and what one of the two leaves open is no contradiction.
"""

from collections.abc import Iterator

import orjson
import polars as pl
import pyarrow as pa

from store.calls import ALL_TIME, COLUMNS, DEDUPE_MARGIN, JSON_COLUMNS, SPAN_OF_STAGED_SQL
from store.connection import Transaction
from store.model import Reject

COMPARED = ("model", "input_text", "output_text", "input_tokens", "output_tokens")
KEPT_RAW = 64 << 10  # bytes of such a call that are kept
REASON = "another call has its id"

# Whole texts would be copied through the join.
HASHED = ", ".join(f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}" for name in COMPARED)
DIFFERS = " || ".join(f"CASE WHEN s.{name} <> c.{name} THEN ['{name}'] ELSE [] END" for name in COMPARED)
CONFLICTS_SQL = f"""
    SELECT s.nth, {DIFFERS} AS fields
    FROM (SELECT call_id, source, nth, {HASHED} FROM staged) AS s
    JOIN (SELECT call_id, source, {HASHED} FROM data.calls WHERE event_time BETWEEN $low AND $high) AS c
        USING (call_id, source)
    WHERE {" OR ".join(f"s.{name} <> c.{name}" for name in COMPARED)}
    ORDER BY s.nth
"""  # noqa: S608 - our own column names


def conflicts(tx: Transaction, left_out: pa.Table | None, *, place: str) -> list[Reject]:
    """Which of the calls that `append_calls` left out contradict those that stand, each as a line of Leeway's own."""
    if left_out is None or not left_out.num_rows:
        return []
    asked = left_out.append_column("nth", pa.array(range(left_out.num_rows), pa.int64()))
    with tx.staged(asked):
        low, high, timeless = tx.read(SPAN_OF_STAGED_SQL).row(0)
        low, high = ALL_TIME if timeless else (low - DEDUPE_MARGIN, high + DEDUPE_MARGIN)
        found = tx.read(CONFLICTS_SQL, {"low": low, "high": high})
    lines = _lines(left_out.take(pa.array(found["nth"].to_list(), pa.int64())))
    return [
        Reject(
            where=place,
            reason=f"{REASON} ({call_id}) and stands; it differs in {', '.join(fields)}",
            raw=raw[:KEPT_RAW],
        )
        for fields, (call_id, raw) in zip(found["fields"], lines, strict=True)
    ]


def _lines(rows: pa.Table) -> Iterator[tuple[str, bytes]]:
    """Each call's id, and what is known of it as JSON."""
    shown = pl.DataFrame(pl.from_arrow(rows.select(COLUMNS)))
    for row in shown.iter_rows(named=True):
        told = {name: value for name, value in row.items() if value is not None and value != []}
        for name in JSON_COLUMNS & told.keys():
            told[name] = orjson.Fragment(told[name].encode())
        yield row["call_id"], orjson.dumps(told, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
