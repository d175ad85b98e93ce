"""Tables: CSV and Parquet become the same records that JSON lines would have been."""

import ast
import codecs
import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import orjson
import pyarrow.parquet as pq
from msgspec.structs import replace

from collectors.files.reading import Found, Place, Reading
from collectors.identity import digest
from store.errors import FormatError

PARQUET = b"PAR1"
DELIMITERS = ",;\t|"
LITERAL_CHARS = 1 << 20  # longer Python literals in a cell stay text

csv.field_size_limit(min(sys.maxsize, 1 << 30))


def is_parquet(stream: BinaryIO) -> bool:
    start = stream.read(4)
    stream.seek(0)
    return start == PARQUET


def is_csv(first: bytes, name: str) -> bool:
    """Whether the file is a table: it does not begin like JSON, and its first line names several columns."""
    if first.lstrip()[:1] in (b"{", b"["):
        return False
    header = first.split(b"\n", 1)[0].decode("utf-8", "replace")
    return any(mark in header for mark in DELIMITERS) or ".csv" in name.lower() or ".tsv" in name.lower()


def delimiter(header: str) -> str:
    """What stands between the columns."""
    return max(DELIMITERS, key=header.count)


def csv_rows(chunks: Iterable[bytes], reading: Reading, *, line: int = 2) -> Iterator[Found]:
    """Each row under its column's names; cells that hold JSON or a Python literal are read as that.

    The first line names the columns; `line`: the number of the one that comes behind it here.
    """
    lines = _text_lines(chunks)
    header = next(lines, "")
    mark = delimiter(header)
    names = next(csv.reader([header], delimiter=mark), [])
    reading.head = digest(header.encode())
    read: list[str] = []
    rows = csv.reader(map(_kept_in(read), lines), delimiter=mark, strict=True)
    while True:
        place = _place(reading, rows.line_num + line, b"")
        read.clear()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield replace(place, raw="".join(read).encode()).reject(f"not CSV ({error})")
            continue
        if cells:
            yield _row(names, cells, replace(place, raw=mark.join(cells).encode()))


def _kept_in(read: list[str]) -> Callable[[str], str]:
    def keep(line: str) -> str:
        read.append(line)
        return line

    return keep


def _row(names: list[str], cells: list[str], place: Place) -> Found:
    if len(cells) > len(names):
        return place.reject(f"{len(cells)} cells for {len(names)} columns")
    return {name: cell(text) for name, text in zip(names, cells, strict=False)}, place


def _place(reading: Reading, line: int, raw: bytes) -> Place:
    return Place(file=reading.file, line=line, byte_offset=line, raw=raw, read_at=reading.read_at, head=reading.head)


def _text_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines with their ends, split at line feeds only."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def cell(text: str) -> Any:
    """What a cell holds: nothing, JSON, a Python literal (pandas writes lists so), or text."""
    if text in ("", "nan", "NaN", "None", "null", "NULL", "<NA>"):
        return None
    if text[0] in "[{":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return _literal(text)
    return text


def _literal(text: str) -> Any:
    if len(text) > LITERAL_CHARS:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def parquet_rows(
    stream: BinaryIO, reading: Reading, *, groups: Sequence[int] | None = None, before: int = 0
) -> Iterator[Found]:
    """Each row of a Parquet file, or of some row groups of it; texts that hold JSON are read as that.

    `before`: the number of rows in front of those groups.
    """
    try:
        file = pq.ParquetFile(io.BufferedReader(stream) if isinstance(stream, io.RawIOBase) else stream)
        reading.head = digest(str(file.schema_arrow).encode(), str(file.metadata.num_rows).encode())
        number = before
        for batch in file.iter_batches(batch_size=1024, row_groups=groups):
            for row in batch.to_pylist():
                number += 1
                raw = orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)
                yield {k: cell(v) if isinstance(v, str) else v for k, v in row.items()}, _place(reading, number, raw)
    except (OSError, ValueError) as error:
        raise FormatError(f"{reading.file}: damaged Parquet ({error}); export it again") from error
