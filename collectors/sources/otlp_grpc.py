"""OTLP over gRPC: the same promise as over HTTP — envelope checked, journalled, then acknowledged.

Messages are handed on as bytes: what arrives is what the journal keeps.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import time_ns

import grpc
from pydantic import SecretStr

from collectors.sources.otlp_http import OtlpSettings, admitted, success
from collectors.spans.envelope import Envelope, checked
from store.errors import FormatError, LeewayError
from store.journal import Frame, Journal, Signal

log = logging.getLogger(__name__)

STOP_S = 1.0
SERVICES = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
Export = Callable[[bytes, "grpc.aio.ServicerContext"], Awaitable[bytes]]


@asynccontextmanager
async def listening(
    host: str, port: int, journal: Callable[[], Journal], settings: OtlpSettings, token: SecretStr | None
) -> AsyncIterator[None]:
    """Serve the three export services while the block runs. A port that is taken is logged, not fatal."""
    limits = [("grpc.max_receive_message_length", settings.max_decoded_bytes), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=limits, compression=grpc.Compression.NoCompression)
    server.add_generic_rpc_handlers([_service(signal, journal, token) for signal in Signal])
    try:
        server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError:
        log.warning("port %s is in use: OTLP is taken over HTTP only", port)
        yield
        return
    await server.start()
    try:
        yield
    finally:
        await server.stop(STOP_S)


def _service(signal: Signal, journal: Callable[[], Journal], token: SecretStr | None) -> grpc.GenericRpcHandler:
    handler = grpc.unary_unary_rpc_method_handler(_export(signal, journal, token))
    return grpc.method_handlers_generic_handler(SERVICES[signal], {"Export": handler})


def _export(signal: Signal, journal: Callable[[], Journal], token: SecretStr | None) -> Export:
    async def export(body: bytes, context: grpc.aio.ServicerContext) -> bytes:
        said = {key.lower(): str(value) for key, value in context.invocation_metadata() or ()}
        if token is not None and not admitted(said.get("authorization", ""), token.get_secret_value()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "show the ingest token: authorization: Bearer …")
        try:
            envelope = checked(body, signal, is_json=False)
        except FormatError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        await _kept(body, signal, envelope, journal, said.get("user-agent", ""), context)
        return success(signal, envelope, is_json=False)

    return export


async def _kept(
    body: bytes, signal: Signal, envelope: Envelope, journal: Callable[[], Journal], agent: str,
    context: grpc.aio.ServicerContext,
) -> None:  # fmt: skip
    if not envelope.records:
        return
    source = f"grpc {agent}"[:200].rstrip()
    frame = Frame(signal=signal, encoding=0, received_at_ns=time_ns(), source=source, body=body)
    try:
        await asyncio.wrap_future(journal().append(frame))
    except LeewayError as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
