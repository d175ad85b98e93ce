"""Clean lines of Leeway's own format become columns at once, by the rules of the long way."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.files import own_lines
from collectors.files.decode import decode, table_at
from collectors.files.job import Job, Kind, Slice
from collectors.files.own_lines import OddLinesError, Sieved, sieved
from collectors.files.reading import Limits

NOW = datetime(2026, 3, 2, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)
CLEAN = b'{"call_id": "c", "event_time": "2026-03-01T10:00:00Z"}'

times = st.integers(0, 86_400_000).map(lambda ms: (START + timedelta(milliseconds=ms)).isoformat())
words = st.text(st.characters(codec="utf-8"), max_size=12)
line = st.fixed_dictionaries(
    {"call_id": st.uuids().map(str), "started_at": times},
    optional={
        "event_time": times, "ended_at": times, "latency_ms": st.floats(0, 1e6),
        "status": st.sampled_from(["ok", "error"]),
        "request_model": st.sampled_from(["openai/gpt-4o", "gpt-4o", "a/b/"]), "response_model": st.just("x/gpt-4o-1"),
        "model": st.just("own"), "error_type": st.just("RateLimitError"), "http_status": st.sampled_from([200, 429]),
        "input_tokens": st.integers(0, 1000), "output_tokens": st.integers(0, 1000), "output_text": words,
        "input_messages": st.lists(st.dictionaries(words, words, max_size=2), max_size=2) | st.just("[{}]"),
        "system_text": words, "finish_reason": st.just("stop"), "cost_usd": st.floats(0, 1),
        "cost_status": st.sampled_from(["priced", "reported"]),
        "reported_cost_usd": st.floats(0, 1), "metadata": st.dictionaries(words, st.integers(-9, 9), max_size=2),
        "operation": st.sampled_from(["chat", "embedding"]), "tags": st.lists(words, max_size=2),
        "tokens_origin": st.just("estimated"), "time_quality": st.just("second"), "source": st.just("shop"),
    },
)  # fmt: skip


def rows(found: list[dict]) -> list[dict]:
    json_texts = ("metadata", "input_messages")
    return [{**row, **{n: json.loads(row[n]) for n in json_texts if row[n] is not None}} for row in found]


def sieve(tmp_path: Path, *lines: bytes) -> Sieved:
    path = tmp_path / "own.jsonl"
    path.write_bytes(b"\n".join(lines))
    with path.open("rb") as stream:
        return sieved(stream, Slice(kind=Kind.LINES, start=0, end=path.stat().st_size), Limits())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(line, min_size=1, max_size=6, unique_by=lambda told: told["call_id"]))
def test_both_ways_fill_the_same_gaps(tmp_path: Path, told):
    clean = sieve(tmp_path, *(json.dumps(one).encode() for one in told))
    assert not clean.odd
    (part,) = decode(Job(path=tmp_path / "own.jsonl", name="own", parts=tmp_path / "parts", read_at=NOW)).parts
    assert rows(clean.calls.to_pylist()) == rows(table_at(part.calls).to_pylist())


@pytest.mark.parametrize(
    "odd",
    [
        b"", b"{", b"[]", b'{"call_id": "x"}', b'{"event_time": "2026-03-01T10:00:00Z"}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00"}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00Z", "colour": 1}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00Z", "status": "fine"}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00Z", "input_tokens": -1}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00Z", "input_tokens": "7"}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00Z", "metadata": {"a": "\xff"}}',
        b'{"call_id": "x", "event_time": "2026-03-01T10:00:00Z", "metadata": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    ],
)  # fmt: skip
def test_a_line_that_is_not_exactly_ours_is_odd(tmp_path: Path, odd: bytes):
    found = sieve(tmp_path, CLEAN, odd, CLEAN.replace(b'"c"', b'"d"'))
    assert found.calls["call_id"].to_pylist() == ["c", "d"]
    assert [piece.raw.strip() for piece in found.odd] == ([odd] if odd else [])


def test_lines_with_names_that_the_first_one_lacks_are_clean(tmp_path: Path):
    more = b'{"call_id": "d", "started_at": "2026-03-01T10:00:00Z", "model": "m"}'
    found = sieve(tmp_path, CLEAN, more)
    assert not found.odd
    assert found.calls.select(["call_id", "model"]).to_pylist() == [
        {"call_id": "c", "model": None},
        {"call_id": "d", "model": "m"},
    ]


def test_when_too_many_are_odd_none_is_sieved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own_lines, "MOST_ODD", 2)
    with pytest.raises(OddLinesError):
        sieve(tmp_path, CLEAN, *[b"bad"] * 3)
