"""What is exported comes back as it was, and harms nobody's spreadsheet."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.ingest import ingest
from leeway.workers import Inline
from store import export
from store.calls import COLUMNS, append_calls, call_table
from store.connection import Store
from store.errors import StoreError
from store.model import ContentState, LLMCall, Operation, Status, TimeQuality, TokensOrigin, Window
from tests.conftest import NewStore

NOW = datetime(2026, 3, 2, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)

text = st.text(st.characters(codec="utf-8"), max_size=30)
some = st.none() | text.filter(bool)
number = st.none() | st.floats(0, 1e12, allow_nan=False)
tokens = st.none() | st.integers(0, 10_000_000)
moment = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda m: m.replace(tzinfo=UTC))  # noqa: DTZ001
details = st.none() | st.dictionaries(
    text, st.integers(-(2**53), 2**53) | text | st.lists(text, max_size=2), min_size=1
)


@st.composite
def llm_calls(draw: st.DrawFn) -> LLMCall:
    fields = {
        "source": draw(text.filter(bool)), "event_time": draw(moment), "started_at": draw(st.none() | moment),
        "latency_ms": draw(number), "ttft_ms": draw(number), "stream": draw(st.none() | st.booleans()),
        "status": draw(st.sampled_from(Status)), "operation": draw(st.sampled_from(Operation)),
        "time_quality": draw(st.sampled_from(TimeQuality)), "tokens_origin": draw(st.sampled_from(TokensOrigin)),
        "content_state": draw(st.sampled_from(ContentState)), "model": draw(text.filter(bool)),
        "response_model": draw(some), "error_type": draw(some), "http_status": draw(st.none() | st.integers(100, 599)),
        "input_tokens": draw(tokens), "output_tokens": draw(tokens), "reported_cost_usd": draw(number),
        "seed": draw(st.none() | st.integers(-(2**63), 2**63 - 1)), "input_text": draw(some), "output_text": draw(some),
        "metadata": draw(details), "tags": draw(st.none() | st.lists(text, max_size=3)),
        "problems": draw(st.lists(text, max_size=2, unique=True)), "params": draw(details),
    }  # fmt: skip
    return LLMCall(call_id=draw(st.uuids()).hex, **fields)


def stored(store: Store) -> list[dict]:
    rows = store.read(f"SELECT {', '.join(COLUMNS)} FROM calls ORDER BY call_id").to_dicts()  # noqa: S608
    for row in rows:
        for name in ("metadata", "params"):
            row[name] = json.loads(row[name]) if row[name] else row[name]
    return rows


def put(store: Store, *calls: LLMCall) -> None:
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=1, ingested_at=NOW))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(llm_calls(), min_size=1, max_size=5, unique_by=lambda c: c.call_id))
def test_calls_exported_and_read_into_an_empty_database_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, new_store: NewStore, calls
):
    folder = tmp_path_factory.mktemp("export")
    out = folder / "calls.jsonl"
    with (
        new_store(folder / "a.duckdb") as first,
        new_store(folder / "b.duckdb") as second,
    ):
        put(first, *calls)
        export.export_calls(first, out)
        ingest(second, out, executor=Inline(), now=NOW)
        assert stored(second) == stored(first)


def call(n: int, **fields: Any) -> LLMCall:
    return LLMCall(call_id=f"c-{n}", source="t", event_time=START + timedelta(minutes=n), **fields)


def test_all_three_formats_tell_the_same_calls(store: Store, tmp_path: Path):
    put(store, call(1, input_text="a\u2028b", metadata={"k": [1]}), call(2, latency_ms=1.5, tags=["x"]))
    for kind in export.WRITERS:
        export.export_calls(store, tmp_path / f"calls.{kind}")
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "calls.csv").read_bytes().decode(), newline="")))
    table = pq.read_table(tmp_path / "calls.parquet").to_pylist()
    assert [r["call_id"] for r in lines] == [r["call_id"] for r in rows] == [r["call_id"] for r in table]
    assert lines[0]["metadata"] == {"k": [1]}
    assert (lines[0]["event_time"], rows[0]["event_time"]) == ("2026-03-01T00:01:00Z", "2026-03-01T00:01:00Z")
    assert table[0]["event_time"] == START + timedelta(minutes=1)
    assert (lines[0]["input_text"], rows[0]["input_text"], table[0]["input_text"]) == ("a\u2028b",) * 3
    assert "latency_ms" not in lines[0]
    assert (rows[1]["latency_ms"], rows[1]["tags"]) == ("1.5", '["x"]')


def test_nothing_stored_gives_an_empty_file_with_its_header(store: Store):
    assert b"".join(export.chunks(store, "jsonl")) == b""
    assert b"".join(export.chunks(store, "csv")).startswith(b"call_id,source,event_time")
    assert pq.read_table(io.BytesIO(b"".join(export.chunks(store, "parquet")))).num_rows == 0


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_in_a_text_is_harmless_in_a_spreadsheet(store: Store, start: str):
    put(store, call(1, input_text=f"{start}cmd()", latency_ms=1.0))
    (row,) = csv.DictReader(io.StringIO(b"".join(export.chunks(store, "csv")).decode(), newline=""))
    assert row["input_text"] == f"'{start}cmd()"


def test_a_window_is_half_open_and_long_exports_come_in_stretches(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export, "PAGE_ROWS", 7)
    put(store, *(call(n * 9) for n in range(40)))
    window = Window(start=START + timedelta(minutes=9), end=START + timedelta(minutes=36 * 9))
    told = [json.loads(line)["call_id"] for line in b"".join(export.chunks(store, "jsonl", window=window)).splitlines()]
    assert told == [f"c-{n * 9}" for n in range(1, 36)]
    assert len(b"".join(export.chunks(store, "jsonl")).splitlines()) == 40


def test_an_unknown_format_is_refused(store: Store, tmp_path: Path):
    with pytest.raises(StoreError, match="there are jsonl, csv, parquet"):
        export.export_calls(store, tmp_path / "calls.xlsx")
