"""Requests read into columns say what protobuf's own reader says of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.spans.columns import columns_of, everything, made
from collectors.spans.decoded import known_time
from collectors.spans.values import attributes
from collectors.spans.wire import read_spans
from store.errors import FormatError
from store.model import Span, SpanEvent

IDS = st.sampled_from([bytes(16), bytes(8), b"", b"t" * 16, b"s" * 8, b"T" * 16, b"S" * 8, b"x" * 7])
NUMBERS = st.integers(0, (1 << 64) - 1) | st.integers(0, 3)
TEXTS = st.text(max_size=4)


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> Callable[[Any], None]:
    """Something that makes an AnyValue hold a value, or none."""
    kind = draw(st.sampled_from(["string", "bool", "int", "double", "bytes", "none", *["array", "map"] * bool(depth)]))
    inner = draw(st.lists(st.tuples(TEXTS, values(depth - 1)), max_size=2)) if kind in ("array", "map") else []
    plain = {
        "string": TEXTS, "bool": st.booleans(), "int": st.integers(-(1 << 63), (1 << 63) - 1),
        "double": st.floats(allow_nan=False, allow_infinity=False), "bytes": st.binary(max_size=3),
    }  # fmt: skip
    told = draw(plain[kind]) if kind in plain else None

    def make(value: Any) -> None:
        if kind in plain:
            setattr(value, f"{kind}_value", told)
        elif kind == "array":
            value.array_value.SetInParent()
            for _, into in inner:
                into(value.array_value.values.add())
        elif kind == "map":
            value.kvlist_value.SetInParent()
            for key, into in inner:
                into(value.kvlist_value.values.add(key=key).value)

    return make


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    request = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        of_resource = request.resource_spans.add()
        _attributes(draw, of_resource.resource.attributes)
        for _ in range(draw(st.integers(0, 2))):
            of_scope = of_resource.scope_spans.add()
            if draw(st.booleans()):
                of_scope.scope.name, of_scope.scope.version = draw(TEXTS), draw(TEXTS)
            for _ in range(draw(st.integers(0, 3))):
                _span(draw, of_scope.spans.add())
    return request.SerializeToString()


def _attributes(draw: st.DrawFn, into: Any) -> None:
    for name, make in draw(st.lists(st.tuples(st.sampled_from(["a", "b", "é", ""]), values()), max_size=3)):
        pair = into.add(key=name)
        if draw(st.booleans()):
            make(pair.value)


def _span(draw: st.DrawFn, span: Any) -> None:
    span.trace_id, span.span_id, span.parent_span_id = draw(IDS), draw(IDS), draw(IDS)
    span.name, span.start_time_unix_nano, span.end_time_unix_nano = draw(TEXTS), draw(NUMBERS), draw(NUMBERS)
    if draw(st.booleans()):
        span.status.code, span.status.message = draw(st.integers(0, 2)), draw(TEXTS)
    _attributes(draw, span.attributes)
    if draw(st.booleans()):
        _attributes(draw, span.events.add(name=draw(TEXTS), time_unix_nano=draw(NUMBERS)).attributes)


def by_protobuf(body: bytes) -> tuple[list[Span], int]:
    """The spans of a request one field after the other, and how many have no valid ids."""
    found, bad = list[Span](), 0
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                if (
                    len(span.trace_id) != 16
                    or len(span.span_id) != 8
                    or not any(span.trace_id)
                    or not any(span.span_id)
                ):
                    bad += 1
                else:
                    found.append(_one(span, of_scope.scope, resource))
    return found, bad


def _one(span: Any, scope: Any, resource: dict[str, Any]) -> Span:
    events = tuple(
        SpanEvent(name=e.name, time_ns=known_time(e.time_unix_nano), attributes=attributes(e.attributes))
        for e in span.events
    )
    return Span(
        trace_id=span.trace_id.hex(), span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex() if any(span.parent_span_id) else None, name=span.name,
        start_ns=known_time(span.start_time_unix_nano), end_ns=known_time(span.end_time_unix_nano),
        status_code=span.status.code if span.status.code in (0, 1, 2) else 0,
        status_message=span.status.message or None, attributes=attributes(span.attributes), events=events,
        scope_name=scope.name, scope_version=scope.version, resource=resource,
    )  # fmt: skip


@given(st.lists(requests(), max_size=3))
@settings(max_examples=60, deadline=None)
def test_columns_say_what_protobuf_says(bodies: list[bytes]):
    told, bad = read_spans(bodies)
    expected = [by_protobuf(body) for body in bodies]
    assert told.spans(everything(told.columns)) == [span for spans, _ in expected for span in spans]
    assert bad == [count for _, count in expected]


@given(st.lists(requests(), max_size=2))
@settings(max_examples=20, deadline=None)
def test_spans_put_into_columns_come_out_as_they_were(bodies: list[bytes]):
    spans = [span for body in bodies for span in by_protobuf(body)[0]]
    every = everything(columns_of(spans))
    assert columns_of(spans).attributes(every) == [span.attributes for span in spans]
    assert made(spans).spans(every) == spans


def told_once_more(body: bytes) -> bytes:
    """A request of one span in which an attribute is written by hand."""
    pair = bytes([0x0A, 1]) + b"k" + bytes([0x12, len(body)]) + body
    span = bytes([0x0A, 16]) + b"t" * 16 + bytes([0x12, 8]) + b"s" * 8 + bytes([0x4A, len(pair)]) + pair
    scope = bytes([0x12, len(span)]) + span
    resource = bytes([0x12, len(scope)]) + scope
    return bytes([0x0A, len(resource)]) + resource


@pytest.mark.parametrize(
    "value", [b"\x0a\x01x\x18\x05", b"\x18\x05\x0a\x01x", b"\x0a\x00\x10\x00", b"", b"\x18\xff\x01"]
)
def test_of_a_value_told_twice_the_last_counts(value: bytes):
    told, _ = read_spans([told_once_more(value)])
    assert told.spans(everything(told.columns)) == by_protobuf(told_once_more(value))[0]


def test_a_value_that_cannot_be_read_is_kept_as_bytes():
    told, _ = read_spans([told_once_more(b"\x2a\x02\x0a\x05")])  # a list whose first item is cut off
    [span] = told.spans(everything(told.columns))
    assert span.attributes == {"k": "CgU="}


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05", told_once_more(b"\x0a\x01\xff")])
def test_what_is_no_request_is_refused(body: bytes):
    with pytest.raises(FormatError, match="protobuf"):
        read_spans([told_once_more(b""), body])
