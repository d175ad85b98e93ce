"""Hostile and broken input: no crash, no good record lost, and what cannot be read is kept with its reason."""

import contextlib
import dataclasses
import gzip
import json
import random
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.files.decode import decode, table_at
from collectors.files.job import Job
from collectors.files.reading import Limits
from collectors.ingest import ingest
from collectors.spans.envelope import checked
from collectors.spans.otlp import decode as decode_otlp
from leeway.workers import Inline
from store.connection import Store
from store.errors import FormatError
from store.journal import GZIP, JSON, Frame, Journal, Signal
from tests.collectors.spans import chat
from tests.collectors.test_ingest import NOW, count, own
from tests.collectors.test_load import calls, journal, request, send, traces  # noqa: F401 - a fixture

FORMATS = sorted((Path(__file__).parent / "formats").glob("*/*/input.*"))


def read_in(store: Store, path: Path, body: bytes, **options: Any):
    path.write_bytes(body)
    return ingest(store, path, executor=Inline(), now=NOW, **options)


@pytest.mark.parametrize("seed", range(10))
def test_a_gzip_file_cut_anywhere_gives_every_whole_line(store: Store, tmp_path: Path, seed: int):
    packed = gzip.compress(b"\n".join(own(3000)), 1)
    cut = packed[: random.Random(seed).randrange(40, len(packed) - 8)]
    report = read_in(store, tmp_path / "own.jsonl.gz", cut)
    whole = gzip.zlib.decompressobj(31).decompress(cut).count(b"\n")
    assert report.calls == whole
    assert "the file ends in the middle" in str(report.error)


@pytest.mark.parametrize("seed", range(10))
def test_a_gzip_file_with_a_flipped_bit_says_so_and_counts_nothing_half(store: Store, tmp_path: Path, seed: int):
    packed = bytearray(gzip.compress(b"\n".join(own(500)), 1))
    at = random.Random(seed).randrange(12, len(packed))
    packed[at] ^= 1 << random.Random(seed).randrange(8)
    report = read_in(store, tmp_path / "own.jsonl.gz", bytes(packed))
    assert report.error
    assert count(store) == report.calls <= 500


def test_a_bomb_inside_a_bomb_is_refused_or_no_record(store: Store, tmp_path: Path):
    nested = gzip.compress(gzip.compress(bytes(200 << 20), 9), 9)
    report = read_in(store, tmp_path / "a.gz", nested)
    assert (report.status, report.calls) == ("failed", 0)
    bomb = gzip.compress(bytes(200 << 20), 9)
    assert "unpacks to more than" in str(read_in(store, tmp_path / "b.gz", bomb).error)


def test_a_gzip_file_of_several_members_is_read_whole(store: Store, tmp_path: Path):
    lines = own(30)
    packed = b"".join(gzip.compress(b"\n".join(lines[n : n + 10]) + b"\n") for n in (0, 10, 20))
    assert read_in(store, tmp_path / "own.jsonl.gz", packed).calls == 30


@pytest.mark.parametrize("body", [b"", b"\n\n \r\n", gzip.compress(b"")], ids=["empty", "blank", "empty, packed"])
def test_a_file_of_nothing_is_no_failure(store: Store, tmp_path: Path, body: bytes):
    report = read_in(store, tmp_path / "a.jsonl", body)
    assert (report.status, report.calls, report.rejects) == ("done", 0, 0)


PAIR = b'{"ts": 1772362800, "prompt": "a", "answer": "b"}'


@pytest.mark.parametrize("good", [own(4), [PAIR] * 4], ids=["own", "pairs"])
def test_a_line_of_a_hundred_megabytes_costs_no_neighbour_and_little_memory(
    store: Store, tmp_path: Path, good: list[bytes]
):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b"\n".join(good[:2]) + b'\n{"prompt": "')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + b"\n".join(good[2:]))
    tracemalloc.start()
    report = ingest(store, path, executor=Inline(), now=NOW, limits=Limits(record_bytes=1 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.calls, report.rejects) == (4, 1)
    assert "longer than 1 MiB" in report.examples[0]
    assert peak < 24 << 20


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
ODD_LINES = {
    "nested deep": DEEP,
    "not UTF-8": b'{"call_id": "\xff\xfe"',
    "a NUL": b'{"call_id": "a\x00b"',
    "no object": b"[1, 2]",
    "a number of 400 digits": b"9" * 400,
    "nothing but braces": b"}}}{{{",
    "UTF-16": '{"call_id": "x"}'.encode("utf-16"),
}


@pytest.mark.parametrize("odd", ODD_LINES.values(), ids=ODD_LINES.keys())
def test_an_odd_line_is_kept_and_its_neighbours_read(store: Store, tmp_path: Path, odd: bytes):
    report = read_in(store, tmp_path / "a.jsonl", b"\n".join([*own(2), odd, *own(2, 2)]))
    assert report.calls == 4
    assert report.rejects >= 1


@pytest.mark.parametrize("bad", [0, 10, 500, 1000])
def test_good_bad_and_repeated_lines_are_all_the_lines(store: Store, tmp_path: Path, bad: int):
    seeded = random.Random(bad)
    good = own(1000 - bad)
    odd = [odd for odd in ODD_LINES.values() if b"\n" not in odd and len(odd) < 1000]
    lines = [*good, *good[::3], *(seeded.choice(odd) for _ in range(bad))]
    seeded.shuffle(lines)
    report = read_in(store, tmp_path / "a.jsonl", b"\n".join(lines))
    assert (report.calls, report.duplicates, report.rejects) == (len(good), len(good[::3]), bad)
    assert store.one("SELECT count(*) FROM rejects") == bad


def test_a_hundred_thousand_names_in_a_line_cost_no_neighbour(store: Store, tmp_path: Path):
    many = {f"name-{n}": n for n in range(100_000)}
    lines = [PAIR, json.dumps({**json.loads(PAIR), **many}).encode(), PAIR]
    assert read_in(store, tmp_path / "a.jsonl", b"\n".join(lines)).calls == 3


def test_odd_texts_are_stored_and_come_back(store: Store, tmp_path: Path):
    texts = ["a\u2028b", "a\u0000b", "\U0001f600", "\u202eevil", ""]
    lines = [json.dumps({"call_id": f"t{n}", "event_time": 1772362800, "output_text": text}, ensure_ascii=n % 2 == 0)
             for n, text in enumerate(texts)]  # fmt: skip
    lone = b'{"call_id": "lone", "event_time": 1772362800, "output_text": "a\\ud800b"}'
    report = read_in(store, tmp_path / "a.jsonl", "\n".join(lines).encode() + b"\n" + lone)
    assert (report.calls, report.rejects) == (6, 0)
    found = dict(store.read("SELECT call_id, output_text FROM calls").rows())
    assert [found[f"t{n}"] or "" for n in range(5)] == texts
    assert found["lone"] == "a?b"


COUNTS = [-1, 1 << 62, 1 << 70, 2.5, float("nan"), float("inf"), True, "12", "7.0", "many", None, [], {}]


@pytest.mark.parametrize("told", COUNTS)
def test_no_count_and_no_number_costs_the_call_or_becomes_nan(store: Store, tmp_path: Path, told: object):
    line = {"call_id": "c", "event_time": 1772362800, "input_tokens": told, "latency_ms": told, "temperature": told,
            "http_status": told, "reported_cost_usd": told, "output_text": "x"}  # fmt: skip
    report = read_in(store, tmp_path / "a.jsonl", json.dumps(line).encode())
    assert (report.calls, report.rejects) == (1, 0)
    row = store.read("SELECT input_tokens, latency_ms, temperature, reported_cost_usd FROM calls").row(0)
    assert all(value is None or value == value for value in row)  # noqa: PLR0124 - NaN is not itself
    assert row[0] is None or row[0] >= 0


MOMENTS = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 0, -1, 1e18, "2026-02-30", 4102444800, "1970-01-01"]


@pytest.mark.parametrize("told", MOMENTS)
def test_a_time_that_cannot_be_costs_no_call(store: Store, tmp_path: Path, told: object):
    line = {"ts": told, "prompt": "a", "answer": "b"}
    assert read_in(store, tmp_path / "a.jsonl", json.dumps(line).encode()).calls == 1
    at = store.one("SELECT event_time FROM calls")
    assert datetime(2015, 1, 1, tzinfo=UTC) <= at.astimezone(UTC) <= NOW + timedelta(days=1) or at == NOW


def test_a_span_with_ten_thousand_attributes_is_a_call(store: Store, journal: Journal):  # noqa: F811
    many = {f"attribute.{n}": n for n in range(10_000)}
    assert send(store, journal, traces(chat(attributes=many))).calls == 1


def test_a_span_nested_deep_or_huge_costs_no_neighbour(store: Store, journal: Journal):  # noqa: F811
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(80):
        value = {"arrayValue": {"values": [value]}}
    body = orjson.loads(traces(chat(), chat()).body)
    spans = body["resourceSpans"]
    spans[0]["scopeSpans"][0]["spans"][0]["attributes"].append({"key": "deep", "value": value})
    spans[1]["scopeSpans"][0]["spans"][0]["attributes"].append(
        {"key": "gen_ai.output.messages", "value": {"stringValue": "x" * (15 << 20)}}
    )
    assert send(store, journal, request(Signal.TRACES, body)).calls == 2


@pytest.mark.parametrize("start", [0, 1, 1 << 62, (1 << 64) - 1, 4_102_444_800 * 10**9])
def test_a_span_at_an_impossible_time_is_a_call_all_the_same(store: Store, journal: Journal, start: int):  # noqa: F811
    body = orjson.loads(traces(chat()).body)
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= {"startTimeUnixNano": str(start), "endTimeUnixNano": "5"}
    assert send(store, journal, request(Signal.TRACES, body)).calls == 1


@given(st.binary(max_size=400), st.sampled_from(list(Signal)), st.sampled_from([0, JSON, GZIP, JSON | GZIP]))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_receivers_decoder(body: bytes, signal: Signal, encoding: int):
    with contextlib.suppress(FormatError):
        decode_otlp(body, signal, encoding, max_bytes=1 << 20)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_to_one_record_breaks_no_format_and_costs_no_good_record(tmp_path: Path, data: st.DataObject):
    source = data.draw(st.sampled_from(FORMATS))
    body = bytearray(source.read_bytes()[: 1 << 16])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    good = own(3)
    path = tmp_path / f"a{source.suffix}"
    lines = source.suffix == ".jsonl"
    path.write_bytes(b"\n".join([*good, bytes(body), *own(2, 3)]) if lines else bytes(body))
    done = decode(Job(path=path, name=path.name, parts=tmp_path / "parts", read_at=NOW))
    ids = {row for part in done.parts if (t := table_at(part.calls)) is not None for row in t["call_id"].to_pylist()}
    if lines:
        assert {f"c-{n}" for n in range(5)} <= ids


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 65), 1 << 65) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_any_field_breaks_no_format(tmp_path: Path, data: st.DataObject):
    source = data.draw(st.sampled_from([one for one in FORMATS if one.suffix == ".jsonl"]))
    record = json.loads(data.draw(st.sampled_from([x for x in source.read_bytes().split(b"\n") if x.strip()])))
    here = record
    while isinstance(here, dict) and here:
        name = data.draw(st.sampled_from(sorted(here)))
        if not isinstance(here[name], dict) or not here[name] or data.draw(st.booleans()):
            here[name] = data.draw(ANY)
            break
        here = here[name]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n" + own(1)[0].decode())
    done = decode(Job(path=path, name=path.name, parts=tmp_path / "parts", read_at=NOW))
    ids = {row for part in done.parts if (t := table_at(part.calls)) is not None for row in t["call_id"].to_pylist()}
    assert "c-0" in ids


def test_a_body_that_is_no_utf8_is_read_with_its_bad_bytes_replaced(store: Store, journal: Journal):  # noqa: F811
    sent = traces(chat(attributes={"gen_ai.output.messages": "h\u00e4llo"}))
    assert send(store, journal, dataclasses.replace(sent, body=sent.body.replace(b"\xc3\xa4", b"\xe4"))).calls == 1
    assert calls(store)[0]["output_text"] == "h\ufffdllo"
    with pytest.raises(FormatError):
        decode_otlp(b'{"\xc0": 1', Signal.TRACES, JSON, max_bytes=1 << 20)


@pytest.mark.parametrize("odd", [1 << 64, [1], {"a": 1 << 70}, 1.5])
def test_what_is_no_text_under_string_value_becomes_text(store: Store, journal: Journal, odd: object):  # noqa: F811
    body = json.loads(traces(chat(), chat()).body)
    [attributes, _] = [s["scopeSpans"][0]["spans"][0]["attributes"] for s in body["resourceSpans"]]
    attributes.append({"key": "note", "value": {"stringValue": odd}})
    frame = Frame(signal=Signal.TRACES, encoding=JSON, received_at_ns=1, source="/v1/x", body=json.dumps(body).encode())
    assert send(store, journal, frame).calls == 2


@pytest.mark.parametrize("name", ["gen_ai.request.max_tokens", "gen_ai.request.seed", "gen_ai.request.choice.count"])
def test_a_setting_too_large_for_its_column_costs_no_call(store: Store, journal: Journal, name: str):  # noqa: F811
    assert send(store, journal, traces(chat(attributes={name: 1e300}), chat())).calls == 2


def test_a_length_that_no_integer_holds_is_no_request():
    """The parser of requests panics at it, past every `except Exception`."""
    with pytest.raises(FormatError, match="not an OTLP traces request"):
        checked(b"\n" + b"\xff" * 8 + b"\x7f", Signal.TRACES, is_json=False)
