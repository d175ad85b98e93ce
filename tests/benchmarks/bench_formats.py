"""What each format costs: rows and megabytes per CPU-second, from the bytes of a file to columns that DuckDB takes.

Each format's case is repeated, under other ids, to about `LEEWAY_BENCH_ROWS` rows; a row is a record of the file, or a
span where one record holds several. `python -m tests.benchmarks formats`; LEEWAY_BENCH_FORMATS names some of them.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from collectors.files.decode import batch_at, decode, found_in
from collectors.files.job import Decoded, Job, Kind, Slice
from collectors.files.reading import Reading
from collectors.format import formats
from store.model import Reject

CASES = Path(__file__).parents[1] / "collectors" / "formats"
ROWS = int(os.environ.get("LEEWAY_BENCH_ROWS", "50_000"))
TARGET = 30_000
NOW = datetime(2026, 3, 30, tzinfo=UTC)
# The end of a hexadecimal or base64 id: what tells one from another.
HEX = re.compile(rb'([0-9a-fA-F-]{8,28})[0-9a-fA-F]{6}(?=["\\])')
BASE64 = re.compile(rb'("(?:[A-Za-z0-9+/]{6}|[A-Za-z0-9+/]{17}))[A-Za-z0-9+/]{4}([A-Za-z0-9+/]={1,2}")')
DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"


def records(name: str) -> Iterator[bytes]:
    """The records of a format's cases, one a line."""
    for path in sorted((CASES / name).glob("*/input.*")):
        job = Job(path=path, name=path.name, parts=path, read_at=NOW)
        with path.open("rb") as stream:
            for found in found_in(stream, job, Reading(file=path.name, read_at=NOW)):
                if not isinstance(found, Reject):
                    yield orjson.dumps(found[0], default=str)


def under_other_ids(body: bytes, number: int) -> bytes:
    body = HEX.sub(lambda found: found[1] + b"%06x" % number, body)
    digits = bytes(DIGITS[(number >> shift) & 31] for shift in (15, 10, 5, 0))
    return BASE64.sub(lambda found: found[1] + digits + found[2], body)


def write(path: Path, lines: list[bytes]) -> int:
    """Write the file; return how many times the lines stand in it."""
    body = b"\n".join(lines) + b"\n"
    times = max(1, ROWS // len(lines))
    with path.open("wb") as file:
        file.writelines(under_other_ids(body, number) for number in range(times))
    return times


def measured(name: str, folder: Path) -> str:
    lines, path = list(records(name)), folder / f"{name}.jsonl"
    times = write(path, lines)
    job = Job(path=path, name=path.name, parts=folder / name, read_at=NOW)
    size = path.stat().st_size
    begun = time.process_time()
    done = decode(job, Slice(kind=Kind.LINES, start=0, end=size))
    took = time.process_time() - begun
    rows = max(len(lines) * times, spans(done))
    rate = rows / took
    return (f"{name:20} {rows:8,} rows  {size / rows:7,.0f} B each  {rate:9,.0f} rows/s  {size / took / 1e6:6.1f} MB/s"
            f"  {rate / TARGET:5.2f}x")  # fmt: skip


def spans(done: Decoded) -> int:
    return sum(batch_at(part.spans).spans.num_rows for part in done.parts if part.spans)


def main() -> None:
    wanted = os.environ.get("LEEWAY_BENCH_FORMATS", "").split(",")
    print(f"per CPU-second of one worker; the target is {TARGET:,} rows")
    for known in formats():
        if known.name in wanted or wanted == [""]:
            with tempfile.TemporaryDirectory() as scratch:
                print(measured(known.name, Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
