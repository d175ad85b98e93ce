"""OTLP, protobuf and JSON, turned into spans and log records.

Both encodings give the same values: ids in lower hex, bytes as base64 text, integers as integers of any size that
fits 64 bits (text beyond), an empty AnyValue as None.
"""

import json
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from isal import isal_zlib
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.spans.columns import everything
from collectors.spans.decoded import BAD_RECORD, Decoded, known_time
from collectors.spans.otlp_json import decode_json
from collectors.spans.set_apart import set_apart
from collectors.spans.values import attributes, resource_of, value
from collectors.spans.wire import read_spans
from store.errors import FormatError
from store.journal import GZIP, JSON, Signal
from store.model import LogRecord

MESSAGES: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
KEYS = {Signal.TRACES: "resourceSpans", Signal.LOGS: "resourceLogs", Signal.METRICS: "resourceMetrics"}
MAX_RATIO = 200  # a body that unpacks to more than this many times its size is a bomb
RATIO_FREE = 1 << 20  # … but not below this size: short runs of one character are honest


class TooLarge(FormatError):  # noqa: N818 - reads as what happened
    """The body is larger than allowed, packed or unpacked."""


def unpacked(body: bytes, max_bytes: int) -> bytes:
    """Gunzip with a cap. Raises TooLarge at `max_bytes`, FormatError when it is no gzip. ISA-L takes half of zlib's."""
    reader = isal_zlib.decompressobj(31)
    parts, size = [], 0
    try:
        while body and not reader.eof:
            part = reader.decompress(body, max_bytes - size + 1)
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise TooLarge(f"unpacks to more than {max_bytes:,} bytes: send smaller batches")
            body = reader.unconsumed_tail
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub takes the class for an instance
        raise FormatError(f"not gzip ({error}): check Content-Encoding") from error
    if not reader.eof:
        raise FormatError("the gzip stream ends early: the body was cut off")
    return b"".join(parts)


def suspicious(packed: int, size: int) -> bool:
    """Whether `packed` bytes that became `size` look like a decompression bomb."""
    return size > RATIO_FREE and size > packed * MAX_RATIO


def parsed(body: bytes, signal: Signal, *, is_json: bool) -> Any:
    """Return the envelope: a protobuf message or a dict. Raises FormatError when it is neither."""
    if is_json:
        return parsed_json(body)
    try:
        return MESSAGES[signal].FromString(body)
    except DecodeError as error:
        raise FormatError(f"not an OTLP {signal.name.lower()} request in protobuf: {error}") from error


def parsed_json(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = _lenient(body)
    except RecursionError as error:
        raise FormatError("not OTLP/JSON: it is nested too deeply") from error
    if not isinstance(value, dict):
        raise FormatError("not an OTLP/JSON request: the body is not an object")
    return value


def _lenient(body: bytes) -> Any:
    """Read what strict readers refuse: NaN literals, lone surrogates, bytes that are no UTF-8 (replaced)."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not JSON: {error}") from error


def decode(body: bytes, signal: Signal, encoding: int, *, max_bytes: int) -> Decoded:
    """Read one request body as the journal keeps it. Raises FormatError. Metrics hold no calls: nothing is read."""
    if signal == Signal.METRICS:
        return Decoded([], [])
    if encoding & GZIP and body:
        body = unpacked(body, max_bytes)
    try:
        return _decoded(body, signal, is_json=bool(encoding & JSON))
    except BAD_RECORD as error:
        raise FormatError(f"not OTLP: {type(error).__name__}: {error}") from error


def _decoded(body: bytes, signal: Signal, *, is_json: bool) -> Decoded:
    if is_json:
        return decode_json(parsed_json(body))
    if signal == Signal.LOGS:
        return protobuf_logs(parsed(body, signal, is_json=False))
    told, [bad] = read_spans([body])
    return Decoded(told.spans(everything(told.columns)), [], bad)


def _parent(raw: bytes) -> str | None:
    return raw.hex() if any(raw) else None


def protobuf_logs(message: Any) -> Decoded:
    found = Decoded([], [])
    for of_resource in message.resource_logs:
        resource = resource_of(of_resource.resource.SerializeToString())
        for of_scope in of_resource.scope_logs:
            scope = of_scope.scope
            for record in of_scope.log_records:
                told = attributes(record.attributes)
                found.logs.append(
                    LogRecord(
                        trace_id=_parent(record.trace_id) or "",
                        span_id=_parent(record.span_id) or "",
                        event_name=record.event_name or str(told.get("event.name") or ""),
                        time_ns=known_time(record.time_unix_nano or record.observed_time_unix_nano),
                        body=value(record.body),
                        attributes=told,
                        scope_name=scope.name,
                        scope_version=scope.version,
                        resource=resource,
                    )
                )
    return set_apart(found)
