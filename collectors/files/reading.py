"""Reading: bytes become a record, with the place where they stood. What cannot be read becomes a Reject."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from collectors.identity import digest
from store.model import Reject

Record = dict[str, Any]

KEPT_OF_REJECT = 64 << 10  # bytes of a bad line that are kept
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes. `ratio`: how many times its packed size a file may grow beyond the first 64 MiB."""

    unpacked_bytes: int = 64 << 30
    ratio: int = 200
    record_bytes: int = 64 << 20


class Place(Struct, frozen=True, kw_only=True):
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


Found = tuple[Record, Place] | Reject


@dataclass(slots=True, kw_only=True)
class Reading:
    """What became known while a file was read. `truncated`: it ended in the middle; what came before was read."""

    file: str
    read_at: datetime
    truncated: bool = False
    bytes_read: int = 0
    head: str = ""


class Piece(Struct, frozen=True):
    """The bytes of one record, or the start of what is none because of `fault`."""

    line: int
    offset: int
    raw: bytes = b""
    fault: str = ""


def decoded(piece: Piece, reading: Reading) -> Iterable[Found]:
    """The record, or records, in one piece; nothing for a blank line."""
    text = piece.raw.removeprefix(BOM).strip()
    if not text:
        return ()
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
        return [place.reject(piece.fault)]
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = _one_after_the_other(text)
        return _each(*found[:1], place, found[1]) if found else [place.reject(f"not JSON ({error})")]
    return [(value, place)] if type(value) is dict else _each(value, place, ())


def _each(value: Any, place: Place, problems: tuple[str, ...]) -> Iterator[Found]:
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
