"""Spans and their log records: as Arrow, as tables, and found again when more of their traces arrives.

There is no index: whatever is looked up is looked up within the time the batch in hand covers, and a margin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from store.connection import Store, Transaction
from store.lifted import COLUMNS as TEXTS
from store.lifted import Key, Texts, cut, texts_of, whole
from store.model import LogRecord, Span, SpanEvent, SpanKind

MARGIN = timedelta(hours=1)  # parents start earlier, children end later, log records come apart
MICROSECOND = timedelta(microseconds=1)
MOMENT = pa.timestamp("us")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLAUSIBLE_FROM = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)  # a clock may be wrong by so much before its time is not believed

SPAN_SCHEMA = pa.schema([
    ("trace_id", pa.string()), ("span_id", pa.string()), ("parent_span_id", pa.string()), ("name", pa.string()),
    ("kind", pa.string()), ("event_time", MOMENT), ("start_ns", pa.int64()), ("end_ns", pa.int64()),
    ("status_code", pa.int8()), ("status_message", pa.string()), ("service", pa.string()),
    ("scope_name", pa.string()), ("scope_version", pa.string()), ("attributes", pa.string()), ("texts", pa.string()),
    ("events", pa.string()), ("resource", pa.string()),
])  # fmt: skip
LOG_SCHEMA = pa.schema([
    ("trace_id", pa.string()), ("span_id", pa.string()), ("event_name", pa.string()),
    ("event_time", MOMENT), ("time_ns", pa.int64()), ("body", pa.string()), ("attributes", pa.string()),
    ("scope_name", pa.string()), ("scope_version", pa.string()), ("resource", pa.string()),
])  # fmt: skip

SPANS_SQL = f"""
    SELECT {", ".join(SPAN_SCHEMA.names)} FROM data.spans
    WHERE trace_id IN (SELECT unnest($traces)) AND event_time BETWEEN $low AND $high
    AND ($without IS NULL OR source_id IS DISTINCT FROM $without)
"""  # noqa: S608 - our own column names
TEXTS_SQL = f"""
    SELECT trace_id, span_id, source, merged_from, {", ".join(TEXTS)} FROM data.calls
    WHERE trace_id IN (SELECT unnest($traces)) AND event_time BETWEEN $low AND $high AND source LIKE 'otlp/%'
"""  # noqa: S608
LOGS_SQL = f"""
    SELECT {", ".join(LOG_SCHEMA.names)} FROM data.span_logs
    WHERE trace_id IN (SELECT unnest($traces)) AND event_time BETWEEN $low AND $high
    AND ($without IS NULL OR source_id IS DISTINCT FROM $without)
"""  # noqa: S608
TRACE_SQL = f"""
    SELECT {", ".join(SPAN_SCHEMA.names)} FROM data.spans
    WHERE trace_id = $trace_id AND event_time BETWEEN $low AND $high ORDER BY start_ns, span_id
"""  # noqa: S608
OWNERS_SQL = """
    SELECT trace_id, span_id, any_value(source_id) FROM data.spans WHERE event_time BETWEEN $low AND $high
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM staged) GROUP BY ALL
"""
FORGET_SQL = """
    DELETE FROM data.spans WHERE event_time BETWEEN $low AND $high
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM staged)
"""
FORGET_LOGS_SQL = """
    DELETE FROM data.span_logs WHERE event_time BETWEEN $low AND $high
    AND (trace_id, span_id) IN (SELECT (trace_id, span_id) FROM staged)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Spans and log records of some traces, as tables.

    `texts`: those of their calls, which the spans leave out, and what else must be known of these calls.
    """

    spans: pa.Table
    logs: pa.Table
    texts: pa.Table


def span_table(
    spans: Iterable[Span], kinds: Mapping[Key, SpanKind], *, texts: Texts | None = None, now: datetime
) -> pa.Table:
    """Return spans as a table with the columns of `SPAN_SCHEMA`; `now` stands in for a time that cannot be.

    `texts`: those of the calls that are stored with the spans; they are cut out of the spans.
    """
    json, believed = _Json(), _plausible_us(now)
    rows = []
    for s in spans:
        key = (s.trace_id, s.span_id)
        own = texts.get(key) if texts else None
        attributes, cuts = cut(s.attributes, own) if own else (s.attributes, None)
        rows.append((
            *key, s.parent_span_id, s.name, kinds.get(key, SpanKind.OTHER).value,
            _event_us(s.start_ns or s.end_ns, believed), s.start_ns, s.end_ns, s.status_code, s.status_message,
            service_of(s.resource), s.scope_name, s.scope_version, json(attributes), json(cuts), _events(s.events),
            json.shared(s.resource),
        ))  # fmt: skip
    return _table(rows, SPAN_SCHEMA)


def log_table(logs: Iterable[LogRecord], *, now: datetime) -> pa.Table:
    """Return log records as a table with the columns of `LOG_SCHEMA`."""
    json, believed = _Json(), _plausible_us(now)
    rows = [
        (
            r.trace_id, r.span_id, r.event_name, _event_us(r.time_ns, believed), r.time_ns, json(r.body),
            json(r.attributes), r.scope_name, r.scope_version, json.shared(r.resource),
        )
        for r in logs
    ]  # fmt: skip
    return _table(rows, LOG_SCHEMA)


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


class _Json:
    """JSON as UTF-8; what many spans share is written once. Arrow keeps the bytes as they are."""

    def __init__(self) -> None:
        self._shared: dict[int, bytes | None] = {}

    def __call__(self, value: Any) -> bytes | None:
        if value is None:
            return None
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)

    def shared(self, value: Any) -> bytes | None:
        key = id(value)
        if key not in self._shared:
            self._shared[key] = self(value)
        return self._shared[key]


def _events(events: Sequence[SpanEvent]) -> str | None:
    if not events:
        return None
    told = [{"name": e.name, "time_ns": e.time_ns, "attributes": e.attributes} for e in events]
    return orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def service_of(resource: Mapping[str, Any]) -> str | None:
    name = resource.get("service.name")
    return str(name) if name else None


def _event_us(ns: int, believed: tuple[int, int]) -> int:
    low, high = believed
    return ns // 1000 if low <= ns // 1000 <= high else high - AHEAD // MICROSECOND


def _plausible_us(now: datetime) -> tuple[int, int]:
    return (PLAUSIBLE_FROM - EPOCH) // MICROSECOND, (now + AHEAD - EPOCH) // MICROSECOND


def spans_of(table: pa.Table, calls: pa.Table) -> list[Span]:
    """Read spans back from a table of `SPAN_SCHEMA`; `calls` (`trace_id`, `span_id`, texts) hold what was cut out."""
    names = [n for n in SPAN_SCHEMA.names if n not in ("kind", "event_time", "service")]
    texts = texts_of(calls)
    resources: dict[str | None, Any] = {}
    found = []
    for row in zip(*(table[n].to_pylist() for n in names), strict=True):
        fields = dict(zip(names, row, strict=True))
        fields["attributes"] = orjson.loads(fields["attributes"] or b"{}")
        if cuts := fields.pop("texts"):
            own = texts.get((fields["trace_id"], fields["span_id"]), {})
            fields["attributes"] = whole(fields["attributes"], orjson.loads(cuts), own)
        fields["resource"] = _loaded_once(fields["resource"], resources)
        fields["events"] = tuple(SpanEvent(**e) for e in orjson.loads(fields["events"] or b"[]"))
        found.append(Span(**fields))
    return found


def logs_of(table: pa.Table) -> list[LogRecord]:
    """Read log records back from a table of `LOG_SCHEMA`."""
    names = [n for n in LOG_SCHEMA.names if n != "event_time"]
    resources: dict[str | None, Any] = {}
    found = []
    for row in zip(*(table[n].to_pylist() for n in names), strict=True):
        fields = dict(zip(names, row, strict=True))
        fields["attributes"] = orjson.loads(fields["attributes"] or b"{}")
        fields["body"] = orjson.loads(fields["body"] or b"null")
        fields["resource"] = _loaded_once(fields["resource"], resources)
        found.append(LogRecord(**fields))
    return found


def _loaded_once(text: str | None, known: dict[str | None, Any]) -> Any:
    if text not in known:
        known[text] = orjson.loads(text or b"{}")
    return known[text]


def of_traces(
    store: Store, traces: Sequence[str], *, low: datetime, high: datetime, without: int | None = None
) -> Stored:
    """Return what is stored of these traces between `low` and `high`; `without` leaves out what one source told."""
    params = {"traces": list(traces), "low": low, "high": high, "without": without}
    return Stored(
        spans=_arrow(store.read(SPANS_SQL, params), SPAN_SCHEMA),
        logs=_arrow(store.read(LOGS_SQL, params), LOG_SCHEMA),
        texts=_texts(store, traces, low, high),
    )


def _texts(store: Store, traces: Sequence[str], low: datetime, high: datetime) -> pa.Table:
    """Return what calls hold of the texts of these traces' spans; a call may stand somewhat apart from its span."""
    params = {"traces": list(traces), "low": low - MARGIN, "high": high + MARGIN}
    found = store.read(TEXTS_SQL, params).to_arrow()
    return found.cast(pa.schema([(name, pa.string()) for name in found.schema.names]))


def _arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    naive = frame.with_columns(pl.col(pl.Datetime).dt.replace_time_zone(None))
    return naive.to_arrow().cast(schema)


def trace(store: Store, trace_id: str, *, around: datetime | None = None) -> list[Span]:
    """Return the spans of a trace, the earliest first. `around` a moment of it: a day each way is searched, not all."""
    day = timedelta(days=1)
    low, high = (around - day, around + day) if around else (EPOCH, EPOCH + timedelta(days=365 * 200))
    frame = store.read(TRACE_SQL, {"trace_id": trace_id, "low": low, "high": high})
    return spans_of(_arrow(frame, SPAN_SCHEMA), _texts(store, [trace_id], low, high))


def insert(
    tx: Transaction, spans: pa.Table, logs: pa.Table, *, updated: pa.Table, source_id: int | None, now: datetime
) -> None:
    """Append spans and log records; `updated` spans (columns of `SPAN_SCHEMA`) replace their earlier telling.

    An updated span stays with the source that told it first: taking back the other must not take the span away.
    """
    retold = stamped(updated, source_id, now)
    if updated.num_rows:
        low, high = span_of_time(updated, now=now)
        with tx.staged(updated.select(["trace_id", "span_id"])):
            owners = {(t, s): owner for t, s, owner in tx.read(OWNERS_SQL, {"low": low, "high": high}).iter_rows()}
            tx.execute(FORGET_SQL, {"low": low, "high": high})
        keys = zip(updated["trace_id"].to_pylist(), updated["span_id"].to_pylist(), strict=True)
        owned = pa.array([owners.get(key, source_id) for key in keys], pa.int64())
        retold = retold.set_column(retold.schema.get_field_index("source_id"), "source_id", owned)
    for table, rows in (
        ("data.spans", stamped(spans, source_id, now)), ("data.spans", retold),
        ("data.span_logs", stamped(logs, source_id, now)),
    ):  # fmt: skip
        tx.insert(table, rows)


def forget_logs(tx: Transaction, keys: Iterable[Key], instead: pa.Table, *, now: datetime) -> None:
    """Take away the log records of these spans, about the time of those that are told `instead`."""
    if wanted := sorted(keys):
        low, high = span_of_time(instead, now=now)
        traces, ids = zip(*wanted, strict=True)
        with tx.staged(pa.table({"trace_id": traces, "span_id": ids})):
            tx.execute(FORGET_LOGS_SQL, {"low": low, "high": high})


def stamped(rows: pa.Table, source_id: int | None, now: datetime) -> pa.Table:
    """Say of rows where they came from and when."""
    moment = pa.scalar(now.astimezone(UTC).replace(tzinfo=None), MOMENT)
    rows = rows.append_column("source_id", pa.repeat(pa.scalar(source_id, pa.int64()), rows.num_rows))
    return rows.append_column("ingested_at", pa.repeat(moment, rows.num_rows))


def span_of_time(*tables: pa.Table, now: datetime) -> tuple[datetime, datetime]:
    """Return the time around all rows, with a margin; from the beginning where a row has no time of its own."""
    low, high = now, EPOCH
    for table in tables:
        if not table.num_rows:
            continue
        frame = pl.DataFrame({"event_time": pl.from_arrow(table["event_time"])})
        first, last = frame.select(pl.col("event_time").min(), pl.col("event_time").max().alias("last")).row(0)
        low, high = min(low, first.replace(tzinfo=UTC)), max(high, last.replace(tzinfo=UTC))
        if "start_ns" in table.schema.names and _timeless(table, now):
            return EPOCH, max(high, now) + MARGIN
    return low - MARGIN, high + MARGIN


def _timeless(table: pa.Table, now: datetime) -> bool:
    """Whether a span has no time that can be believed: then it is kept under the time it came."""
    low, high = _plausible_us(now)
    starts = pl.DataFrame({"us": pl.from_arrow(table["start_ns"])}).select(pl.col("us") // 1000)["us"]
    return bool(((starts < low) | (starts > high)).any())
