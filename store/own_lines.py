"""Own lines: DuckDB reads by itself those of Leeway's own JSON lines that were found clean.

They come through a pipe that lies in the store's spool, the only folder DuckDB may read. The SELECT fills gaps by the
same rules as `collectors/formats/leeway.py`; a test holds the two equal.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from store.calls import ALL_TIME, COLUMNS, DEDUPE_MARGIN, JSON_COLUMNS, SCHEMA, TIME_COLUMNS
from store.connection import Transaction

MAX_OBJECT_BYTES = 4 << 20  # longer lines go through Python; DuckDB reads buffers of four times as much

# Times are read as text and then cast: read as TIMESTAMP, an offset would be dropped.
TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "list<item: string>": "VARCHAR[]",
}
NAMED = "coalesce(nullif(response_model, ''), request_model)"
FILLED = {
    "event_time": "coalesce(event_time, started_at)::TIMESTAMP",
    "source": "coalesce(source, 'leeway')",
    "operation": "coalesce(operation, 'chat')",
    "time_quality": "coalesce(time_quality, 'exact')",
    "model": f"coalesce(model, nullif(regexp_extract({NAMED}, '[^/]*$'), ''), nullif({NAMED}, ''))",
    "latency_ms": "coalesce(latency_ms, CASE WHEN ended_at::TIMESTAMP >= started_at::TIMESTAMP THEN "
                  "date_diff('us', started_at::TIMESTAMP, ended_at::TIMESTAMP) / 1000 END)",
    "status": "coalesce(status, CASE WHEN error_type IS NOT NULL OR http_status >= 400 THEN 'error' "
              "WHEN output_text IS NOT NULL OR output_tokens IS NOT NULL OR finish_reason IS NOT NULL "
              "OR http_status IS NOT NULL THEN 'ok' ELSE 'unknown' END)",
    "tokens_origin": "coalesce(tokens_origin, CASE WHEN input_tokens IS NOT NULL OR output_tokens IS NOT NULL "
                     "THEN 'provider' ELSE 'none' END)",
    "content_state": "coalesce(content_state, CASE WHEN coalesce(system_text, input_text, input_messages::VARCHAR, "
                     "output_text, output_messages::VARCHAR) IS NOT NULL THEN 'full' ELSE 'absent' END)",
    "reported_cost_usd": "coalesce(reported_cost_usd, CASE WHEN coalesce(cost_status, 'reported') = 'reported' "
                         "THEN cost_usd END)",
    "problems": "coalesce(problems, [])",
}  # fmt: skip
BESIDE = {"cost_usd": "DOUBLE", "cost_status": "VARCHAR", "ingested_at": "VARCHAR"}


def _type(name: str) -> str:
    if name in JSON_COLUMNS:
        return "JSON"
    return "VARCHAR" if name in TIME_COLUMNS else TYPES[str(SCHEMA.field(name).type)]


def _value(name: str) -> str:
    if name in FILLED:
        return f"{FILLED[name]} AS {name}"
    if name in TIME_COLUMNS:
        return f"{name}::TIMESTAMP AS {name}"
    return f"{name}::VARCHAR AS {name}" if name in JSON_COLUMNS else name


READ_COLUMNS = ", ".join(f"{name}: '{kind}'" for name, kind in {**{n: _type(n) for n in COLUMNS}, **BESIDE}.items())
READ_SQL = f"read_json($path, format = 'newline_delimited', maximum_object_size = {2 * MAX_OBJECT_BYTES}, columns = {{{READ_COLUMNS}}})"  # noqa: E501
CALLS_SQL = ", ".join(_value(name) for name in COLUMNS)
NEAR_SQL = """
    CREATE OR REPLACE TEMP TABLE near_ids AS SELECT call_id FROM data.calls WHERE event_time BETWEEN $low AND $high
"""
INSERT_SQL = f"""
    INSERT INTO data.calls BY NAME
    SELECT {CALLS_SQL}, $source_id::BIGINT AS source_id, $ingested_at::TIMESTAMP AS ingested_at FROM {READ_SQL}
"""  # noqa: S608 - our own names
NEW_ONLY_SQL = " WHERE call_id NOT IN (SELECT call_id FROM near_ids)"
IN_ORDER_SQL = " ORDER BY event_time"
MARK_DIRTY_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT date_trunc('hour', event_time) AS hour FROM data.calls
    WHERE event_time BETWEEN $low AND $high AND source_id = $source_id
        AND hour NOT IN (SELECT hour FROM data.dirty_hours)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of lines that nobody has seen yet.

    `low` and `high`: between which times a stored call may be one of theirs; `in_order`: their times rise, roughly.
    """

    low: datetime
    high: datetime
    in_order: bool = True


def expected(first: datetime, last: datetime, *, in_order: bool = True, timeless: bool = False) -> Expected:
    """`first` and `last`: the earliest and the latest time; `timeless`: some are only the time of an ingest."""
    low, high = ALL_TIME if timeless else (first - DEDUPE_MARGIN, last + DEDUPE_MARGIN)
    return Expected(low=low, high=high, in_order=in_order)


def append_lines(
    tx: Transaction, path: Path, what: Expected, *, source_id: int, ingested_at: datetime
) -> tuple[int, bool]:
    """Append the calls of clean lines without repeated ids, except those that are there already.

    Return how many were appended, and whether these must be all: no stored call is near them.
    """
    tx.execute(NEAR_SQL, {"low": what.low, "high": what.high})
    alone = tx.one("SELECT count(*) FROM near_ids") == 0
    sql = INSERT_SQL + ("" if alone else NEW_ONLY_SQL) + ("" if what.in_order else IN_ORDER_SQL)
    added = tx.one(sql, {"path": str(path), "source_id": source_id, "ingested_at": ingested_at})
    return int(added), alone


def mark_dirty(tx: Transaction, source_id: int, *, first: datetime, last: datetime) -> None:
    """The hours in which this source has calls are to be worked out anew."""
    tx.execute(MARK_DIRTY_SQL, {"low": first, "high": last, "source_id": source_id})
