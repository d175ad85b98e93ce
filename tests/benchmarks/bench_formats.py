"""What each format costs: rows and megabytes per CPU-second, from the bytes of a file to columns that DuckDB takes.

Each format's case is repeated, under other ids, to about `LEEWAY_BENCH_ROWS` rows; a row is a record of the file, or a
span where one record holds several. `python -m tests.benchmarks formats`; LEEWAY_BENCH_FORMATS names some of them.
"""

import base64
import os
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from collectors.apis.messages import parsed
from collectors.files.decode import batch_at, decode, found_in
from collectors.files.job import Decoded, Job, Kind, Slice
from collectors.files.reading import Reading
from collectors.format import formats
from store.model import Reject

CASES = Path(__file__).parents[1] / "collectors" / "formats"
ROWS = int(os.environ.get("LEEWAY_BENCH_ROWS", "50_000"))
TARGET = 30_000
NOW = datetime(2026, 3, 30, tzinfo=UTC)
# What tells one call, span or record from another; who asked, and of what, may be the same in all of them.
ID = re.compile(
    r"(?i)(.*\.)?((parent_)?(trace|span|run|observation|request|response|record|call|correlation|custom|message)_)?id"
)
HEX = re.compile(r"(0x|tr-)?[0-9a-fA-F]{12,}|[0-9a-f-]{36}")
BASE64 = re.compile(r"[A-Za-z0-9+/]{10,}={1,2}")
SHORT = 8  # characters; such an id may stand within other words
STEP = 331  # between the ids of one copy and the next: most of a log's own lie closer together


def records(name: str) -> Iterator[bytes]:
    """The records of a format's cases, one a line."""
    for path in sorted((CASES / name).glob("*/input.*")):
        job = Job(path=path, name=path.name, parts=path, read_at=NOW)
        with path.open("rb") as stream:
            for found in found_in(stream, job, Reading(file=path.name, read_at=NOW)):
                if not isinstance(found, Reject):
                    yield orjson.dumps(found[0], default=str)


def ids_in(told: Any, name: str = "") -> Iterator[str]:
    """Every id in a record, in JSON within its texts too."""
    told = parsed(told)
    if isinstance(told, dict):
        for key, value in told.items():
            attribute = key == "value" and isinstance(value, dict)  # as OTLP has it: {"key": …, "value": {…}}
            yield from ids_in(next(iter(value.values()), "") if attribute else value, str(told.get("key", key)))
    elif isinstance(told, list):
        for item in told:
            yield from ids_in(item)
    elif isinstance(told, str) and len(told) > 1 and ID.fullmatch(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))):
        yield told


def other(known: str, number: int) -> str:
    """The id in another copy, of the same kind."""
    if HEX.fullmatch(known):
        end = f"{(int(known[-6:], 16) + number * STEP) % (1 << 24):06x}"
        return known[:-6] + (end.upper() if known.isupper() else end)
    if BASE64.fullmatch(known):
        raw = base64.b64decode(known)
        return base64.b64encode(
            raw[:-3] + ((int.from_bytes(raw[-3:]) + number * STEP) % (1 << 24)).to_bytes(3)
        ).decode()
    return f"{known}{number:x}"


def copies(lines: list[bytes], times: int) -> Iterator[bytes]:
    """The lines again and again, each time under other ids."""
    body = b"\n".join(lines).decode() + "\n"
    known = sorted({found for line in lines for found in ids_in(orjson.loads(line))}, key=len, reverse=True)
    alone = (rf"\b{re.escape(one)}\b" if len(one) < SHORT else re.escape(one) for one in known)
    each = re.compile("|".join(alone) or "(?!)")
    for number in range(times):
        yield each.sub(lambda found: other(found[0], number), body).encode()  # noqa: B023 - used at once


def write(path: Path, lines: list[bytes]) -> int:
    """Write the file; return how many times the lines stand in it."""
    times = max(1, ROWS // len(lines))
    with path.open("wb") as file:
        file.writelines(copies(lines, times))
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
