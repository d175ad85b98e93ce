"""Does a row cost more to load the more is stored? CPU per row of a file of own lines and of one of pairs.

`python -m tests.benchmarks growth`; LEEWAY_BENCH_STORED lists how many calls are there before (0.1 M to 10 M).
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

from collectors.ingest import ingest
from leeway.workers import Inline
from store.connection import Store, StoreSettings
from tests.benchmarks.bench_jsonl import NOW, START, lines
from tests.benchmarks.bench_memory import exchanges

STORED = [int(n) for n in os.environ.get("LEEWAY_BENCH_STORED", "100_000,1_000_000,10_000_000").split(",")]
ROWS = 40_000
# As many calls, over the sixty days before and during the files' own hours, as are asked for.
FILL_SQL = """
    INSERT INTO data.calls BY NAME
    SELECT 'stored-' || i AS call_id, 'bench' AS source, moment AS ingested_at, moment AS event_time,
        'exact' AS time_quality, moment AS started_at, 200.0 AS latency_ms, 'ok' AS status, 'chat' AS operation,
        'openai' AS provider, 'gpt-4o' AS model, 100 AS input_tokens, 10 AS output_tokens, 'provider' AS tokens_origin,
        'absent' AS content_state
    FROM (SELECT i, $start + to_microseconds(i * $step) AS moment FROM range($stored) AS r(i))
"""


def filled(store: Store, stored: int) -> None:
    with store.transaction() as tx:
        step = timedelta(days=61) // stored // timedelta(microseconds=1)
        tx.execute(FILL_SQL, {"start": START - timedelta(days=60), "step": step, "stored": stored})
    store.checkpoint()


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    for name, found in (("own", lines(random.Random(7), 0, ROWS)), ("pairs", islice(exchanges(), ROWS))):
        path = folder / f"{name}.jsonl"
        path.write_bytes(b"\n".join(found) + b"\n")
        yield name, path


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = list(files(folder))
        for stored in STORED:
            with Store(StoreSettings(path=folder / f"{stored}.duckdb")) as store:
                filled(store, stored)
                for name, path in made:
                    begun = time.process_time()
                    report = ingest(store, path, executor=Inline(), now=NOW)
                    took = time.process_time() - begun
                    assert report.calls == ROWS
                    print(f"{stored:11,} stored  {name:6} {took / ROWS * 1e6:7.1f} µs of CPU a row", flush=True)


if __name__ == "__main__":
    main()
