"""Export: calls as JSON lines, CSV or Parquet, under the canonical names, as a stream of bytes.

What is exported and read back into an empty database gives the same calls.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from store.calls import COLUMNS, JSON_COLUMNS, SCHEMA
from store.connection import Store
from store.errors import StoreError
from store.model import Window

PAGE_ROWS = 20_000
NAMES = (*COLUMNS, "cost_usd", "cost_status", "ingested_at")

PAGE_SQL = f"""
    SELECT {", ".join(NAMES)} FROM data.calls
    WHERE event_time >= $start AND event_time < $end ORDER BY event_time, call_id
"""  # noqa: S608 - our own column names
SPANS_OF_TIME_SQL = """
    SELECT date_trunc('hour', event_time) AS hour, count(*) AS n FROM data.calls
    WHERE ($start IS NULL OR event_time >= $start) AND ($end IS NULL OR event_time < $end)
    GROUP BY hour ORDER BY hour
"""
UTC_Z = orjson.OPT_UTC_Z
LINE_ENDS = re.compile("\u2028|\u2029|\u0085".encode())  # some readers end a line there, even inside a text
DANGEROUS = re.compile(r"\A[=+\-@\t\r]")


def chunks(store: Store, kind: str, *, window: Window | None = None) -> Iterator[bytes]:
    """The calls of `window` (default: all), the earliest first, as pieces of a `jsonl`, `csv` or `parquet` file."""
    if kind not in WRITERS:
        raise StoreError(f"no export format is named {kind!r}; there are {', '.join(WRITERS)}")
    return WRITERS[kind](_pages(store, window))


def export_calls(store: Store, out: Path, *, window: Window | None = None) -> None:
    """Write the calls to a file; its suffix says how."""
    with out.open("wb") as file:
        file.writelines(chunks(store, out.suffix.removeprefix("."), window=window))


def _pages(store: Store, window: Window | None) -> Iterator[pl.DataFrame]:
    """Read stretch by stretch, so that neither memory nor a query's time limit grows with the export."""
    for start, end in _stretches(store, window):
        frame = store.read(PAGE_SQL, {"start": start, "end": end}, timeout_s=120)
        for offset in range(0, frame.height, PAGE_ROWS):
            yield frame.slice(offset, PAGE_ROWS)


def _stretches(store: Store, window: Window | None) -> Iterator[tuple[datetime, datetime]]:
    """Half-open stretches of whole hours with about PAGE_ROWS calls each, cut to the window."""
    bounds = {"start": window and window.start, "end": window and window.end}
    first, total = None, 0
    end = datetime.min.replace(tzinfo=UTC)
    for hour, n in store.read(SPANS_OF_TIME_SQL, bounds).iter_rows():
        if first is not None and total + n > PAGE_ROWS:
            yield first, hour
            first, total = None, 0
        first, total = first or max(hour, window.start if window else hour), total + n
        end = min(hour + timedelta(hours=1), window.end) if window else hour + timedelta(hours=1)
    if first is not None:
        yield first, end


def _rows(page: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for row in page.iter_rows(named=True):
        for name in JSON_COLUMNS:
            if row[name] is not None:
                row[name] = orjson.Fragment(row[name].encode())
        yield row


def _jsonl(pages: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """One call a line; what is unknown is left out."""
    for page in pages:
        lines = (orjson.dumps({k: v for k, v in row.items() if v is not None}, option=UTC_Z) for row in _rows(page))
        yield b"".join(LINE_ENDS.sub(_escaped, line) + b"\n" for line in lines)


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


def _csv(pages: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """Texts that a spreadsheet would run as a formula are made harmless with a leading apostrophe."""
    yield _csv_lines([NAMES])
    for page in pages:
        yield _csv_lines([[_cell(value) for value in row] for row in page.iter_rows()])


def _csv_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return "'" + value if DANGEROUS.match(value) else value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return orjson.dumps(value).decode() if isinstance(value, list) else value


def _parquet(pages: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    sink = _Sink()
    writer = None
    for page in pages:
        table = page.to_arrow().cast(PARQUET_SCHEMA)
        writer = writer or pq.ParquetWriter(sink, PARQUET_SCHEMA, compression="zstd")
        writer.write_table(table)
        yield sink.taken()
    writer = writer or pq.ParquetWriter(sink, PARQUET_SCHEMA, compression="zstd")
    writer.close()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What the Parquet writer writes into; `taken` gives what came since the last time."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


_MOMENT = pa.timestamp("us", tz="UTC")
PARQUET_SCHEMA = pa.schema([
    *((f.name, _MOMENT if pa.types.is_timestamp(f.type) else f.type) for f in SCHEMA),
    ("cost_usd", pa.float64()), ("cost_status", pa.string()), ("ingested_at", _MOMENT),
])  # fmt: skip
WRITERS = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
