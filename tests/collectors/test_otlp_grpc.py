"""OTLP over gRPC with the official exporter."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from collectors.sources.otlp_grpc import SERVICES, listening
from collectors.sources.otlp_http import OtlpSettings
from store.journal import Journal, JournalSettings, Position, Signal
from tests.serving import free_port

START = Position(0, 0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(JournalSettings(folder=tmp_path, max_backlog_bytes=10_000), START)
    yield opened
    opened.close()


def spans() -> list[ReadableSpan]:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("t").start_as_current_span("chat gpt-4o"):
        pass
    return list(memory.get_finished_spans())


def served(journal: Journal, act, *, token: str | None = None, port: int | None = None):
    """Run `act(port)` in a thread while the receiver listens."""
    port = port or free_port()

    async def run() -> Any:
        shown = SecretStr(token) if token else None
        async with listening("127.0.0.1", port, lambda: journal, OtlpSettings(), shown):
            return await asyncio.to_thread(act, port)

    return asyncio.run(run())


def export(port: int, **headers: str) -> SpanExportResult:
    exporter = OTLPSpanExporter(endpoint=f"127.0.0.1:{port}", insecure=True, headers=headers, timeout=2)
    try:
        return exporter.export(spans())
    finally:
        exporter.shutdown()


def raw(port: int, body: bytes) -> grpc.StatusCode:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary(f"/{SERVICES[Signal.TRACES]}/Export")(body, timeout=10)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_what_the_exporter_sends_is_journalled_before_it_is_acknowledged(journal: Journal):
    assert served(journal, export) is SpanExportResult.SUCCESS
    (frame,), _ = journal.read(START, 10**6)
    request = ExportTraceServiceRequest.FromString(frame.body)
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "chat gpt-4o"


def test_an_empty_request_is_a_success_and_leaves_no_frame(journal: Journal):
    assert served(journal, lambda port: raw(port, b"")) is grpc.StatusCode.OK
    assert journal.read(START, 10**6)[0] == []


def test_what_is_no_telemetry_is_an_invalid_argument(journal: Journal):
    assert served(journal, lambda port: raw(port, b"\xff\xff\xff")) is grpc.StatusCode.INVALID_ARGUMENT


def test_a_full_backlog_tells_the_client_to_come_back(journal: Journal):
    body = ExportTraceServiceRequest()
    body.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="x" * 20_000)

    def twice(port: int) -> list[grpc.StatusCode]:
        return [raw(port, body.SerializeToString()) for _ in range(2)]

    assert served(journal, twice) == [grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE]


def test_the_token_is_asked_for_where_one_is_set(journal: Journal):
    assert served(journal, export, token="s3cret") is SpanExportResult.FAILURE
    shown = served(journal, lambda port: export(port, authorization="Bearer s3cret"), token="s3cret")
    assert shown is SpanExportResult.SUCCESS


def test_a_port_that_is_taken_stops_nothing(journal: Journal):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert served(journal, lambda _: "went on", port=taken.getsockname()[1]) == "went on"
