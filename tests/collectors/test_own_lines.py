"""DuckDB and Python read Leeway's own lines alike."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.files.decode import decode, table_at
from collectors.files.job import Job, Kind, Slice
from collectors.files.own_lines import Strained, strain
from collectors.ingest import ingest
from leeway.workers import Inline
from store.calls import COLUMNS, append_calls, stamped
from store.connection import Store
from tests.conftest import NewStore

NOW = datetime(2026, 3, 2, tzinfo=UTC)
START = datetime(2026, 3, 1, tzinfo=UTC)

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
        "input_messages": st.lists(st.dictionaries(words, words, max_size=2), max_size=2), "system_text": words,
        "finish_reason": st.just("stop"), "cost_usd": st.floats(0, 1),
        "cost_status": st.sampled_from(["priced", "reported"]),
        "reported_cost_usd": st.floats(0, 1), "metadata": st.dictionaries(words, st.integers(-9, 9), max_size=2),
        "operation": st.sampled_from(["chat", "embedding"]), "tags": st.lists(words, max_size=2),
        "tokens_origin": st.just("estimated"), "time_quality": st.just("second"), "source": st.just("shop"),
    },
)  # fmt: skip


def rows(store: Store) -> list[dict]:
    found = store.read(f"SELECT {', '.join(COLUMNS)} FROM calls ORDER BY call_id").to_dicts()  # noqa: S608
    for row in found:
        row.update({n: json.loads(row[n]) for n in ("metadata", "input_messages") if row[n] is not None})
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(line, min_size=1, max_size=6, unique_by=lambda told: told["call_id"]))
def test_both_ways_fill_the_same_gaps(tmp_path_factory: pytest.TempPathFactory, new_store: NewStore, told):
    folder = tmp_path_factory.mktemp("own")
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in told))
    assert strained(folder, *path.read_bytes().split(b"\n")[:-1])[0].clean == len(told)
    with (
        new_store(folder / "a.duckdb") as by_duckdb,
        new_store(folder / "b.duckdb") as by_us,
    ):
        ingest(by_duckdb, path, executor=Inline(), now=NOW)
        found = decode(Job(path=path, name="own", parts=folder / "parts", read_at=NOW, log_format="leeway"))
        with by_us.transaction() as tx:
            for part in found.parts:
                append_calls(tx, stamped(table_at(part.calls), source_id=1, ingested_at=NOW))
        assert rows(by_duckdb) == rows(by_us)


def strained(tmp_path: Path, *lines: bytes, repeats: frozenset[int] = frozenset()) -> tuple[Strained, list[bytes]]:
    """What was found in the lines, and those of them that were let through."""
    path, out = tmp_path / "own.jsonl", tmp_path / "clean.jsonl"
    path.write_bytes(b"\n".join(lines))
    job = Job(path=path, name="own", parts=tmp_path / "parts", read_at=NOW)
    part = Slice(kind=Kind.LINES, start=0, end=path.stat().st_size)
    out.touch()
    found = strain(job, part, out, repeats)
    return found, [line for line in out.read_bytes().split(b"\n") if line]


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
    clean = b'{"call_id": "c", "event_time": "2026-03-01T10:00:00Z"}'
    other = clean.replace(b'"c"', b'"d"')
    found, let_through = strained(tmp_path, clean, odd, other)
    assert (found.clean, let_through) == (2, [clean, other])
    assert bool(found.odd) == bool(odd)


def test_a_line_that_repeats_an_id_is_told_and_odd_when_it_is_known(tmp_path: Path):
    first, twice = (b'{"call_id": "%s", "event_time": "2026-03-01T10:00:00Z"}' % name for name in (b"c", b"d"))
    found, let_through = strained(tmp_path, first, twice, first, twice)
    assert (found.clean, found.repeats, len(let_through)) == (4, {2, 3}, 4)
    found, let_through = strained(tmp_path, first, twice, first, twice, repeats=found.repeats)
    assert (found.clean, found.repeats, let_through) == (2, {2, 3}, [first, twice])


def test_times_that_fall_far_back_are_told(tmp_path: Path):
    def at(call_id: str, hour: int) -> bytes:
        return b'{"call_id": "%s", "event_time": "2026-03-01T%02d:00:00Z"}' % (call_id.encode(), hour)

    assert strained(tmp_path, at("a", 1), at("b", 2), at("c", 3))[0].in_order
    backwards, _ = strained(tmp_path, at("a", 9), at("b", 2))
    assert (backwards.in_order, backwards.first.hour, backwards.last.hour) == (False, 2, 9)
    late = b'{"call_id": "z", "event_time": "2026-03-01T01:00:00Z", "time_quality": "ingested"}'
    assert strained(tmp_path, at("a", 1), late)[0].timeless
