"""MLflow traces: `Trace.to_json` one a line, rows of `search_traces`; also the older shape with `request_id`."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis import runs
from collectors.apis.counts import as_object, known
from collectors.apis.judged import judged
from collectors.apis.messages import parsed
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from collectors.spans.otlp_json import json_id
from store.errors import FormatError
from store.model import Span, SpanEvent

STATUS = {"STATUS_CODE_OK": 1, "OK": 1, "STATUS_CODE_ERROR": 2, "ERROR": 2}
WHO = {"mlflow.trace.session": "session.id", "mlflow.trace.user": "user.id"}
TRACE_BYTES, SPAN_BYTES = 16, 8


def detect(record: Record) -> bool:
    info = as_object(record.get("info"))
    return (("trace_id" in info or "request_id" in info) and "data" in record) or {
        "trace",
        "trace_metadata",
    } <= record.keys()


def parse(record: Record, _place: Place) -> Iterator[Item]:
    whole = as_object(parsed(record.get("trace"))) or record
    info = as_object(whole.get("info"))
    told = as_object(info.get("trace_metadata") or info.get("request_metadata") or record.get("trace_metadata"))
    spans = as_object(whole.get("data")).get("spans") or parsed(record.get("spans"))
    if not isinstance(spans, list):
        raise FormatError("a trace without spans")
    who = known({name: told.get(key) for key, name in WHO.items()})
    made = [_span(as_object(span), who) for span in spans]
    yield from made
    told_of = info.get("assessments") or parsed(record.get("assessments"))
    for one in map(as_object, told_of if isinstance(told_of, list) and made else []):
        yield from _assessed(one, made[0].trace_id)


def _span(span: Mapping[str, Any], who: Mapping[str, Any]) -> Span:
    context = as_object(span.get("context"))
    status = span.get("status")
    code = as_object(status).get("code") or span.get("status_code") or status
    parent = span.get("parent_span_id") or span.get("parent_id")
    return Span(
        trace_id=_identity(span.get("trace_id") or context.get("trace_id"), TRACE_BYTES),
        span_id=_identity(span.get("span_id") or context.get("span_id"), SPAN_BYTES),
        parent_span_id=_identity(parent, SPAN_BYTES) if parent else None,
        name=str(span.get("name") or ""),
        start_ns=_time(span, "start_time_unix_nano", "start_time"),
        end_ns=_time(span, "end_time_unix_nano", "end_time"),
        status_code=STATUS.get(str(code), 0),
        status_message=as_object(status).get("message") or span.get("status_message") or None,
        attributes={**as_object(span.get("attributes")), **who},
        events=tuple(_event(as_object(event)) for event in span.get("events") or []),
        scope_name="mlflow",
    )


def _assessed(told: Mapping[str, Any], trace_id: str) -> Iterator[Item]:
    """What a person, a model or code found; what should have come out is no judgement."""
    by = str(as_object(told.get("source")).get("source_type") or "").lower()
    span = json_id(str(told.get("span_id") or ""), SPAN_BYTES)
    return judged(
        told.get("assessment_name") or told.get("name"), as_object(told.get("feedback")).get("value"),
        trace_id=trace_id, span_id=span or None, scope=f"mlflow/{by}" if by else "mlflow",
        at=told.get("create_time") or told.get("create_time_ms"), why=told.get("rationale"),
    )  # fmt: skip


def _identity(told: Any, size: int) -> str:
    """Base64 of the bytes in newer files, hex with or without 0x in older ones."""
    found = json_id(str(told or "").removeprefix("0x").removeprefix("tr-"), size)
    if not found:
        raise FormatError(f"{told!r} is no id of a span")
    return found


def _time(span: Mapping[str, Any], *names: str) -> int:
    told = next((span[name] for name in names if span.get(name)), 0)
    return int(told) if str(told).isdigit() else runs.nanoseconds(told)


def _event(event: Mapping[str, Any]) -> SpanEvent:
    at = _time(event, "time_unix_nano", "timestamp")
    return SpanEvent(name=str(event.get("name")), time_ns=at, attributes=as_object(event.get("attributes")))


FORMAT = Format(
    name="mlflow",
    help="MLflow traces: `Trace.to_json` lines, `search_traces` frames as JSON lines, CSV or Parquet",
    detect=detect,
    reader=each(parse),
    real=True,
    order=30,
)
