"""Calls: turn them into Arrow, append them once each. Paging through them is in `browse.py`."""

import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Raw

from store.connection import Transaction
from store.model import Json, LLMCall

_ARROW = {
    str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(),
    datetime: pa.timestamp("us"), list[str]: pa.list_(pa.string()),
}  # fmt: skip


def _arrow_type(hint: Any) -> pa.DataType:
    if hint == Json:
        return pa.string()
    if isinstance(hint, UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not NoneType)
    return _ARROW.get(hint) or pa.string()  # the rest are our StrEnums


_HINTS = typing.get_type_hints(LLMCall)
JSON_COLUMNS = frozenset(name for name, hint in _HINTS.items() if hint == Json)
COLUMNS = LLMCall.__struct_fields__
_row = attrgetter(*COLUMNS)
SCHEMA = pa.schema([(name, _arrow_type(_HINTS[name])) for name in COLUMNS])

# Duplicates are looked for this far around the batch: the same call carries the same time wherever it comes from.
DEDUPE_MARGIN = timedelta(hours=1)
ALL_TIME = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))

# Duplicates are found on ids alone and are few; only then do the wide rows move, in the order of their times. They
# mostly come in it: sorting and filtering them here would cost more than storing them.
KNOWN_SQL = """
    CREATE OR REPLACE TEMP TABLE known_ids AS
    SELECT DISTINCT s.call_id FROM staged AS s
    JOIN (SELECT call_id FROM data.calls WHERE event_time BETWEEN $low AND $high) AS c USING (call_id)
"""
SPAN_OF_STAGED_SQL = "SELECT min(event_time), max(event_time), bool_or(time_quality = 'ingested') FROM staged"
# Only hours that are not marked yet: a busy hour must not fill the table with itself.
MARK_DIRTY_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT date_trunc('hour', event_time) AS hour FROM staged
    WHERE hour NOT IN (SELECT hour FROM data.dirty_hours)
"""


@dataclass(frozen=True, slots=True)
class Appended:
    """How many calls were added, how many were known; `left_out`: the rows of those, where they were looked at."""

    calls: int
    duplicates: int
    left_out: pa.Table | None = None


def call_table(calls: Iterable[LLMCall], *, source_id: int | None, ingested_at: datetime) -> pa.Table:
    """Return calls as a table with the columns of `SCHEMA`, `source_id` and `ingested_at`."""
    return stamped(bare_table(calls), source_id=source_id, ingested_at=ingested_at)


def bare_table(calls: Iterable[LLMCall]) -> pa.Table:
    """Return calls as a table with the columns of `SCHEMA`."""
    columns = list(zip(*map(_row, calls), strict=True)) or [()] * len(COLUMNS)
    return table_of(dict(zip(COLUMNS, columns, strict=True)))


def table_of(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Return a table with the columns of `SCHEMA` from the values of each; moments may be µs since the epoch.

    A column that is left out is unknown for every call.
    """
    rows = len(columns["call_id"])
    return pa.table([_column(columns.get(name), name, rows) for name in COLUMNS], schema=SCHEMA)


def stamped(table: pa.Table, *, source_id: int | None, ingested_at: datetime) -> pa.Table:
    """Say of calls where they came from and when."""
    table = table.append_column("source_id", pa.repeat(pa.scalar(source_id, pa.int64()), table.num_rows))
    moment = pa.scalar(ingested_at, pa.timestamp("us"))
    return table.append_column("ingested_at", pa.repeat(moment, table.num_rows))


def _column(values: Sequence[Any] | None, name: str, rows: int) -> pa.Array:
    if values is None or not rows or (values[0] is None and values.count(None) == rows):  # most columns of most batches
        return pa.nulls(rows, SCHEMA.field(name).type)
    if name in JSON_COLUMNS:
        values = [json_text(value) for value in values]
    return pa.array(values, SCHEMA.field(name).type)  # moments with a zone are stored in UTC


def json_text(value: Json | Raw) -> str | None:
    """JSON as stored; None stays None, and what was not decoded stays as it was."""
    if value is None:
        return None
    if type(value) is Raw:
        return bytes(value).decode()
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def append_calls(tx: Transaction, rows: pa.Table) -> Appended:
    """Append the calls that are not there yet, each once; `rows` as of `call_table`.

    A call whose time is only that of its ingest has another time each time it comes: then the whole table is searched.
    """
    if not rows.num_rows:
        return Appended(0, 0)
    with tx.staged(rows):
        low, high, timeless = tx.read(SPAN_OF_STAGED_SQL).row(0)
        low, high = ALL_TIME if timeless else (low - DEDUPE_MARGIN, high + DEDUPE_MARGIN)
        tx.execute(KNOWN_SQL, {"low": low, "high": high})
        known = set(tx.read("SELECT call_id FROM known_ids")["call_id"])
        tx.execute(MARK_DIRTY_SQL)
    added, left_out = _parted(rows, known)
    tx.insert("data.calls", _in_order(added))
    return Appended(added.num_rows, left_out.num_rows, left_out)


def _parted(rows: pa.Table, known: set[str]) -> tuple[pa.Table, pa.Table]:
    """Return the first row of each call id that is not known, and all others."""
    ids = rows["call_id"].to_pylist()
    if not known and len(set(ids)) == len(ids):
        return rows, rows.slice(0, 0)
    first = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1), strict=True))
    new = pa.array([first[call_id] == at and call_id not in known for at, call_id in enumerate(ids)])
    return rows.filter(new), rows.filter(pc.invert(new))


def _in_order(rows: pa.Table) -> pa.Table:
    times = rows["event_time"]
    return rows if pl.Series(times).is_sorted() else rows.take(pc.sort_indices(times))
