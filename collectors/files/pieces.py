"""Pieces: where one record ends and the next begins, in JSON lines, in arrays, and in objects one after the other.

Memory is bounded by one record (`Limits.record_bytes`), never by the file.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import orjson

from collectors.files.job import Kind, Slice
from collectors.files.reading import KEPT_OF_REJECT, Found, Limits, Piece, Reading, decoded
from collectors.files.unpacking import CHUNK
from store.errors import FormatError

# Up to the next brace, strings skipped; nothing where the buffer ends within a string or without a brace.
BRACE = re.compile(rb'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+[{}]', re.DOTALL)
CLOSING = ord("}")
BETWEEN = b" \t\r\n,[]"
LOOKED_AT = 50  # lines of a file that show whether it stands in lines


def records(chunks: Iterable[bytes], reading: Reading, limits: Limits) -> Iterator[Found]:
    """Every JSON object of a file: one a line, one after the other, or all in one array."""
    opening, whole = opened(chunks)
    found = lines(whole, limits) if stand_in_lines(opening) else objects(whole, limits)
    for piece in found:
        yield from decoded(piece, reading)


def chunks_of(stream: BinaryIO, part: Slice, size: int = CHUNK) -> Iterator[bytes]:
    """The bytes of a slice."""
    stream.seek(part.start)
    left = part.end - part.start
    while left > 0 and (chunk := stream.read(min(size, left))):
        left -= len(chunk)
        yield chunk


def pieces_of(stream: BinaryIO, part: Slice, limits: Limits) -> Iterator[Piece]:
    """The records of a slice of lines or objects."""
    split = lines if part.kind == Kind.LINES else objects
    return split(chunks_of(stream, part), limits, line=part.line, offset=part.offset)


def opened(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first `CHUNK` bytes, or a little more, and all of the chunks."""
    chunks = iter(chunks)
    opening = b""
    for chunk in chunks:
        opening += chunk
        if len(opening) >= CHUNK:
            break
    return opening, itertools.chain([opening], chunks)


def stand_in_lines(opening: bytes) -> bool:
    """Whether one of the first lines is a whole JSON value: pretty-printed files have none at the margin."""
    first = opening.split(b"\n", LOOKED_AT)[:LOOKED_AT]
    candidates = [line for line in first if line[:1] in (b"{", b"[") and len(line) > 2]  # noqa: PLR2004
    if opening.lstrip()[:1] not in (b"{", b"["):
        return True
    if len(opening.strip().split(b"\n", 1)) == 1:
        return opening.lstrip()[:1] == b"{"
    return any(_is_json(line) for line in candidates)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def blocks(chunks: Iterable[bytes], limits: Limits, *, line: int = 1, offset: int = 0) -> Iterator[Piece]:
    """Whole lines, many at a time; a line that is too long comes alone, cut, with its fault.

    Split at line feeds only: U+2028 may stand inside a JSON string. `line` and `offset`: where the chunks begin.
    """
    rest, skipped = b"", 0
    for read in chunks:
        chunk = read
        if skipped:
            end = chunk.find(b"\n") + 1
            skipped += end or len(chunk)
            if not end:
                continue
            yield Piece(line, offset, rest, too_long(limits))
            line, offset, rest, skipped, chunk = line + 1, offset + len(rest) + skipped, b"", 0, chunk[end:]
        if end := chunk.rfind(b"\n") + 1:
            block = rest + chunk[:end]
            yield Piece(line, offset, block)
            line, offset, rest = line + block.count(b"\n"), offset + len(block), chunk[end:]
        else:
            rest += chunk
        if len(rest) > limits.record_bytes:
            skipped, rest = len(rest) - KEPT_OF_REJECT, rest[:KEPT_OF_REJECT]
    if rest:
        yield Piece(line, offset, rest, too_long(limits) if skipped else "")


def too_long(limits: Limits) -> str:
    return f"longer than {limits.record_bytes >> 20} MiB"


def lines(chunks: Iterable[bytes], limits: Limits, *, line: int = 1, offset: int = 0) -> Iterator[Piece]:
    """Each line by itself, without its line feed."""
    for block in blocks(chunks, limits, line=line, offset=offset):
        if block.fault:
            yield block
            continue
        number, at = block.line, block.offset
        for raw in block.raw.removesuffix(b"\n").split(b"\n"):
            yield Piece(number, at, raw)
            number, at = number + 1, at + len(raw) + 1


def objects(chunks: Iterable[bytes], limits: Limits, *, line: int = 1, offset: int = 0) -> Iterator[Piece]:
    """Each outermost object, whether in one array or one after the other; what stands between them is a piece too.

    Raises FormatError at an object that is too long: where it ends is not known.
    """
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        done = 0
        for begin, end in _closed(buffer):
            if between := buffer[done:begin].strip(BETWEEN):
                yield Piece(line, offset, between)
            line, offset = line + buffer.count(b"\n", done, begin), offset + begin - done
            yield Piece(line, offset, buffer[begin:end])
            line, offset, done = line + buffer.count(b"\n", begin, end), offset + end - begin, end
        buffer = buffer[done:]
        if len(buffer) > limits.record_bytes:
            raise FormatError(f"the record at line {line} is longer than {limits.record_bytes >> 20} MiB")
    if buffer.strip(BETWEEN):
        yield Piece(line, offset, buffer.strip(BETWEEN))


def _closed(buffer: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of every outermost object that ends within `buffer`."""
    depth, begin, at = 0, 0, 0
    while found := BRACE.match(buffer, at):
        at = found.end()
        if buffer[at - 1] != CLOSING:
            depth, begin = depth + 1, begin if depth else at - 1
        elif depth:
            depth -= 1
            if not depth:
                yield begin, at
