"""OTLP: protobuf and JSON say the same; oddities of real senders are read, broken records are counted."""

import base64
import gzip
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.spans.otlp import TooLarge, decode, parsed_json, suspicious, unpacked
from collectors.spans.otlp_json import decode_json, json_id
from store.errors import FormatError
from store.journal import GZIP, JSON, Signal

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def one(**span: Any):
    found = decode_json({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TRACE, "spanId": SPAN, **span}]}]}]})
    return found.spans[0]


def value(any_value):
    return one(attributes=[{"key": "k", "value": any_value}]).attributes["k"]


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"stringValue": ""}, ""), ({"boolValue": False}, False), ({"intValue": "100"}, 100), ({"intValue": 100}, 100),
        ({"intValue": str(2**62)}, 2**62), ({"intValue": str(2**80)}, str(2**80)), ({"doubleValue": 0.5}, 0.5),
        ({"doubleValue": "Infinity"}, float("inf")), ({"bytesValue": "//4="}, "//4="), ({}, None), (None, None),
        ({"arrayValue": {"values": [{"intValue": 1}, {}]}}, [1, None]), ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}, {"a": "b"}), ({"other": 1}, None),
    ],
)  # fmt: skip
def test_every_kind_of_json_value_is_read(told, read):
    assert value(told) == read


def test_nan_is_kept_as_it_is():
    assert value({"doubleValue": "NaN"}) != value({"doubleValue": "NaN"})


def test_ids_come_in_hex_of_either_case_and_in_base64():
    assert json_id(TRACE.upper(), 16) == TRACE
    assert json_id(base64.b64encode(bytes.fromhex(TRACE)).decode(), 16) == TRACE
    assert json_id("0" * 16, 8) == ""
    assert json_id(None, 8) == ""
    for wrong in ("xyz", "abcd", "ä"):
        with pytest.raises(ValueError, match="not an id"):
            json_id(wrong, 8)


def test_absent_fields_have_their_defaults():
    span = one()
    assert (span.parent_span_id, span.status_code, span.start_ns, span.events, span.name) == (None, 0, 0, (), "")


def test_enum_names_and_times_as_numbers_or_text_are_accepted():
    span = one(status={"code": "STATUS_CODE_ERROR", "message": "no"}, startTimeUnixNano="5", endTimeUnixNano=6)
    assert (span.status_code, span.status_message, span.start_ns, span.end_ns) == (2, "no", 5, 6)
    assert one(startTimeUnixNano=2**63).start_ns == 0
    assert one(parentSpanId="0000000000000000").parent_span_id is None


def test_records_without_valid_ids_are_counted_and_the_others_read():
    spans = [{"traceId": TRACE, "spanId": SPAN}, {"traceId": "1", "spanId": SPAN}, {"spanId": SPAN}, 7]
    found = decode_json({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}], "resourceLogs": []})
    assert (len(found.spans), found.bad) == (1, 3)


def test_a_log_record_knows_its_name_by_field_or_attribute():
    named = {"eventName": "gen_ai.choice", "observedTimeUnixNano": "7", "traceId": TRACE, "spanId": SPAN}
    older = {"attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.choice"}}], "body": {"intValue": 1}}
    found = decode_json({"resourceLogs": [{"scopeLogs": [{"logRecords": [named, older]}]}]}).logs
    assert [(log.event_name, log.time_ns, log.body) for log in found] == [
        ("gen_ai.choice", 7, None),
        ("gen_ai.choice", 0, 1),
    ]


def test_protobuf_and_json_say_the_same():
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = resource.scope_spans.add()
    scope.scope.name = "lib"
    span = scope.spans.add(
        trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), name="chat", start_time_unix_nano=9
    )
    span.attributes.add(key="n").value.int_value = 3
    span.attributes.add(key="b").value.bytes_value = b"\xff"
    span.attributes.add(key="none")
    span.attributes.add(key="list").value.array_value.values.add().string_value = "x"
    span.attributes.add(key="map").value.kvlist_value.values.add(key="a").value.bool_value = True
    span.events.add(name="e", time_unix_nano=10)
    mine = decode(request.SerializeToString(), Signal.TRACES, 0, max_bytes=1000).spans
    body = {"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"scope": {"name": "lib"}, "spans": [{
            "traceId": TRACE, "spanId": SPAN, "name": "chat", "startTimeUnixNano": "9",
            "attributes": [
                {"key": "n", "value": {"intValue": 3}}, {"key": "b", "value": {"bytesValue": "/w=="}}, {"key": "none"},
                {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
                {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}},
            ],
            "events": [{"name": "e", "timeUnixNano": "10"}]}]}]}]}  # fmt: skip
    packed = gzip.compress(msgspec.json.encode(body))
    assert decode(packed, Signal.TRACES, GZIP | JSON, max_bytes=1 << 20).spans == mine


def test_metrics_are_not_read_and_logs_in_protobuf_are():
    assert decode(b"whatever", Signal.METRICS, 0, max_bytes=1).spans == []
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(event_name="gen_ai.choice", time_unix_nano=4)
    [log] = decode(request.SerializeToString(), Signal.LOGS, 0, max_bytes=1000).logs
    assert (log.event_name, log.time_ns, log.trace_id) == ("gen_ai.choice", 4, "")


def test_json_that_strict_readers_refuse_is_read_as_far_as_it_says_something():
    assert parsed_json(b'{"a": "\\ud800", "b": NaN}')["a"] == "?"
    for broken in (b"{", b"\xff", b"[1]"):
        with pytest.raises(FormatError):
            parsed_json(broken)


def test_what_is_no_otlp_is_told_apart():
    with pytest.raises(FormatError, match="not OTLP"):
        decode(b'{"resourceSpans": 5}', Signal.TRACES, JSON, max_bytes=100)
    with pytest.raises(FormatError, match="protobuf"):
        decode(b"\xff", Signal.TRACES, 0, max_bytes=100)


def test_unpacking_is_capped():
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(b"x" * 1000), 999)
    assert unpacked(gzip.compress(b"x" * 1000), 1000) == b"x" * 1000
    assert suspicious(1000, 10 << 20)
    assert not suspicious(1000, 100_000)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_decoder(body):
    for signal in (Signal.TRACES, Signal.LOGS):
        for encoding in (0, JSON, GZIP):
            try:
                decode(body, signal, encoding, max_bytes=1 << 20)
            except FormatError:
                continue


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "traceId", "events"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["resourceSpans", "resourceLogs"]), json_values, max_size=2))
def test_no_shape_of_json_breaks_the_decoder(obj):
    try:
        decode(msgspec.json.encode(obj), Signal.TRACES, JSON, max_bytes=1 << 20)
    except FormatError:
        return
