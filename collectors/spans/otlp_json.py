"""OTLP/JSON: one object of spans, log records or both, with the liberties that real senders take."""

import base64
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from collectors.spans.decoded import BAD_RECORD, INT64, Decoded, known_time
from collectors.spans.set_apart import set_apart
from store.model import LogRecord, Span, SpanEvent

STATUS_CODES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
KNOWN_CODES = (0, 1, 2)
HEX = re.compile(r"[0-9a-fA-F]*\Z")


def decode_json(obj: dict[str, Any]) -> Decoded:
    """Read one OTLP/JSON object (a request body, a line of a file exporter's file)."""
    found = Decoded([], [])
    for resource, scope, spans in _scoped(obj, "resourceSpans", "scopeSpans", "spans"):
        for span in spans:
            _collect(found, found.spans, partial(_json_span, span, scope, resource))
    for resource, scope, records in _scoped(obj, "resourceLogs", "scopeLogs", "logRecords"):
        for record in records:
            _collect(found, found.logs, partial(_json_log, record, scope, resource))
    return set_apart(found)


def _collect(found: Decoded, into: list[Any], read: Callable[[], Any]) -> None:
    try:
        into.append(read())
    except BAD_RECORD:
        found.bad += 1


def _scoped(
    obj: dict[str, Any], resources: str, scopes: str, items: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[Any]]]:
    for of_resource in obj.get(resources) or ():
        resource = _json_attributes((of_resource.get("resource") or {}).get("attributes"))
        for of_scope in of_resource.get(scopes) or ():
            yield resource, of_scope.get("scope") or {}, of_scope.get(items) or []


def json_id(text: Any, size: int) -> str:
    """Return an id of `size` bytes as lower hex, "" when absent or zero.

    Accepts hex (the rule) and base64 (what a stock protobuf printer writes). Raises ValueError for anything else.
    """
    if not text:
        return ""
    if len(text) == 2 * size and HEX.match(text):
        found: str = text.lower()
    else:
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError as error:  # no base64, or no ASCII
            raise ValueError(f"not an id: {text!r}") from error
        if len(raw) != size:
            raise ValueError(f"not an id of {size} bytes: {text!r}")
        found = raw.hex()
    return found if found.strip("0") else ""


def _json_span(span: dict[str, Any], scope: dict[str, Any], resource: dict[str, Any]) -> Span:
    status = span.get("status") or {}
    trace_id, span_id = json_id(span.get("traceId"), 16), json_id(span.get("spanId"), 8)
    if not trace_id or not span_id:
        raise ValueError("a span without ids")
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=json_id(span.get("parentSpanId"), 8) or None,
        name=str(span.get("name") or ""),
        start_ns=_json_time(span.get("startTimeUnixNano")),
        end_ns=_json_time(span.get("endTimeUnixNano")),
        status_code=_status_code(status.get("code")),
        status_message=str(status["message"]) if status.get("message") else None,
        attributes=_json_attributes(span.get("attributes")),
        events=tuple(_json_event(e) for e in span.get("events") or ()),
        scope_name=str(scope.get("name") or ""),
        scope_version=str(scope.get("version") or ""),
        resource=resource,
    )


def _status_code(code: Any) -> int:
    number = STATUS_CODES[code] if isinstance(code, str) and code in STATUS_CODES else int(code or 0)
    return number if number in KNOWN_CODES else 0


def _json_event(event: dict[str, Any]) -> SpanEvent:
    return SpanEvent(
        name=str(event.get("name") or ""),
        time_ns=_json_time(event.get("timeUnixNano")),
        attributes=_json_attributes(event.get("attributes")),
    )


def _json_log(record: dict[str, Any], scope: dict[str, Any], resource: dict[str, Any]) -> LogRecord:
    attributes = _json_attributes(record.get("attributes"))
    return LogRecord(
        trace_id=json_id(record.get("traceId"), 16),
        span_id=json_id(record.get("spanId"), 8),
        event_name=str(record.get("eventName") or attributes.get("event.name") or ""),
        time_ns=_json_time(record.get("timeUnixNano")) or _json_time(record.get("observedTimeUnixNano")),
        body=_json_value(record.get("body") or {}),
        attributes=attributes,
        scope_name=str(scope.get("name") or ""),
        scope_version=str(scope.get("version") or ""),
        resource=resource,
    )


def _json_time(ns: Any) -> int:
    return known_time(int(ns)) if ns else 0


def _json_attributes(pairs: Any) -> dict[str, Any]:
    return {str(pair["key"]): _json_value(pair.get("value") or {}) for pair in pairs or ()}


def _json_value(value: dict[str, Any]) -> Any:
    for kind, found in value.items():
        if kind in ("stringValue", "boolValue"):
            return found if found is None or type(found) in (str, bool) else str(found)
        if kind in _KINDS:
            return _KINDS[kind](found)
    return None


def _json_int(value: Any) -> int | str:
    number = int(value)
    return number if -INT64 <= number < INT64 else str(number)


_KINDS: dict[str, Callable[[Any], Any]] = {
    "intValue": _json_int,
    "doubleValue": float,  # takes "NaN" and "Infinity" too
    "bytesValue": str,
    "arrayValue": lambda array: [_json_value(v) for v in array.get("values") or ()],
    "kvlistValue": lambda pairs: _json_attributes(pairs.get("values")),
}
