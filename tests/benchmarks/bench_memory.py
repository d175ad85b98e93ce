"""Memory while a big file is loaded: peak RSS of the process that owns the database and of its worker.

`python -m tests.benchmarks memory`; LEEWAY_BENCH_GB sets the size (2), LEEWAY_BENCH_FILES some of own, pairs, array and
gz.
Target: owner and worker together within memory_limit + 500 MB.
"""

import gzip
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import orjson

from collectors.ingest import ingest
from leeway.workers import Workers
from store.connection import Store, StoreSettings
from tests.benchmarks.bench_jsonl import NOW, START, WORDS, lines

GIGABYTES = float(os.environ.get("LEEWAY_BENCH_GB", "2"))
FILES = os.environ.get("LEEWAY_BENCH_FILES", "own,pairs,array,gz").split(",")
ALLOWED_MB = 500


def exchanges() -> Iterator[bytes]:
    rng = random.Random(7)
    texts = [" ".join(rng.choices(WORDS, k=120)) for _ in range(2_000)]
    for number in range(1 << 40):
        started = START + timedelta(milliseconds=number * 500)
        answer = {"role": "assistant", "content": rng.choice(texts)}
        yield orjson.dumps({
            "timestamp": started, "latency_s": 0.7, "user": f"u{number % 900}",
            "request": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": rng.choice(texts)}]},
            "response": {
                "id": f"chatcmpl-{number:024x}", "object": "chat.completion", "created": 1772359200 + number // 2,
                "model": "gpt-4o-mini-2024-07-18",
                "choices": [{"index": 0, "finish_reason": "stop", "message": answer}],
                "usage": {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46},
            },
        })  # fmt: skip


def as_lines(path: Path, found: Iterator[bytes]) -> None:
    _written(path, b"", b"\n", found)


def as_array(path: Path, found: Iterator[bytes]) -> None:
    _written(path, b"[", b",\n", found)
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"]\n")


def as_gzip(path: Path, found: Iterator[bytes]) -> None:
    """As many bytes, before they are packed."""
    plain = path.with_suffix(".plain")
    as_lines(plain, found)
    with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
    plain.unlink()


def _written(path: Path, opening: bytes, between: bytes, found: Iterator[bytes]) -> None:
    left = int(GIGABYTES * 1e9)
    with path.open("wb") as file:
        file.write(opening)
        while left > 0:
            record = next(found) + between
            left -= len(record)
            file.write(record)


MADE: dict[str, Callable[[Path], None]] = {
    "own": lambda path: as_lines(path, lines(random.Random(7), 0, 1 << 40)),
    "pairs": lambda path: as_lines(path, exchanges()),
    "array": lambda path: as_array(path, exchanges()),
    "gz": lambda path: as_gzip(path, lines(random.Random(7), 0, 1 << 40)),
}


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def load(path: Path, answer: Connection) -> None:
    """Load the file in a process of its own and say what that took."""
    with Store(StoreSettings(path=path.with_suffix(".duckdb"))) as store, closing(Workers(max_workers=1)) as workers:
        begun = time.perf_counter()
        report = ingest(store, path, executor=workers, now=NOW)
        took = time.perf_counter() - begun
        (worker,) = multiprocessing.active_children()
        assert worker.pid is not None
        answer.send((report.calls, took, peak_mb(os.getpid()), peak_mb(worker.pid), store.settings.memory_limit))


def main() -> None:
    context = multiprocessing.get_context("spawn")
    for name in FILES:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"{name}.jsonl"
            MADE[name](path)
            ours, theirs = context.Pipe()
            process = context.Process(target=load, args=(path, theirs))
            process.start()
            theirs.close()
            calls, took, owner, worker, limit = ours.recv()
            process.join()
            size = path.stat().st_size / 1e6
            print(f"{name:6} {size:6,.0f} MB  {calls:9,} calls in {took:6.1f} s", end="  ")
            print(
                f"owner {owner:6,.0f} MB + worker {worker:5,.0f} MB (memory_limit {limit} + {ALLOWED_MB} MB)",
                flush=True,
            )


if __name__ == "__main__":
    main()
