"""What real clients sent: each folder of `captures/` holds request bodies and the calls they tell of."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed

from collectors.assemble import assemble
from collectors.batch import batch_of
from collectors.load import load
from collectors.spans.otlp import decode
from leeway.workers import Inline
from store.connection import Store
from store.journal import GZIP, JSON, Frame, Journal, JournalSettings, Position, Signal
from store.model import LLMCall, LogRecord, Span

CASES = sorted(p for p in (Path(__file__).parent / "captures").iterdir() if p.is_dir())
NOW = datetime(2026, 12, 2, 12, tzinfo=UTC)


def frames(case: Path) -> list[Frame]:
    """Request bodies in the order in which they were sent."""
    return [_frame(path) for path in sorted(case.iterdir()) if path.name not in ("expected.json", "evaluations.json")]


def _frame(path: Path) -> Frame:
    body = path.read_bytes()
    encoding = (GZIP if path.suffix == ".gz" else 0) | (JSON if ".json" in path.suffixes else 0)
    signal = Signal.TRACES if ".traces." in path.name else Signal.LOGS
    return Frame(signal=signal, encoding=encoding, received_at_ns=0, source="/v1/x", body=body)


def read(case: Path) -> tuple[list[Span], list[LogRecord]]:
    spans: list[Span] = []
    logs: list[LogRecord] = []
    for frame in frames(case):
        found = decode(frame.body, frame.signal, frame.encoding, max_bytes=1 << 26)
        spans += found.spans
        logs += found.logs
    return spans, logs


def told(calls: Sequence[LLMCall], fields: Sequence[str]) -> list[dict[str, Any]]:
    rows = [{f: getattr(call, f) for f in fields} for call in calls]
    return [
        json.loads(json.dumps({f: v for f, v in row.items() if v is not None and (v != [] or f == "retrieved")}))
        for row in rows
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_the_calls_are_those_that_were_made(case: Path):
    expected = json.loads((case / "expected.json").read_text())
    fields = sorted({field for call in expected for field in call})
    spans, logs = read(case)
    assert told(assemble(spans, logs, now=NOW).calls, fields) == expected


JUDGED = [case for case in CASES if (case / "evaluations.json").exists()]


@pytest.mark.parametrize("case", JUDGED, ids=lambda p: p.name)
def test_what_was_said_of_calls_stands_with_them(case: Path, store: Store, tmp_path: Path):
    expected = json.loads((case / "evaluations.json").read_text())
    stored(store, tmp_path, frames(case)[::-1])
    found = store.read("SELECT call_id, name, value, label, explanation FROM evaluations ORDER BY call_id, name")
    assert [{k: v for k, v in row.items() if v is not None} for row in found.to_dicts()] == expected


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_order_and_repetition_change_nothing(case: Path):
    spans, logs = read(case)
    first = assemble(spans, logs, now=NOW).calls
    shuffled = random.Random(7)
    for _ in range(3):
        again, records = [*spans, *spans[::2]], [*logs, *logs]
        shuffled.shuffle(again)
        shuffled.shuffle(records)
        assert assemble(again, records, now=NOW).calls == first


def stored(store: Store, folder: Path, requests: Sequence[Frame]) -> list[dict[str, Any]]:
    """Load requests one by one; return all calls, without when and from what they were taken in."""
    journal = Journal(JournalSettings(folder=folder), Position(0, 0))
    try:
        for request in requests:
            journal.append(request).result()
            while load(store, journal, Inline(), now=NOW).frames:
                pass
    finally:
        journal.close()
    frame = store.read("SELECT * EXCLUDE (ingested_at, source_id) FROM calls ORDER BY call_id")
    return frame.to_dicts()


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_the_store_holds_the_same_calls_however_they_come(case: Path, store: Store, tmp_path: Path):
    requests = frames(case)
    once = stored(store, tmp_path / "once", requests)
    expected = json.loads((case / "expected.json").read_text())
    assert [c["call_id"] for c in once] == sorted(c["call_id"] for c in expected)
    again = stored(store, tmp_path / "again", [replace(r, source="/v1/again") for r in reversed(requests)])
    assert again == once
    assert store.one("SELECT count(*) FROM rejects") == 0


ODD = (
    None, True, -1, 7.5, float("nan"), "", "[", "[null]", '{"messages": 5}', '{"role": 5}', [1], [{}], {"a": {}},
    10**17,
    '{"choices": [{"message": "x"}], "usage": []}', '[{"type": "image", "source": {"data": 5}}]', '{"type": []}',
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_no_value_of_the_wrong_kind_costs_a_trace(case: Path):
    """Any attribute may hold anything: what cannot be understood is unknown, and the call is kept."""
    spans, logs = read(case)
    dice = random.Random(case.name)
    for _ in range(10):
        odd = [changed(s, attributes=spoiled(s.attributes, dice)) for s in spans]
        strange = [changed(r, attributes=spoiled(r.attributes, dice), body=dice.choice(ODD)) for r in logs]
        made = batch_of(odd, strange, [], now=NOW)
        assert made.rejects.num_rows == 0
        assert made.spans.num_rows == len(spans)


def spoiled(attributes: Mapping[str, Any], dice: random.Random) -> dict[str, Any]:
    return {name: dice.choice(ODD) if dice.random() < 0.2 else value for name, value in attributes.items()}
