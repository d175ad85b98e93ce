"""Each format reads its own cases right: `formats/<format>/<case>/input.*` gives the calls of `expected.jsonl`."""

import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from collectors.files.decode import batch_at, decode, table_at
from collectors.files.job import Job
from collectors.format import formats, table
from collectors.ingest import ingest
from leeway.workers import Inline
from store.connection import Store
from store.export import chunks

CASES = Path(__file__).parent / "formats"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
VOLATILE = ("ingested_at", "source")
JUDGED_SQL = """
    SELECT call_id, name, evaluator, value, label, explanation, CAST(created_at AS VARCHAR) AS said_at
    FROM evaluations ORDER BY said_at, name
"""


def cases() -> list[Path]:
    return sorted(folder for folder in CASES.glob("*/*") if folder.is_dir())


def calls(store: Store) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in b"".join(chunks(store, "jsonl")).split(b"\n") if line]
    return [{name: value for name, value in row.items() if name not in VOLATILE} for row in rows]


def judged(store: Store) -> list[dict[str, Any]]:
    return [{"judged": row} for row in store.read(JUDGED_SQL).to_dicts()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_format_reads_its_case(case: Path, store: Store):
    path = next(case.glob("input.*"))
    report = ingest(store, path, executor=Inline(), now=NOW)
    found = [
        *calls(store),
        *judged(store),
        {"report": {"format": report.format, "spans": report.spans, "rejects": report.examples}},
    ]
    expected = case / "expected.jsonl"
    if os.environ.get("LEEWAY_ACCEPT_CASES"):
        expected.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found))
    assert found == [json.loads(line) for line in expected.read_text().splitlines()]
    assert report.format == case.parent.name


def test_every_format_has_a_case():
    assert {known.name for known in formats()} == {folder.name for folder in CASES.iterdir() if folder.is_dir()}


@pytest.mark.parametrize("known", formats(), ids=lambda known: known.name)
def test_a_format_recognises_only_its_own_first_records(known):
    """Of all cases' first records, a format reads none that another one reads."""
    for case in cases():
        path = next(case.glob("input.jsonl"), None)
        if path is None:
            continue
        record = json.loads(path.read_text().splitlines()[0])
        first = next(other for other in formats() if other.detect(record))
        assert (first.name == case.parent.name) or known.name != first.name


def test_the_table_of_formats_says_what_each_was_built_from():
    said = table()
    assert all(f"| `{known.name}` | {known.help} |" in said for known in formats())
    assert "its documented fields" in said


CONTAINERS: dict[str, Callable[[list[bytes]], bytes]] = {
    "array": lambda lines: b"[" + b",\n".join(lines) + b"]\n",
    "one after the other": b"".join,
    "pretty": lambda lines: b"".join(json.dumps(json.loads(line), indent=2).encode() for line in lines),
    "gzip": lambda lines: gzip.compress(b"\n".join(lines)),
    "zstd": lambda lines: pa.compress(b"\n".join(lines), codec="zstd", asbytes=True),
    "BOM and CRLF": lambda lines: b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n",
}


def read_alone(path: Path, parts: Path) -> list[dict[str, Any]]:
    """The calls and the number of spans of a file, without what depends on where in it they stand."""
    found = decode(Job(path=path, name="log", parts=parts, read_at=NOW))
    rows = [row for part in found.parts for row in (table_at(part.calls) or pa.table({})).to_pylist()]
    spans = sum(batch_at(part.spans).spans.num_rows for part in found.parts if part.spans)
    return [{**row, "call_id": row["call_id"].partition("hash:")[0]} for row in rows] + [{"spans": spans}]


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_format_is_read_alike_whatever_holds_its_records(container: str, tmp_path: Path):
    for path in CASES.glob("*/*/input.jsonl"):
        held = tmp_path / path.parent.name
        held.write_bytes(CONTAINERS[container](path.read_bytes().split(b"\n")[:-1]))
        assert read_alone(held, tmp_path / "parts") == read_alone(path, tmp_path / "parts"), path
