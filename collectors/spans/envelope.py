"""What is known of an OTLP request before it is acknowledged: that it is one, how many records, how many without ids.

No attribute is looked at: this runs while the client waits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from collectors.spans.decoded import BAD_RECORD
from collectors.spans.otlp import KEYS, parsed
from collectors.spans.otlp_json import json_id
from collectors.spans.wire import count_spans
from store.errors import FormatError
from store.journal import Signal

SCOPES = {Signal.TRACES: ("scopeSpans", "spans"), Signal.LOGS: ("scopeLogs", "logRecords")}


@dataclass(frozen=True, slots=True)
class Envelope:
    records: int
    bad: int


def checked(body: bytes, signal: Signal, *, is_json: bool) -> Envelope:
    """Check the envelope. Raises FormatError when it is not one of its signal."""
    if signal == Signal.TRACES and not is_json:
        return Envelope(*count_spans(body))
    message = parsed(body, signal, is_json=is_json)
    try:
        return _json(message, signal) if isinstance(message, dict) else _protobuf(message, signal)
    except BAD_RECORD as error:
        raise FormatError(f"not an OTLP {signal.name.lower()} request: {error}") from error


def _protobuf(message: Any, signal: Signal) -> Envelope:
    if signal == Signal.METRICS:
        return Envelope(len(message.resource_metrics), 0)
    return Envelope(sum(len(s.log_records) for r in message.resource_logs for s in r.scope_logs), 0)


def _json(message: dict[str, Any], signal: Signal) -> Envelope:
    resources = message.get(KEYS[signal])
    if resources is None:
        if message:
            raise FormatError(f"not an OTLP/JSON {signal.name.lower()} request: it has no {KEYS[signal]}")
        return Envelope(0, 0)
    if not isinstance(resources, list):
        raise FormatError(f"not an OTLP/JSON request: {KEYS[signal]} is no list")
    if signal == Signal.METRICS:
        return Envelope(len(resources), 0)
    records = list(_records(resources, *SCOPES[signal]))
    return Envelope(len(records), _without_ids(records) if signal == Signal.TRACES else 0)


def _records(resources: list[Any], scopes: str, items: str) -> Iterator[Any]:
    for of_resource in resources:
        for of_scope in of_resource.get(scopes) or ():
            yield from of_scope.get(items) or ()


def _without_ids(spans: Iterable[Any]) -> int:
    bad = 0
    for span in spans:
        try:
            bad += not json_id(span.get("traceId"), 16) or not json_id(span.get("spanId"), 8)
        except BAD_RECORD:
            bad += 1
    return bad
