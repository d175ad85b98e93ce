"""Rejects as lines: bounded, and each says what to do about it."""

import json

import pytest

from collectors import rejected
from collectors.files.reading import KEPT_OF_REJECT
from collectors.ingest import ingest
from collectors.rejected import OTHERWISE, Rejected, advice, rejected_of
from leeway.workers import Inline
from store import sources
from store.connection import Store
from tests.collectors.test_ingest import NOW, own


def row(raw: bytes = b"x") -> dict[str, object]:
    return {"place": "a.jsonl", "line": 1, "byte_offset": 0, "reason": "not JSON (x)", "raw": raw}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.jsonl", b"bad"),
        ("a.jsonl", b"[1]"),
        ("a.jsonl", b'{"x": 1}'),
        ("a.csv", b"prompt,answer\nq,a,b\n"),
        ("a.csv", b'prompt,answer\n"q,a\n'),
    ],
)
def test_every_reason_a_file_gives_has_its_own_advice(store: Store, tmp_path, name: str, body: bytes):
    path = tmp_path / name
    path.write_bytes(body)
    told = ingest(store, path, executor=Inline(), now=NOW).rejected.as_json()
    assert told
    assert all(one["what_to_do"] != OTHERWISE for one in told)


def test_a_reason_nobody_thought_of_has_advice_too():
    assert advice("something else") == OTHERWISE


def test_what_was_cut_says_so():
    long, short = Rejected().add([row(b"x" * KEPT_OF_REJECT), row()]).as_json()
    assert (long["cut"], short["cut"]) == (True, False)


def test_a_file_of_rejects_is_bounded_and_counts_what_it_leaves_out(monkeypatch):
    monkeypatch.setattr(rejected, "MOST", 3)
    assert Rejected().add(row() for _ in range(5)).left_out == 2
    monkeypatch.setattr(rejected, "MOST_BYTES", 1000)
    told = Rejected().add([row(b"x" * 2000), row()])
    assert (len(told.lines), told.left_out) == (1, 1)


def test_the_store_gives_the_same_lines_later(store: Store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([*own(1), b"bad", b"worse"]))
    report = ingest(store, path, executor=Inline(), now=NOW)
    known = sources.source(store, report.source_id or 0)
    assert known is not None
    assert rejected_of(store, known).lines == report.rejected.lines
    assert [json.loads(line)["line"] for line in report.rejected.lines] == [2, 3]
