"""From a file to stored calls: once each, nothing lost, everything that cannot be read kept and counted."""

import gzip
import json
from concurrent.futures import BrokenExecutor, Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collectors.files import own_lines
from collectors.files.mapping import pairs
from collectors.ingest import ingest
from leeway.workers import Inline
from store import sources
from store.connection import Store
from store.errors import FormatError, StoreError
from store.model import Status

NOW = datetime(2026, 3, 2, tzinfo=UTC)
START = datetime(2026, 3, 1, 10, tzinfo=UTC)


def own(n: int, first: int = 0) -> list[bytes]:
    return [
        json.dumps({
            "call_id": f"c-{i}", "started_at": (START + timedelta(seconds=i)).isoformat(),
            "request_model": "openai/gpt-4o", "input_tokens": i, "output_text": f"answer {i}",
        }).encode()
        for i in range(first, first + n)
    ]  # fmt: skip


@pytest.fixture
def put(tmp_path: Path):
    """Write a file and return its path."""

    def write(name: str, *lines: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write


def read_in(store: Store, path: Path, **options: Any):
    return ingest(store, path, executor=options.pop("executor", Inline()), now=options.pop("now", NOW), **options)


def count(store: Store, what: str = "calls") -> int:
    return store.one(f"SELECT count(*) FROM {what}")  # noqa: S608 - our own names


def test_own_lines_go_in_with_their_gaps_filled(store: Store, put):
    report = read_in(store, put("own.jsonl", *own(50)))
    assert (report.calls, report.rejects, report.status, report.format) == (50, 0, "done", "leeway")
    row = store.read("SELECT * FROM calls WHERE call_id = 'c-7'").row(0, named=True)
    assert (row["model"], row["status"], row["event_time"]) == ("gpt-4o", "ok", START + timedelta(seconds=7))
    assert (row["source_id"], row["ingested_at"]) == (report.source_id, NOW)


def test_the_same_file_again_changes_nothing_and_says_so(store: Store, put):
    path = put("own.jsonl", *own(5), b"bad")
    first, again = read_in(store, path), read_in(store, path, name="other name")
    assert again.status == "already imported"
    assert (again.calls, again.rejects, again.source_id) == (first.calls, first.rejects, first.source_id)
    assert (count(store), count(store, "rejects"), count(store, "data.sources")) == (5, 1, 1)


def test_a_grown_file_adds_only_what_is_new(store: Store, put):
    read_in(store, put("own.jsonl", *own(5)))
    report = read_in(store, put("own.jsonl", *own(8)))
    assert (report.calls, report.duplicates, count(store)) == (3, 5, 8)


def test_a_call_that_stands_twice_in_a_file_is_one_call(store: Store, put):
    report = read_in(store, put("own.jsonl", *own(5), *own(5)))
    assert (report.calls, report.duplicates, count(store)) == (5, 5, 5)


def test_odd_lines_go_the_long_way_and_bad_ones_into_the_rejects(store: Store, put):
    odd = json.dumps({"event_time": "2026-03-01T11:00:00Z", "call_id": "odd", "model": "m", "colour": "blue"}).encode()
    path = put("own.jsonl", *own(3), b"{broken", odd, b"", b'{"call_id": "\xff", "event_time": 1772362800}', *own(1, 3))
    report = read_in(store, path)
    assert (report.calls, report.rejects) == (6, 1)
    assert [said.startswith("own.jsonl:4: not JSON (") for said in report.examples] == [True]
    assert store.one("SELECT metadata FROM calls WHERE call_id = 'odd'") == '{"colour":"blue"}'
    assert store.one("SELECT raw FROM rejects") == b"{broken"
    assert store.one("SELECT problems FROM calls WHERE call_id = '\ufffd'") == ["bad_utf8"]


def test_too_many_odd_lines_send_the_file_the_long_way(store: Store, put, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own_lines, "MOST_ODD", 2)
    report = read_in(store, put("own.jsonl", *own(3), *[b"bad"] * 4))
    assert (report.calls, report.rejects) == (3, 4)


def test_packed_own_lines_are_unpacked_first(store: Store, tmp_path: Path):
    path = tmp_path / "own.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(own(5))))
    assert read_in(store, path).calls == 5


def test_a_cut_packed_file_gives_what_came_before_and_says_so(store: Store, tmp_path: Path):
    path = tmp_path / "own.jsonl.gz"
    packed = gzip.compress(b"\n".join(own(2000)))
    path.write_bytes(packed[: len(packed) * 2 // 3])
    report = read_in(store, path)
    assert report.calls > 100
    assert report.error == "the file ends in the middle; what came before was read"


def test_a_dry_run_counts_and_writes_nothing(store: Store, put):
    for path in (put("own.jsonl", *own(4), b"bad"), put("pairs.jsonl", b'{"prompt": "a", "answer": "b"}', b"bad")):
        dry = read_in(store, path, dry_run=True)
        assert count(store) + count(store, "rejects") + count(store, "data.sources") == 0
        wet = read_in(store, path)
        assert (dry.calls, dry.duplicates, dry.rejects) == (wet.calls, wet.duplicates, wet.rejects)
        sources.undo(store, wet.source_id, actor="test", now=NOW)
        store_is_empty = count(store) == 0
        assert store_is_empty
        with store.transaction() as tx:
            tx.execute("DELETE FROM data.sources")


def test_a_dry_run_counts_spans_too(store: Store):
    path = Path(__file__).parent / "formats/otlp_json/spans/input.jsonl"
    assert (read_in(store, path, dry_run=True).spans, count(store, "spans")) == (1, 0)


def test_a_file_of_no_known_format_fails_and_is_kept_in_the_rejects(store: Store, put):
    report = read_in(store, put("other.jsonl", *[b'{"x": 1}'] * 3))
    assert (report.status, report.error, report.rejects) == ("failed", "no record of it could be read", 3)
    assert read_in(store, put("other.jsonl", *[b'{"x": 1}'] * 3)).status == "failed"  # tried again, not "imported"
    assert count(store, "rejects") == 3


def test_a_long_file_of_no_known_format_is_given_up_early(store: Store, put):
    report = read_in(store, put("other.jsonl", *[b'{"x": 1}'] * 1500))
    assert report.status == "failed"
    assert "no known format" in report.error


def test_a_mapping_reads_what_no_format_knows(store: Store, put):
    line = b'{"when": 1772362800, "q": {"text": "Hi?"}, "a": ["Yes."], "cost": {"in": 7, "out": 2}, "took": 0.5}'
    mapping = {"started_at": "when", "messages": "q.text", "answer": "a.0", "input_tokens": "cost.in",
               "output_tokens": "cost.out", "latency_s": "took"}  # fmt: skip
    assert read_in(store, put("m.jsonl", line, b'{"z": 1}'), mapping=mapping).rejects == 1
    row = store.read("SELECT * FROM calls").row(0, named=True)
    assert (row["input_text"], row["output_text"], row["input_tokens"], row["latency_ms"]) == ("Hi?", "Yes.", 7, 500.0)


def test_a_mapping_reads_a_csv_file(store: Store, tmp_path: Path):
    path = tmp_path / "calls.csv"
    path.write_text('when;frage;antwort\n2026-03-01T10:00:00Z;"Wo? ""Hier"";\nund da";Dort\n;a;b;c\n')
    mapping = {"started_at": "when", "messages": "frage", "answer": "antwort"}
    report = read_in(store, path, mapping=mapping)
    assert (report.calls, report.rejects) == (1, 1)
    assert store.one("SELECT input_text FROM calls") == 'Wo? "Hier";\nund da'


def test_a_mapping_reads_a_parquet_file_with_nested_columns(store: Store, tmp_path: Path):
    row = {"when": 1772362800, "reply": {"text": "Yes."}, "usage": {"in": 7}, "cost": "0.25", "code": "200"}
    pq.write_table(pa.Table.from_pylist([row, {**row, "when": 1772362801, "usage": None}]), tmp_path / "c.parquet")
    mapping = {"started_at": "when", "output_text": "reply.text", "input_tokens": "usage.in",
               "reported_cost_usd": "cost", "http_status": "code"}  # fmt: skip
    assert read_in(store, tmp_path / "c.parquet", mapping=mapping).calls == 2
    found = store.read(
        "SELECT output_text, input_tokens, reported_cost_usd, http_status FROM calls ORDER BY event_time"
    )
    assert found.rows() == [("Yes.", 7, 0.25, 200), ("Yes.", None, 0.25, 200)]


def test_values_that_are_not_what_their_field_is_cost_no_call(store: Store, tmp_path: Path):
    path = tmp_path / "calls.csv"
    path.write_text("when,code,cost,took,state,kind,tags\n1772362800,many,NaNs,soon,success,embeddings,a\n")
    mapping = {"started_at": "when", "http_status": "code", "reported_cost_usd": "cost", "latency_s": "took",
               "status": "state", "operation": "kind", "tags": "tags"}  # fmt: skip
    assert read_in(store, path, mapping=mapping).calls == 1
    row = store.read("SELECT * FROM calls").row(0, named=True)
    assert (row["http_status"], row["reported_cost_usd"], row["latency_ms"]) == (None, None, None)
    assert (row["status"], row["operation"], row["tags"]) == ("ok", "embedding", ["a"])
    assert {"bad_reported_cost_usd", "bad_latency_ms"} <= set(row["problems"])


@pytest.mark.parametrize("said", ["output_text", "=x", "output_text="])
def test_a_mapping_is_said_as_field_and_path(said: str):
    assert pairs(["output_text=reply.text"]) == {"output_text": "reply.text"}
    with pytest.raises(FormatError, match="write field=path"):
        pairs([said])


def test_a_mapping_that_names_no_field_is_refused(store: Store, put):
    with pytest.raises(FormatError, match="a call has no 'colour'"):
        read_in(store, put("m.jsonl", b"{}"), mapping={"colour": "x"})


def test_an_unknown_format_is_refused_with_those_there_are(store: Store, put):
    with pytest.raises(FormatError, match="choose auto or one of"):
        read_in(store, put("m.jsonl", b"{}"), format="nonsense")


def test_a_forced_format_rejects_what_is_not_of_it(store: Store, put):
    report = read_in(store, put("own.jsonl", *own(2)), format="bedrock")
    assert report.format == "bedrock"


def test_spans_in_files_join_what_is_stored_of_their_traces(store: Store, put):
    def line(span: str, parent: str | None, **attributes: str) -> bytes:
        told = [{"key": k.replace("__", "."), "value": {"stringValue": v}} for k, v in attributes.items()]
        body = {"traceId": "ab" * 16, "spanId": span * 8, "parentSpanId": parent and parent * 8, "name": "s",
                "startTimeUnixNano": "1772362800000000000", "endTimeUnixNano": "1772362801000000000",
                "attributes": told}  # fmt: skip
        return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [body]}]}]}).encode()

    chat = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "gpt-4o"}
    assert read_in(store, put("a.jsonl", line("11", "22", **chat))).calls == 1
    read_in(store, put("b.jsonl", line("22", None, session__id="s-1")))
    assert count(store) == 1
    assert store.one("SELECT session_id FROM calls") == "s-1"


class Dying:
    """An executor whose worker ends while it reads."""

    def submit(self, *_args: object, **_options: object) -> Future:
        future: Future = Future()
        future.set_exception(BrokenExecutor("killed"))
        return future


def test_a_file_that_kills_its_worker_fails_and_can_be_tried_again(store: Store, put):
    path = put("pairs.jsonl", b'{"prompt": "a", "answer": "b"}')
    report = read_in(store, path, executor=Dying())
    assert report.status == "failed"
    assert "ended its worker" in report.error
    assert read_in(store, path).calls == 1


def test_an_import_can_be_taken_back(store: Store, put):
    report = read_in(store, put("own.jsonl", *own(5), b"bad"))
    with store.transaction() as tx:
        tx.execute("DELETE FROM data.dirty_hours")
    gone = sources.undo(store, report.source_id, actor="ana", now=NOW)
    assert (gone.calls, count(store), count(store, "rejects"), count(store, "data.dirty_hours")) == (5, 0, 0, 1)
    assert store.read("SELECT actor, action FROM data.audit_log").rows() == [("ana", "source.undo")]
    assert sources.source(store, report.source_id).status == "undone"
    with pytest.raises(StoreError, match="no file that could be taken back"):
        sources.undo(store, report.source_id, actor="ana", now=NOW)
    assert read_in(store, put("own.jsonl", *own(5), b"bad")).calls == 5


def test_rejects_are_listed_with_their_source(store: Store, put):
    report = read_in(store, put("own.jsonl", *own(1), b"bad"))
    row = sources.rejects(store, source_id=report.source_id).row(0, named=True)
    assert (row["place"], row["line"], row["source"]) == ("own.jsonl", 2, "own.jsonl")


def test_a_report_is_json_that_adds_up(store: Store, put):
    told = read_in(store, put("own.jsonl", *own(2))).as_json()
    assert (told["calls"], told["files"][0]["calls"], told["files"][0]["status"]) == (2, 2, "done")
    assert told["bytes"] == told["files"][0]["bytes"] > 0


def test_times_that_cannot_be_are_not_believed(store: Store, put):
    read_in(store, put("p.jsonl", b'{"ts": 4102444800, "prompt": "a", "answer": "b"}'))
    row = store.read("SELECT * FROM calls").row(0, named=True)
    assert (row["event_time"], row["time_quality"], row["problems"]) == (NOW, "ingested", ["clock_skew"])
    assert row["status"] == Status.OK
