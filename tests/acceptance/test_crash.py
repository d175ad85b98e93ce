"""Killed at random moments, the server loses nothing it has acknowledged and counts nothing twice.

`LEEWAY_CRASH_ROUNDS=25 pytest tests/acceptance/test_crash.py` makes more rounds. Every round prints its seed's moment.
"""

import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROUNDS = int(os.environ.get("LEEWAY_CRASH_ROUNDS", "5"))
SPANS, LINES = 20, 400
START = datetime(2026, 11, 1, tzinfo=UTC)


class Exporting(threading.Thread):
    """Send batches with the official exporter; a batch that was not acknowledged is sent again, as clients do."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.stop = threading.Event()
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self._memory = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._memory))
        self._tracer = provider.get_tracer("opentelemetry.instrumentation.genai.openai", "1.3")
        self._numbers = itertools.count()

    def run(self) -> None:
        while not self.stop.is_set():
            ids, spans = self._batch()
            self.sent |= ids
            while not self.stop.is_set():
                exporter = OTLPSpanExporter(endpoint=f"{self.url}/v1/traces", timeout=3)
                if exporter.export(spans) is SpanExportResult.SUCCESS:
                    self.acknowledged |= ids
                    break
                time.sleep(0.05)

    def _batch(self) -> tuple[set[str], list[ReadableSpan]]:
        self._memory.clear()
        ids = {f"chatcmpl-otlp{next(self._numbers):08d}" for _ in range(SPANS)}
        for response_id in ids:
            with self._tracer.start_as_current_span("chat gpt-4o") as span:
                span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                                     "gen_ai.request.model": "gpt-4o", "gen_ai.response.id": response_id,
                                     "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5})  # fmt: skip
        return ids, list(self._memory.get_finished_spans())


class Uploading(threading.Thread):
    """Upload files of our own JSONL; one that was not acknowledged is uploaded again."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.stop = threading.Event()
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        for number in itertools.count():
            ids = [f"file{number}-{line}" for line in range(LINES)]
            body = "".join(json.dumps(self._call(i, n)) + "\n" for n, i in enumerate(ids)).encode()
            while not self.stop.is_set():
                if self._uploaded(f"calls{number}.jsonl", body):
                    self.acknowledged |= set(ids)
                    break
                time.sleep(0.05)
            if self.stop.is_set():
                return

    def _uploaded(self, name: str, body: bytes) -> bool:
        try:
            answer = httpx.post(f"{self.url}/api/ingest", params={"name": name}, content=body, timeout=20)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    @staticmethod
    def _call(call_id: str, n: int) -> dict[str, object]:
        at = (START + timedelta(seconds=n)).isoformat()
        return {"call_id": call_id, "started_at": at, "request_model": "gpt-4o", "input_tokens": 7, "status": "ok"}


def test_no_acknowledged_call_is_lost_and_none_is_stored_twice(serving):
    server = serving()
    seed = int(os.environ.get("LEEWAY_CRASH_SEED", "7"))
    chance = random.Random(seed)
    exporting, uploading = Exporting(server.url), Uploading(server.url)
    exporting.start()
    uploading.start()
    for number in range(ROUNDS):
        moment = chance.uniform(0.05, 1.5)
        time.sleep(moment)
        server.kill()
        print(f"round {number} of seed {seed}: killed after {moment:.2f} s, {len(exporting.acknowledged)} acknowledged")  # noqa: T201 - shown when it fails
        server.start()
    time.sleep(1)
    until = time.monotonic() + 60  # where every start is slow, no upload may have come through between two kills
    while not (exporting.acknowledged and uploading.acknowledged) and time.monotonic() < until:
        time.sleep(0.1)
    exporting.stop.set()
    uploading.stop.set()
    exporting.join(30)
    uploading.join(60)
    server.settle()

    calls = server.calls()
    stored = Counter(call.get("response_id") or call["call_id"] for call in calls)
    assert exporting.acknowledged
    assert uploading.acknowledged
    assert exporting.acknowledged - set(stored) == set()
    assert uploading.acknowledged - set(stored) == set()
    assert {name: times for name, times in stored.items() if times > 1} == {}


def test_sigterm_ends_within_five_seconds_and_a_restart_goes_on(serving):
    server = serving()
    exporting = Exporting(server.url)
    exporting.start()
    time.sleep(1.5)
    begun = time.monotonic()
    server.stop()
    took = time.monotonic() - begun
    server.start()
    exporting.stop.set()
    exporting.join(30)
    server.settle()
    assert took < 5
    stored = Counter(call["response_id"] for call in server.calls())
    assert exporting.acknowledged <= set(stored)
    assert max(stored.values()) == 1
