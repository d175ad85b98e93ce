"""Files come in every shape: what is readable is read, what is not is kept with its place."""

import gzip
import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.files.pieces import records
from collectors.files.reading import Limits, Reading
from collectors.files.unpacking import unpacked
from store.errors import FormatError
from store.model import Reject

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def read(body: bytes, limits: Limits | None = None):
    """(records, rejects, reading) of a file with this content."""
    reading, limits = Reading(file="f", read_at=NOW), limits or Limits()
    found = list(records(unpacked(io.BytesIO(body), reading, limits), reading, limits))
    return [r[0] for r in found if not isinstance(r, Reject)], [r for r in found if isinstance(r, Reject)], reading


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1}\n{"a": 2}\n',
        b'{"a": 1}\n{"a": 2}',
        b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n',
        b'{"a": 1}{"a": 2}',
        b'{"a": 1} {"a": 2}\n',
        b'[{"a": 1}, {"a": 2}]',
        b'[\n  {"a": 1},\n  {"a": 2}\n]\n',
        b'{\n  "a": 1\n}\n{\n  "a": 2\n}\n',
        b'[{"a": 1}]\n[{"a": 2}]\n',
        gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"a": 2}\n'),
        gzip.compress(b'{"a": 1}\n{"a": 2}\n') + b"\0" * 20,
        '{"a": 1}\r\n{"a": 2}\r\n'.encode("utf-16"),
    ],
)
def test_the_same_two_records_whatever_holds_them(body: bytes):
    found, rejects, reading = read(body)
    assert (found, rejects, reading.truncated) == ([{"a": 1}, {"a": 2}], [], False)


def test_zstandard_is_unpacked():
    packed = pa.compress(b'{"a": 1}\n{"a": 2}\n', codec="zstd", asbytes=True)
    assert read(packed)[0] == [{"a": 1}, {"a": 2}]


def test_a_cut_zstandard_file_gives_what_came_before_the_cut():
    packed = pa.compress(b"".join(b'{"a": %d}\n' % (n * 7919) for n in range(200_000)), codec="zstd", asbytes=True)
    found, _, reading = read(packed[: len(packed) // 2])
    assert reading.truncated
    assert found


def test_a_damaged_zstandard_file_says_so():
    with pytest.raises(FormatError, match="damaged zstd"):
        read(b"\x28\xb5\x2f\xfd" + b"\xff" * 200)


def test_a_bad_line_is_kept_with_its_place_and_stops_nothing():
    found, rejects, _ = read(b'{"a": 1}\nnot json\n\n[1, 2]\n{"a": 2}\n')
    assert found == [{"a": 1}, {"a": 2}]
    assert [(r.line, r.byte_offset, r.raw) for r in rejects] == [(2, 9, b"not json"), (4, 19, b"[1, 2]")]
    assert rejects[0].reason.startswith("not JSON")
    assert rejects[1].reason == "not a JSON object but list"


def test_what_stands_between_objects_of_an_array_is_kept_too():
    found, rejects, _ = read(b'[{"a": 1}, 7, {"a": "}{"}, {"a"')
    assert found == [{"a": 1}, {"a": "}{"}]
    assert [r.raw for r in rejects] == [b"7", b'{"a"']


def test_a_line_separator_inside_a_text_is_no_end_of_line():
    assert read('{"a": "x\u2028y\x85"}\n'.encode())[0] == [{"a": "x\u2028y\x85"}]


def test_what_only_a_lenient_reader_takes_is_repaired_and_marked():
    body = b'{"a": "\xff", "b": NaN, "c": "\\ud800", "d": 1e999}\n'
    reading = Reading(file="f", read_at=NOW)
    ((record, place),) = records(unpacked(io.BytesIO(body), reading, Limits()), reading, Limits())
    assert record == {"a": "\ufffd", "b": None, "c": "?", "d": None}
    assert place.problems == ("bad_utf8",)


def test_a_cut_gzip_file_gives_what_came_before_the_cut():
    whole = gzip.compress(b"".join(b'{"a": %d}\n' % n for n in range(20_000)))
    found, rejects, reading = read(whole[: len(whole) // 2])
    assert reading.truncated
    assert len(found) > 1_000
    assert len(rejects) <= 1


def test_a_damaged_gzip_file_says_so():
    whole = bytearray(gzip.compress(b'{"a": 1}\n' * 1000))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(FormatError, match="damaged gzip"):
        read(bytes(whole))


def test_a_bomb_is_refused_before_it_fills_the_disk():
    bomb = gzip.compress(b" " * (80 << 20))
    with pytest.raises(FormatError, match="unpacks to more than"):
        read(bomb)


def test_an_endless_line_is_a_reject_and_the_next_line_is_read():
    limits = Limits(record_bytes=1 << 20)
    found, rejects, _ = read(b'{"a": 1}\n{"a": "' + b"x" * (3 << 20) + b'"}\n{"a": 2}\n', limits)
    assert found == [{"a": 1}, {"a": 2}]
    assert [(r.line, r.reason) for r in rejects] == [(2, "longer than 1 MiB")]


def test_an_endless_object_of_an_array_ends_the_reading():
    with pytest.raises(FormatError, match="longer than"):
        read(b'[{"a": "' + b"x" * (3 << 20), Limits(record_bytes=1 << 20))


def test_a_record_has_the_same_key_when_its_file_has_grown():
    def keys(body: bytes) -> list[str]:
        reading = Reading(file="f", read_at=NOW)
        return [f[1].key for f in records(unpacked(io.BytesIO(body), reading, Limits()), reading, Limits())]

    first = keys(b'{"a": 1}\n{"a": 1}\n')
    assert keys(b'{"a": 1}\n{"a": 1}\n{"a": 1}\n')[:2] == first
    assert len(set(first)) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=8), JSON, min_size=1, max_size=4), min_size=1, max_size=5), st.booleans()
)
def test_any_objects_come_back_from_lines_and_from_an_array(objects, ascii_only):
    lines = "".join(json.dumps(o, ensure_ascii=ascii_only) + "\n" for o in objects)
    assert read(lines.encode())[0] == objects
    assert read(json.dumps(objects, ensure_ascii=ascii_only, indent=1).encode())[0] == objects
