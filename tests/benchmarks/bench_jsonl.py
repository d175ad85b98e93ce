"""Own JSON lines against DuckDB's own read_json → INSERT of the same file, and what bad lines cost.

Run with `python -m tests.benchmarks jsonl`; LEEWAY_BENCH_LINES sets another number of calls. Both take turns, and the
best round of each counts: what else the machine does falls on either.
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import orjson

from collectors.ingest import ingest
from leeway.workers import Workers
from store.calls import COLUMNS, JSON_COLUMNS, SCHEMA
from store.connection import Store, StoreSettings

LINES = int(os.environ.get("LEEWAY_BENCH_LINES", "1_000_000"))
BAD_EVERY = 1_000
ROUNDS = int(os.environ.get("LEEWAY_BENCH_ROUNDS", "3"))
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
BAD = (b'{"call_id": "cut off', b"not json at all", b'["a list"]', b'{"call_id": "\xff\xfe"}')
TIMES = frozenset(field.name for field in SCHEMA if str(field.type).startswith("timestamp"))
MAX_OBJECT_BYTES = 8 << 20
WORDS = [f"word{n}" for n in range(5_000)]


# Times are read as text and then cast: read as TIMESTAMP, an offset would be dropped.
TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "list<item: string>": "VARCHAR[]",
}
NAMED = "coalesce(nullif(response_model, ''), request_model)"
FILLED = {
    "event_time": "coalesce(event_time, started_at)::TIMESTAMP",
    "source": "coalesce(source, 'leeway')",
    "operation": "coalesce(operation, 'chat')",
    "time_quality": "coalesce(time_quality, 'exact')",
    "model": f"coalesce(model, nullif(regexp_extract({NAMED}, '[^/]*$'), ''), nullif({NAMED}, ''))",
    "latency_ms": "coalesce(latency_ms, CASE WHEN ended_at::TIMESTAMP >= started_at::TIMESTAMP THEN "
                  "date_diff('us', started_at::TIMESTAMP, ended_at::TIMESTAMP) / 1000 END)",
    "status": "coalesce(status, CASE WHEN error_type IS NOT NULL OR http_status >= 400 THEN 'error' "
              "WHEN output_text IS NOT NULL OR output_tokens IS NOT NULL OR finish_reason IS NOT NULL "
              "OR http_status IS NOT NULL THEN 'ok' ELSE 'unknown' END)",
    "tokens_origin": "coalesce(tokens_origin, CASE WHEN input_tokens IS NOT NULL OR output_tokens IS NOT NULL "
                     "THEN 'provider' ELSE 'none' END)",
    "content_state": "coalesce(content_state, CASE WHEN coalesce(system_text, input_text, input_messages::VARCHAR, "
                     "output_text, output_messages::VARCHAR) IS NOT NULL THEN 'full' ELSE 'absent' END)",
    "reported_cost_usd": "coalesce(reported_cost_usd, CASE WHEN coalesce(cost_status, 'reported') = 'reported' "
                         "THEN cost_usd END)",
    "problems": "coalesce(problems, [])",
}  # fmt: skip
BESIDE = {"cost_usd": "DOUBLE", "cost_status": "VARCHAR", "ingested_at": "VARCHAR"}


def _type(name: str) -> str:
    if name in JSON_COLUMNS:
        return "JSON"
    return "VARCHAR" if name in TIMES else TYPES[str(SCHEMA.field(name).type)]


def _value(name: str) -> str:
    if name in FILLED:
        return f"{FILLED[name]} AS {name}"
    if name in TIMES:
        return f"{name}::TIMESTAMP AS {name}"
    return f"{name}::VARCHAR AS {name}" if name in JSON_COLUMNS else name


READ_COLUMNS = ", ".join(f"{name}: '{kind}'" for name, kind in {**{n: _type(n) for n in COLUMNS}, **BESIDE}.items())
READ_SQL = f"read_json($path, format = 'newline_delimited', maximum_object_size = {MAX_OBJECT_BYTES}, columns = {{{READ_COLUMNS}}})"  # noqa: E501
CALLS_SQL = ", ".join(_value(name) for name in COLUMNS)


def lines(rng: random.Random, bad_every: int, count: int) -> Iterator[bytes]:
    texts = [" ".join(rng.choices(WORDS, k=120)) for _ in range(2_000)]
    for number in range(count):
        if bad_every and number % bad_every == 1:
            yield BAD[number // bad_every % len(BAD)]
        started = START + timedelta(milliseconds=number * 500)
        yield orjson.dumps({
            "call_id": f"resp:chatcmpl-{number:032x}", "source": "bench", "event_time": started, "started_at": started,
            "latency_ms": rng.lognormvariate(6, 0.6), "ttft_ms": rng.lognormvariate(5, 0.4), "stream": True,
            "status": "ok", "operation": "chat", "provider": "openai", "request_model": "gpt-4o-mini",
            "response_model": "gpt-4o-mini-2024-07-18", "input_tokens": rng.randrange(10, 4_000),
            "output_tokens": rng.randrange(1, 900), "cache_read_tokens": 0, "finish_reason": "stop",
            "input_text": rng.choice(texts) + str(number), "output_text": rng.choice(texts),
            "user_id": f"u{number % 900}", "session_id": f"s{number // 6}", "metadata": {"n": number},
        }, option=orjson.OPT_UTC_Z)  # fmt: skip


def write(path: Path, bad_every: int) -> float:
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines(random.Random(7), bad_every, LINES))
    return path.stat().st_size / 1e6


def plain(folder: Path, path: Path) -> float:
    """DuckDB alone, into the same table with the same settings; a bad line would stop it."""
    with Store(StoreSettings(path=folder / "plain.duckdb")) as store:
        settings = store.settings
    connection = duckdb.connect(
        str(settings.path), config={"memory_limit": settings.memory_limit, "threads": settings.threads}
    )
    begun = time.perf_counter()
    connection.execute(
        f"INSERT INTO data.calls BY NAME SELECT {CALLS_SQL}, now()::TIMESTAMP AS ingested_at FROM {READ_SQL}",  # noqa: S608
        {"path": str(path)},
    )
    took = time.perf_counter() - begun
    connection.close()
    return took


def ours(folder: Path, path: Path, executor: Workers) -> tuple[float, str]:
    with Store(StoreSettings(path=folder / "ours.duckdb")) as store:
        begun = time.perf_counter()
        report = ingest(store, path, executor=executor, now=NOW)
        return time.perf_counter() - begun, f"{report.calls:,} calls, {report.rejects:,} rejects"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch, closing(Workers(max_workers=1)) as workers:
        folder = Path(scratch)
        clean, bad = folder / "clean.jsonl", folder / "bad.jsonl"
        size = write(clean, 0)
        write(bad, BAD_EVERY)
        workers.submit(len, ()).result()  # as in a server, it is awake
        print(f"{LINES:,} calls, {size:,.0f} MB")
        theirs: list[float] = []
        took: dict[str, list[tuple[float, str]]] = {"clean": [], "one bad line in a thousand": []}
        for number in range(ROUNDS):
            theirs.append(plain(_room(folder, f"{number}-plain"), clean))
            for name, path in zip(took, (clean, bad), strict=True):
                took[name].append(ours(_room(folder, f"{number}-{path.stem}"), path, workers))
        base = min(theirs)
        print(f"DuckDB read_json → INSERT   {base:6.2f} s  {LINES / base:9,.0f} rows/s")
        for name, rounds in took.items():
            best, said = min(rounds)
            print(f"ours, {name:21} {best:6.2f} s  {LINES / best:9,.0f} rows/s  ratio {base / best:.2f}x  ({said})")


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir()
    return room
