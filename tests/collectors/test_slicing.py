"""A file that is read in parts gives what it gives in one piece, and a part that ends its worker costs only itself."""

import json
from concurrent.futures import BrokenExecutor, Executor, Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.files import own_lines, parts, slicing
from collectors.files.decode import decode, table_at
from collectors.files.job import Decoded, Job, Slice
from collectors.files.parts import decoded_parts
from collectors.files.slicing import plan
from collectors.ingest import ingest
from leeway.workers import Inline
from store.connection import Store
from store.errors import LeewayError
from tests.benchmarks.bench_formats import copies, records
from tests.collectors.test_ingest import own
from tests.conftest import NewStore

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PAIR = b'{"ts": %d, "prompt": "Where is parcel %d?", "answer": "There {\\"}"}'

text = st.integers(0, 99).map(lambda n: PAIR % (1772362800 + n, n))
line = st.one_of(
    text, st.sampled_from([b"", b"{broken", b"[1]", b'{"x": 1}', b'{"prompt": "\xff", "answer": "b"}', b"\r"])
)


def job(path: Path) -> Job:
    return Job(path=path, name=path.name, parts=path.parent / "parts", read_at=NOW)


def told(found: list[Decoded], name: str) -> list[dict[str, Any]]:
    tables = [table_at(getattr(part, name)) for one in found for part in one.parts]
    return [row for table in tables if table is not None for row in table.to_pylist()]


def in_parts(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> tuple[list[Decoded], int]:
    with monkeypatch.context() as patched:
        patched.setattr(slicing, "SLICE_BYTES", size)
        planned = plan(job(path))
    return [done for _, done in decoded_parts(Inline(), job(planned.path), planned.slices)], len(planned.slices)


def same_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> int:
    found, slices = in_parts(path, monkeypatch, size)
    whole = [decode(job(path))]
    for name in ("calls", "rejects"):
        assert told(found, name) == told(whole, name)
    return slices


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(line, min_size=1, max_size=12), st.integers(1, 300), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_in_parts_are_what_they_are_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], size: int, bom: bool, feed: bytes
):
    path = tmp_path / "a.jsonl"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + feed.join([PAIR % (1772362800, 100), *lines]))
    same_in_parts(path, monkeypatch, size)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(text, min_size=2, max_size=12), st.integers(1, 300), st.sampled_from([b", ", b",\n", b"\n\n "]))
def test_an_array_in_parts_is_what_it_is_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: list[bytes], size: int, between: bytes
):
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + between.join(found) + b"\n]")
    same_in_parts(path, monkeypatch, size)


def test_csv_with_line_feeds_in_its_cells_in_parts_is_what_it_is_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.csv"
    rows = "".join(f'{1772362800 + n};"Where\nis ""it""; {n}?";There\n' for n in range(40))
    path.write_text("ts;prompt;answer\n" + rows + '1;"a"b;c\n' + rows)
    assert same_in_parts(path, monkeypatch, 200) > 10
    assert decode(job(path)).formats == {"pairs": 80}


def test_parquet_is_read_by_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.parquet"
    table = pa.Table.from_pylist([{"ts": 1772362800 + n, "prompt": "Where?", "answer": f"{n}"} for n in range(50)])
    pq.write_table(table, path, row_group_size=10)
    monkeypatch.setattr(slicing, "SLICE_ROWS", 20)
    assert same_in_parts(path, monkeypatch, 1) == 3


def test_a_string_that_a_chunk_cuts_hides_its_braces(tmp_path: Path):
    path = tmp_path / "a.json"
    asked = "} { " * 200_000
    path.write_text(json.dumps([{"ts": 1772362800 + n, "prompt": asked, "answer": str(n)} for n in range(4)]))
    assert [row["output_text"] for row in told([decode(job(path))], "calls")] == ["0", "1", "2", "3"]


def kept(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    asked = {
        "calls": "SELECT COLUMNS(* EXCLUDE (ingested_at, source_id)) FROM data.calls ORDER BY call_id",
        "spans": "SELECT trace_id, span_id, parent_span_id, start_ns, end_ns FROM data.spans ORDER BY ALL",
        "rejects": "SELECT place, line, byte_offset, reason, raw FROM data.rejects ORDER BY ALL",
    }
    return {name: store.read(sql).rows() for name, sql in asked.items()}


REMEMBERING = ("langchain_callbacks", "langsmith", "langfuse", "llamaindex", "opik")


@pytest.mark.parametrize("name", [*REMEMBERING, "mlflow", "phoenix", "otlp_json", "litellm", "bedrock"])
def test_a_file_cut_into_its_lines_leaves_the_same_in_the_store(
    tmp_path: Path, new_store: NewStore, monkeypatch: pytest.MonkeyPatch, name: str
):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(copies(list(records(name)), 2)))
    with (
        new_store(tmp_path / "whole.duckdb") as whole,
        new_store(tmp_path / "parts.duckdb") as cut,
    ):
        one = ingest(whole, path, executor=Inline(), now=NOW)
        monkeypatch.setattr(slicing, "SLICE_BYTES", 1)
        other = ingest(cut, path, executor=Inline(), now=NOW)
        assert kept(cut) == kept(whole)
        assert (other.format, other.rejects, other.status) == (one.format, one.rejects, one.status)


class Mortal(Executor):
    """Ends, instead of reading it, on whatever holds a deadly line; counts what it was given."""

    def __init__(self, deadly: bytes) -> None:
        self.deadly, self.deaths = deadly, 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        part = next((one for one in args if isinstance(one, Slice)), None)
        if part is None or self.deadly not in args[0].path.read_bytes()[part.start : part.end]:
            return Inline().submit(fn, *args, **kwargs)
        self.deaths += 1
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("its process ended (SIGKILL)"))
        return future


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    lines = [PAIR % (1772362800 + n, n) for n in range(200)]
    lines[120] = b'{"prompt": "DEADLY", "answer": "x"}'
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_a_line_that_ends_its_worker_is_rejected_alone(store: Store, pairs_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slicing, "SLICE_BYTES", 4_000)
    monkeypatch.setattr(parts, "SMALLEST", 10)
    executor = Mortal(b"DEADLY")
    report = ingest(store, pairs_file, executor=executor, now=NOW)
    assert (report.calls, report.rejects, report.status) == (199, 1, "done")
    assert "ended their worker (its process ended (SIGKILL)); the rest was read" in report.examples[0]
    assert report.examples[0].startswith("a.jsonl:121: bytes ")
    assert store.one("SELECT raw FROM rejects") == b'{"prompt": "DEADLY", "answer": "x"}\n'
    assert executor.deaths < 12


def test_a_part_that_cannot_be_halved_is_rejected_as_a_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.json"
    found = [{"ts": 1772362800 + n, "prompt": f"Where {n}?", "answer": "DEADLY" if n == 30 else "x"} for n in range(60)]
    path.write_text(json.dumps(found, indent=1))
    monkeypatch.setattr(slicing, "SLICE_BYTES", 1_000)
    report = ingest(store, path, executor=Mortal(b"DEADLY"), now=NOW)
    assert (report.rejects, report.status) == (1, "done")
    assert 40 < report.calls < 60


def test_what_readers_remember_outlives_a_part_that_ended_its_worker(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    start, end = [one for one in records("llamaindex") if b"LLMChat" in one][:2]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([start, b'{"class": "DEADLYEvent", "span_id": "x"}', end]) + b"\n")
    monkeypatch.setattr(slicing, "SLICE_BYTES", 1)
    report = ingest(store, path, executor=Mortal(b"DEADLY"), now=NOW)
    assert (report.calls, report.rejects) == (1, 1)
    assert store.one("SELECT latency_ms FROM calls") > 0


def test_closed_workers_leave_the_file_for_another_time(store: Store, pairs_file: Path):
    class Closed(Executor):
        def submit(self, *_args: Any, **_kwargs: Any) -> Future[Any]:
            raise RuntimeError("these workers are closed")

    with pytest.raises(LeewayError, match="read the file again later"):
        ingest(store, pairs_file, executor=Closed(), now=NOW)
    assert ingest(store, pairs_file, executor=Inline(), now=NOW).calls == 200


def test_own_lines_of_a_big_file_go_in_by_slices(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "own.jsonl"
    lines = own(300)
    lines[200] = b"{broken"
    path.write_bytes(b"\n".join(lines) + b"\n")
    monkeypatch.setattr(slicing, "SLICE_BYTES", 5_000)
    monkeypatch.setattr(own_lines, "BLOCK", 700)
    shares: list[float] = []
    report = ingest(store, path, executor=Inline(), now=NOW, progress=shares.append)
    assert (report.calls, report.rejects, report.duplicates, report.format) == (299, 1, 0, "leeway")
    assert report.examples[0].startswith("own.jsonl:201: not JSON")
    assert len(shares) > 4
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_own_lines_out_of_order_or_repeated_are_stored_all_the_same(store: Store, tmp_path: Path):
    path = tmp_path / "own.jsonl"
    path.write_bytes(b"\n".join([*own(20, 40_000), *own(20), *own(5, 40_010)]) + b"\n")
    report = ingest(store, path, executor=Inline(), now=NOW)
    assert (report.calls, report.duplicates) == (40, 5)
    assert store.read("SELECT event_time FROM data.calls")["event_time"].is_sorted()
    again = tmp_path / "again.jsonl"
    again.write_bytes(b"\n".join([*own(30), *own(1, 90_000)]) + b"\n")
    report = ingest(store, again, executor=Inline(), now=NOW)
    assert (report.calls, report.duplicates) == (11, 20)
