"""OTLP: spans accepted and loaded per second, acknowledgement times, disk per 100 k calls; on a real server.

Targets: 100 k spans/s accepted with 8 exporters, ack p99 ≤ 5 ms with one, 20 k spans loaded per CPU-second,
60 MB per 100 k calls. The senders share the machine's cores with the server: accepted rates are lower bounds. What the
server does once, when its worker starts and its memory grows to what a batch takes, is told apart.
"""

import gzip
import http.client
import random
import tempfile
import threading
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.serving import Serving

SPANS = 512
FIRST = 70  # bodies: more than a batch holds
# Loading alone is measured: scoring and embedding what was loaded would be counted with it.
SETTINGS = """
[scoring]
off = [
    "cut", "empty", "injection", "language", "pii", "refusal", "relevance", "retrieval", "toxicity", "ungrounded",
]
[embedding]
lookback = "1s"
"""
STEMS = ("pack", "route", "claim", "order", "ship", "refund", "signal", "driver", "invoice", "meter", "label", "parcel")
WORDS = [stem + end for stem in STEMS for end in ("", "s", "ed", "ing", "er")]


def _text(chance: random.Random, median: float) -> str:
    return " ".join(chance.choices(WORDS, k=max(1, int(chance.lognormvariate(0, 0.5) * median / 7))))


def _value(value: str | float) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)


def body(seed: int, spans: int = SPANS) -> bytes:
    """One gzipped export request of `spans` chat spans with 18 attributes and about 1.3 kB of text each."""
    chance = random.Random(seed)
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.append(KeyValue(key="service.name", value=_value("bench")))
    scope = group.scope_spans.add()
    scope.scope.name, scope.scope.version = "opentelemetry.instrumentation.openai_v2", "2.4b0"
    now = time.time_ns()
    for _ in range(spans):
        span = scope.spans.add(trace_id=chance.randbytes(16), span_id=chance.randbytes(8), name="chat gpt-4o", kind=3,
                               start_time_unix_nano=now - chance.randrange(10**9), end_time_unix_nano=now)  # fmt: skip
        for key, value in _attributes(chance).items():
            span.attributes.append(KeyValue(key=key, value=_value(value)))
    return gzip.compress(request.SerializeToString(), 1)


def _attributes(chance: random.Random) -> dict[str, str | int | float]:
    asked, answered = _text(chance, 270), _text(chance, 1080)
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.response.id": f"chatcmpl-{chance.randbytes(12).hex()}",
        "gen_ai.usage.input_tokens": chance.randrange(20, 4000), "gen_ai.usage.output_tokens": chance.randrange(5, 900),
        "gen_ai.usage.cache_read.input_tokens": 0, "gen_ai.request.temperature": 0.2, "gen_ai.request.max_tokens": 900,
        "gen_ai.conversation.id": f"s{chance.randrange(5000)}", "user.id": f"u{chance.randrange(900)}",
        "server.address": "api.openai.com", "server.port": 443, "gen_ai.output.type": "text", "tenant": "acme",
        "gen_ai.input.messages": f'[{{"role":"user","parts":[{{"type":"text","content":"{asked}"}}]}}]',
        "gen_ai.output.messages":
            f'[{{"role":"assistant","parts":[{{"type":"text","content":"{answered}"}}],"finish_reason":"stop"}}]',
    }  # fmt: skip


def send(port: int, bodies: list[bytes], acks: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
    for data in bodies:
        begun = time.perf_counter()
        connection.request("POST", "/v1/traces", data, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"the server answered {answer.status}")
        acks.append((time.perf_counter() - begun) * 1000)


def _accepted(port: int, bodies: list[bytes], exporters: int) -> tuple[float, list[float]]:
    acks: list[float] = []
    threads = [threading.Thread(target=send, args=[port, bodies[n::exporters], acks]) for n in range(exporters)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(bodies) * SPANS / (time.perf_counter() - begun), sorted(acks)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children so far."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if path.parent.name == str(pid) or fields[1] == str(pid):
            total += (int(fields[11]) + int(fields[12])) / 100
    return total


def main() -> None:
    first, pool = [body(seed) for seed in range(1000, 1000 + FIRST)], [body(seed) for seed in range(280)]
    with tempfile.TemporaryDirectory() as folder:
        server = Serving(Path(folder), settings=SETTINGS)
        server.start()
        assert server.process is not None
        pid = server.process.pid
        before = cpu_s(pid)
        _accepted(server.port, first, 1)
        server.settle(600)
        print(f"the first batch: {FIRST * SPANS / (cpu_s(pid) - before):,.0f} spans per CPU-second, starting included")
        before = cpu_s(pid)
        _, acks = _accepted(server.port, pool[:40], 1)
        print(f"ack, one exporter: p50 {acks[len(acks) // 2]:.1f} ms, p99 {acks[int(len(acks) * 0.99)]:.1f} ms (≤ 5)")
        rate, acks = _accepted(server.port, pool[40:240], 8)
        print(f"accepted, 8 exporters: {rate:,.0f} spans/s (≥ 100,000); p99 {acks[int(len(acks) * 0.99)]:.1f} ms")
        begun = time.perf_counter()
        _, acks = _accepted(server.port, pool[240:], 1)
        print(f"ack, one exporter beside a backlog that is loaded: p50 {acks[len(acks) // 2]:.1f} ms, "
              f"p99 {acks[int(len(acks) * 0.99)]:.1f} ms")  # fmt: skip
        server.settle(600)
        loaded = len(pool) * SPANS
        print(f"loaded: {loaded / (cpu_s(pid) - before):,.0f} spans per CPU-second (≥ 20,000), "
              f"{time.perf_counter() - begun:.1f} s after the last ack")  # fmt: skip
        server.stop()
        megabytes = server.database.stat().st_size / 1e6
        stored = loaded + FIRST * SPANS
        print(f"disk: {megabytes / stored * 100_000:.1f} MB per 100 k calls with text (≤ 60), spans kept beside them")


if __name__ == "__main__":
    main()
