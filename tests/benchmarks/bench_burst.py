"""OTLP under stress: memory while a burst is taken in and loaded; what a span costs when much is stored already.

Targets: memory bounded (memory_limit and 500 MB beside the workers) on 1 M spans; cost per span flat from 0.1 to 10 M.
`BURST_SPANS` and `STORED_CALLS` (comma separated) make it smaller.
"""

import gzip
import os
import random
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.batch import read_frames
from collectors.load import keep
from leeway.workers import Inline
from store.connection import Store, StoreSettings
from store.journal import GZIP, Frame, Signal
from tests.benchmarks.bench_otlp import SETTINGS, SPANS, body, send
from tests.serving import Serving

# Calls of sixty days with their spans, as many rows a second as it takes.
FILL_CALLS_SQL = """
    INSERT INTO data.calls BY NAME
    SELECT 'old:' || i AS call_id, 'otlp/old' AS source, now()::TIMESTAMP AS ingested_at,
        $now::TIMESTAMP - to_milliseconds(($n - i) * 5184000000 // $n) AS event_time, 'exact' AS time_quality,
        event_time AS started_at, event_time + INTERVAL 1 SECOND AS ended_at, 'ok' AS status, 'chat' AS operation,
        'bench' AS service, 'provider' AS tokens_origin, 'full' AS content_state, md5(i::VARCHAR) AS trace_id,
        md5(i::VARCHAR)[:16] AS span_id, 'chatcmpl-' || md5(i::VARCHAR) AS response_id, []::VARCHAR[] AS problems
    FROM range($n) AS r(i)
"""
FILL_SPANS_SQL = """
    INSERT INTO data.spans BY NAME
    SELECT trace_id, span_id, 'chat' AS name, 'llm' AS kind, event_time, epoch_ns(event_time) AS start_ns,
        epoch_ns(ended_at) AS end_ns, 0 AS status_code, service, '{}' AS attributes, ingested_at
    FROM data.calls
"""


def renewed(packed: bytes, chance: random.Random) -> bytes:
    """The same request with other ids."""
    request = ExportTraceServiceRequest.FromString(gzip.decompress(packed))
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.trace_id, span.span_id = chance.randbytes(16), chance.randbytes(8)
        for pair in span.attributes:
            if pair.key == "gen_ai.response.id":
                pair.value.string_value = f"chatcmpl-{chance.randbytes(12).hex()}"
    return gzip.compress(request.SerializeToString(), 1)


def _resident(pid: int) -> dict[str, float]:
    """MB of memory: the server's, its children's together."""
    found = {"server": 0.0, "workers": 0.0}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
            status = (path.parent / "status").read_text()
        except OSError:
            continue
        if path.parent.name == str(pid) or parent == str(pid):
            whose = "server" if path.parent.name == str(pid) else "workers"
            found[whose] += int(status.partition("VmRSS:")[2].split()[0]) / 1000
    return found


def burst(spans: int) -> None:
    chance = random.Random(1)
    pool = [body(seed) for seed in range(8)]
    with tempfile.TemporaryDirectory() as folder:
        server = Serving(Path(folder), settings=SETTINGS)
        server.start()
        assert server.process is not None
        peak = before = _resident(server.process.pid)
        sent = threading.Event()

        def exporter() -> None:
            for number in range(spans // SPANS):
                send(server.port, [renewed(pool[number % len(pool)], chance)], [])
            sent.set()

        begun = time.perf_counter()
        threading.Thread(target=exporter).start()
        while not sent.wait(0.2) or server.health()["backlog_bytes"]:
            now = _resident(server.process.pid)
            peak = {whose: max(peak[whose], now[whose]) for whose in peak}
        took = time.perf_counter() - begun
        print(f"burst of {spans:,} spans, loaded after {took:.0f} s; resident at most: server {peak['server']:,.0f} MB "
              f"(idle {before['server']:,.0f}), workers {peak['workers']:,.0f} MB")  # fmt: skip
        server.stop()


def flat(stored: int) -> float:
    """Microseconds of CPU that storing a span costs on top of `stored` calls with their spans."""
    now = datetime.now(UTC)
    frames = [
        Frame(signal=Signal.TRACES, encoding=GZIP, received_at_ns=0, source="/v1/traces", body=body(seed))
        for seed in range(40)
    ]
    batch = read_frames(frames, now)
    with tempfile.TemporaryDirectory() as folder, Store(StoreSettings(path=Path(folder) / "x.duckdb")) as store:
        with store.transaction() as tx:
            tx.execute(FILL_CALLS_SQL, {"n": stored, "now": now})
            tx.execute(FILL_SPANS_SQL)
        store.checkpoint()
        begun = time.process_time()
        keep(store, Inline(), batch, now=now, source_id=None)
        return (time.process_time() - begun) / batch.spans.num_rows * 1e6


def main() -> None:
    for stored in map(int, os.environ.get("STORED_CALLS", "100000,1000000,10000000").split(",")):
        print(f"storing a span beside {stored:,} stored calls and spans: {flat(stored):.1f} us of CPU (flat)")
    burst(int(os.environ.get("BURST_SPANS", "1000000")))


if __name__ == "__main__":
    main()
