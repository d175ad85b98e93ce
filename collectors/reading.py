"""Envelopes: any file, packed or not, becomes a stream of JSON records with the place each one stood at.

Memory is bounded by one record (`Limits.record_bytes`), never by the file. What cannot be read becomes a Reject.
"""

import itertools
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from collectors.identity import digest
from store.errors import FormatError
from store.model import Reject

Record = dict[str, Any]

CHUNK = 1 << 20
KEPT_OF_REJECT = 64 << 10  # bytes of a bad line that are kept
GZIP, ZSTD, BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes. `ratio`: how many times its packed size a file may grow beyond the first 64 MiB."""

    unpacked_bytes: int = 64 << 30
    ratio: int = 200
    record_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record stood: line from 1, byte offset in the unpacked file. `head` tells apart files of one name."""

    file: str
    line: int
    byte_offset: int
    raw: bytes
    read_at: datetime
    head: str = ""
    problems: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same when the same file, or the same file grown longer, is read again."""
        return digest(self.head.encode(), str(self.byte_offset).encode(), self.raw)

    def reject(self, reason: str) -> Reject:
        return Reject(
            where=self.file, line=self.line, byte_offset=self.byte_offset, reason=reason, raw=self.raw[:KEPT_OF_REJECT]
        )


@dataclass(slots=True, kw_only=True)
class Reading:
    """What became known while a file was read. `truncated`: it ended in the middle; what came before was read."""

    file: str
    read_at: datetime
    truncated: bool = False
    bytes_read: int = 0
    head: str = field(default="")


def unpacked(stream: BinaryIO, reading: Reading, limits: Limits) -> Iterator[bytes]:
    """The file's bytes in chunks, unpacked if it is gzip (also several members) or zstd, without a BOM.

    Raises FormatError when it unpacks to more than the limits allow or is damaged.
    """
    first = stream.read(CHUNK)
    packed = itertools.chain([first], iter(lambda: stream.read(CHUNK), b""))
    if first.startswith(GZIP):
        chunks = _gunzipped(packed, reading)
    elif first.startswith(ZSTD):
        chunks = _unzstd(stream, reading)
    else:
        chunks = packed
    for number, chunk in enumerate(_capped(chunks, stream, reading, limits)):
        yield chunk.removeprefix(BOM) if number == 0 else chunk


def _capped(chunks: Iterable[bytes], stream: BinaryIO, reading: Reading, limits: Limits) -> Iterator[bytes]:
    for chunk in chunks:
        reading.bytes_read += len(chunk)
        allowed = max(64 << 20, stream.tell() * limits.ratio)
        if reading.bytes_read > min(allowed, limits.unpacked_bytes):
            raise FormatError(f"{reading.file}: unpacks to more than {reading.bytes_read >> 20} MiB; split the file")
        yield chunk


def _gunzipped(packed: Iterable[bytes], reading: Reading) -> Iterator[bytes]:
    """A stream that ends in the middle raises nothing in zlib: only `eof` tells."""
    inflater = zlib.decompressobj(31)
    for read in packed:
        data = read
        try:
            while data:
                if inflater.eof:
                    if not data.startswith(GZIP):  # padding after the last member
                        return
                    inflater = zlib.decompressobj(31)
                if chunk := inflater.decompress(data, CHUNK):
                    yield chunk
                data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        except zlib.error as error:
            raise FormatError(f"{reading.file}: damaged gzip ({error}); send it again") from error
    reading.truncated = not inflater.eof


def _unzstd(stream: BinaryIO, reading: Reading) -> Iterator[bytes]:
    stream.seek(0)
    try:
        with pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd") as inflater:
            while chunk := inflater.read(CHUNK):
                yield chunk
    except OSError as error:
        if "truncated" not in str(error).lower() and "eof" not in str(error).lower():
            raise FormatError(f"{reading.file}: damaged zstd ({error}); send it again") from error
        reading.truncated = True


def records(chunks: Iterable[bytes], reading: Reading, limits: Limits) -> Iterator[tuple[Record, Place] | Reject]:
    """Every JSON object of a file: one a line, one after the other, or all in one array."""
    chunks = iter(chunks)
    opening = b""
    for chunk in chunks:
        opening += chunk
        if len(opening) >= CHUNK:
            break
    whole = itertools.chain([opening], chunks)
    found = _lines(whole, limits) if _stands_in_lines(opening) else _objects(whole, limits)
    for piece in found:
        yield from decoded(piece, reading)


def _stands_in_lines(opening: bytes) -> bool:
    """Whether one of the first lines is a whole JSON value: pretty-printed files have none at the margin."""
    candidates = [line for line in opening.split(b"\n")[:50] if line[:1] in (b"{", b"[") and len(line) > 2]  # noqa: PLR2004
    if opening.lstrip()[:1] not in (b"{", b"["):
        return True
    if len(opening.strip().split(b"\n")) == 1:
        return opening.lstrip()[:1] == b"{"
    return any(_is_json(line) for line in candidates)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes of one record, or the start of what is none because of `fault`; `length` of bytes not read yet."""

    line: int
    offset: int
    raw: bytes = b""
    fault: str = ""
    length: int = 0


def _lines(chunks: Iterable[bytes], limits: Limits) -> Iterator[Piece]:
    """Split at line feeds only: U+2028 may stand inside a JSON string."""
    line, offset, rest, skipped = 1, 0, b"", 0
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for raw in whole:
            yield Piece(line, offset, raw, _too_long(skipped, limits))
            line, offset, skipped = line + 1, offset + skipped + len(raw) + 1, 0
        if len(rest) + skipped > limits.record_bytes:
            skipped, rest = skipped + len(rest) - KEPT_OF_REJECT, rest[:KEPT_OF_REJECT]
    if rest:
        yield Piece(line, offset, rest, _too_long(skipped, limits))


def _too_long(skipped: int, limits: Limits) -> str:
    return f"longer than {limits.record_bytes >> 20} MiB" if skipped else ""


TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
BETWEEN = b" \t\r\n,[]"


def _objects(chunks: Iterable[bytes], limits: Limits) -> Iterator[Piece]:
    """Each outermost object, whether in one array or one after the other; what stands between them is a piece too."""
    buffer, base, line = b"", 0, 1
    for chunk in chunks:
        buffer += chunk
        done = 0
        for begin, end in _closed(buffer):
            if buffer[done:begin].strip(BETWEEN):
                yield Piece(line + buffer.count(b"\n", 0, done), base + done, buffer[done:begin].strip(BETWEEN))
            yield Piece(line + buffer.count(b"\n", 0, begin), base + begin, buffer[begin:end])
            done = end
        line, base, buffer = line + buffer.count(b"\n", 0, done), base + done, buffer[done:]
        if len(buffer) > limits.record_bytes:
            raise FormatError(f"the record at line {line} is longer than {limits.record_bytes >> 20} MiB")
    if buffer.strip(BETWEEN):
        yield Piece(line, base, buffer.strip(BETWEEN))


def _closed(buffer: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of every outermost object that ends within `buffer`."""
    depth, begin = 0, 0
    for token in TOKEN.finditer(buffer):
        mark = token[0]
        if mark == b"{":
            depth, begin = depth + 1, begin if depth else token.start()
        elif mark == b"}" and depth:
            depth -= 1
            if not depth:
                yield begin, token.end()


def decoded(piece: Piece, reading: Reading) -> Iterator[tuple[Record, Place] | Reject]:
    """The record, or records, in one piece; nothing for a blank line."""
    text = piece.raw.removeprefix(BOM).strip()
    if not text:
        return
    reading.head = reading.head or digest(text)
    place = Place(
        file=reading.file,
        line=piece.line,
        byte_offset=piece.offset,
        raw=text,
        read_at=reading.read_at,
        head=reading.head,
    )
    if piece.fault:
        yield place.reject(piece.fault)
        return
    try:
        yield from _each(orjson.loads(text), place, ())
    except orjson.JSONDecodeError as error:
        found = _one_after_the_other(text)
        yield from _each(*found[:1], place, found[1]) if found else [place.reject(f"not JSON ({error})")]


def _each(value: Any, place: Place, problems: tuple[str, ...]) -> Iterator[tuple[Record, Place] | Reject]:
    """A record, or each record of a list that stands on one line."""
    if isinstance(value, dict):
        yield value, _marked(place, place.raw, problems)
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield item, _marked(place, place.raw + b"#%d" % number, problems)
    else:
        yield place.reject(f"not a JSON object but {type(value).__name__}")


def _marked(place: Place, raw: bytes, problems: tuple[str, ...]) -> Place:
    return place if raw is place.raw and not problems else replace(place, raw=raw, problems=problems)


LENIENT = json.JSONDecoder(parse_constant=lambda _: None)


def _one_after_the_other(raw: bytes) -> tuple[Any, tuple[str, ...]] | None:
    """Objects that share a line, and those that only a lenient reader takes: NaN, broken UTF-8, lone surrogates."""
    text, values, at = raw.decode("utf-8", "replace"), [], 0
    try:
        while at < len(text):
            value, at = LENIENT.raw_decode(text, at)
            values.append(_encodable(value))
            at += len(text[at:]) - len(text[at:].lstrip(" \t\r,"))
    except (ValueError, RecursionError):
        return None
    problems = ("bad_utf8",) if "\ufffd" in text else ()
    return values[0] if len(values) == 1 else values, problems


def _encodable(value: Any) -> Any:
    """Replace lone surrogates and infinities, which no store takes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
