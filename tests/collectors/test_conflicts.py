"""The same id with other content: the first keeps, the other is told and kept as a reject."""

import json
from pathlib import Path

import pytest

from collectors.ingest import ingest
from collectors.report import Report
from leeway.workers import Inline
from store.connection import Store
from tests.collectors.test_ingest import NOW, count, own


@pytest.fixture
def read_in(store: Store, tmp_path: Path):
    def read(name: str, *lines: bytes, dry_run: bool = False) -> Report:
        (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
        return ingest(store, tmp_path / name, executor=Inline(), now=NOW, dry_run=dry_run)

    return read


def changed(line: bytes, **fields: object) -> bytes:
    told = {**json.loads(line), **fields}
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


def test_the_first_keeps_and_the_other_is_counted_with_an_example(store: Store, read_in):
    read_in("a.jsonl", *own(3))
    report = read_in("b.jsonl", own(1)[0], changed(own(2)[1], output_text="no"), own(1, 2)[0])
    assert (report.calls, report.duplicates, report.rejects, report.conflicts) == (0, 2, 1, 1)
    assert report.examples == [
        "b.jsonl: another call has its id (c-1) and stands; it differs in output_text; kept in rejects"
    ]
    assert store.one("SELECT output_text FROM calls WHERE call_id = 'c-1'") == "answer 1"
    assert store.read("SELECT duplicates, rejects FROM data.sources WHERE name = 'b.jsonl'").row(0) == (2, 1)


def test_two_of_one_file_are_told_too(read_in):
    first = own(1)[0]
    report = read_in("a.jsonl", first, first, changed(first, input_tokens=7, request_model="gpt-5"))
    assert (report.calls, report.duplicates, report.conflicts) == (1, 1, 1)
    assert "it differs in model, input_tokens" in report.examples[0]


def test_what_was_refused_is_read_once_it_has_an_id_of_its_own(store: Store, read_in):
    read_in("a.jsonl", *own(1))
    (refused,) = read_in("b.jsonl", changed(own(1)[0], output_text="no")).rejected.as_json()
    assert "id of its own" in refused["what_to_do"]
    report = read_in("c.jsonl", changed(refused["raw"].encode(), call_id="c-9"))
    assert (report.calls, report.rejects) == (1, 0)
    assert store.one("SELECT event_time FROM calls WHERE call_id = 'c-9'") == store.one(
        "SELECT event_time FROM calls WHERE call_id = 'c-0'"
    )


@pytest.mark.parametrize("fields", [{"output_text": None}, {"source": "elsewhere", "output_text": "no"}])
def test_what_is_left_open_or_told_by_another_writer_is_no_conflict(read_in, fields: dict[str, object]):
    read_in("a.jsonl", *own(1))
    report = read_in("b.jsonl", changed(own(1)[0], **fields))
    assert (report.duplicates, report.conflicts) == (1, 0)


def test_a_file_of_nothing_but_conflicts_was_read(read_in):
    read_in("a.jsonl", *own(1))
    report = read_in("b.jsonl", changed(own(1)[0], output_text="no"))
    assert (report.status, report.error, report.rejects) == ("done", None, 1)


def test_a_dry_run_tells_conflicts_and_keeps_nothing(store: Store, read_in):
    read_in("a.jsonl", *own(1))
    report = read_in("b.jsonl", changed(own(1)[0], output_text="no"), dry_run=True)
    assert (report.conflicts, len(report.rejected.lines), count(store, "rejects")) == (1, 1, 0)
