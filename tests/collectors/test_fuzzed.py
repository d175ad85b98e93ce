"""What real clients sent, damaged: it is refused at the door or read, and never costs the good request beside it."""

import gzip
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.batch import Batch, read_frames
from collectors.spans.envelope import checked
from store.errors import FormatError
from store.journal import GZIP, JSON, Frame, Signal
from tests.collectors.spans import chat
from tests.collectors.test_captures import CASES, NOW, frames
from tests.collectors.test_load import traces

SENT = [frame for case in CASES for frame in frames(case)]
IN_JSON = [frame for frame in SENT if frame.encoding & JSON]
SPANS = [frame for frame in SENT if frame.signal == Signal.TRACES and not frame.encoding & JSON]
GOOD = traces(chat(attributes={"gen_ai.request.model": "good"}))
ODD_TEXTS = [
    "", "\x00", "12", "NaN", '{"', '[{"role":1}]', '{"parts":[{"type":[]}]}', '[{"role":"user","parts":{"a":1}}]',
    "[1,null,[{}]]", "data:image/png;base64,@@@", '{"generations":[[{"message":{"kwargs":[]}}]]}', '{"usage":[1]}',
    '{"usage":{"prompt_tokens_details":3}}', '{"choices":[{"message":3,"index":{}}]}', '[{"content":[[["a"]]]}]',
    '[{"role":"assistant","tool_calls":{"a":1}}]', '{"messages":[{"content":[{"type":"image_url","image_url":{}}]}]}',
    '[{"event.name":[]}]', '{"output":[{"type":"message","content":3}],"status":1}', "[" * 500,
]  # fmt: skip
ODD_VALUES = [
    None, True, 0, -1, 1 << 63, 1 << 70, 1e308, float("nan"), [], {}, [[]], {"a": {"b": []}}, "\ud800", *ODD_TEXTS,
]  # fmt: skip


def unpacked(frame: Frame) -> bytes:
    return gzip.decompress(frame.body) if frame.encoding & GZIP else frame.body


def read(frame: Frame, body: bytes) -> Batch:
    """Check `body` as a receiver does, then read it beside the good request."""
    damaged = Frame(signal=frame.signal, encoding=frame.encoding & JSON, received_at_ns=0, source="/v1/x", body=body)
    try:
        checked(body, frame.signal, is_json=bool(frame.encoding & JSON))
    except FormatError:
        return read_frames([GOOD], NOW)
    return read_frames([GOOD, damaged], NOW)


def models(batch: Batch) -> list[str]:
    found: list[str] = batch.calls.column("request_model").to_pylist()
    return found


def flip(body: bytearray, at: int, value: int) -> None:
    body[at] ^= value or 1


def cut(body: bytearray, at: int, _value: int) -> None:
    del body[at:]


def drop(body: bytearray, at: int, value: int) -> None:
    del body[at : at + value]


def again(body: bytearray, at: int, value: int) -> None:
    body[at:at] = body[at : at + value]


def field(body: bytearray, at: int, value: int) -> None:
    """Put in a tag of any number and wire type, and a length that nothing has."""
    body[at:at] = bytes([value]) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"


DAMAGES: list[Callable[[bytearray, int, int], None]] = [flip, cut, drop, again, field]


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_damaged_bytes_cost_no_good_request(data: st.DataObject):
    frame = data.draw(st.sampled_from(SENT))
    body = bytearray(unpacked(frame))
    for _ in range(data.draw(st.integers(1, 5))):
        damage = data.draw(st.sampled_from(DAMAGES))
        if body:
            damage(body, data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 255)))
    assert "good" in models(read(frame, bytes(body)))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_odd_values_anywhere_in_json_cost_no_good_request(data: st.DataObject):
    frame = data.draw(st.sampled_from(IN_JSON))
    here: Any = json.loads(unpacked(frame))
    body = here
    while True:
        name = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        inner = here[name]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 12)) == 0:
            break
        here = inner
    here[name] = data.draw(st.sampled_from(ODD_VALUES))
    assert "good" in models(read(frame, json.dumps(body).encode()))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_odd_values_under_known_names_cost_no_call(data: st.DataObject):
    frame = data.draw(st.sampled_from(SPANS))
    message = ExportTraceServiceRequest.FromString(unpacked(frame))
    told = [s for r in message.resource_spans for scope in r.scope_spans for s in scope.spans if s.attributes]
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt = data.draw(st.sampled_from(told))
        value = data.draw(st.sampled_from(spoilt.attributes)).value
        value.Clear()
        data.draw(st.sampled_from(SPOILERS))(value, data)
    batch = read(frame, message.SerializeToString())
    assert "good" in models(batch)
    assert batch.rejects.num_rows == 0


def _text(value: Any, data: st.DataObject) -> None:
    value.string_value = data.draw(st.sampled_from(ODD_TEXTS))


def _number(value: Any, data: st.DataObject) -> None:
    value.double_value = data.draw(st.sampled_from([float("nan"), float("inf"), -1.5, 1e300]))


def _integer(value: Any, data: st.DataObject) -> None:
    value.int_value = data.draw(st.sampled_from([-(1 << 63), -1, 0, (1 << 63) - 1]))


def _nested(value: Any, data: st.DataObject) -> None:
    for _ in range(data.draw(st.sampled_from([1, 3, 40]))):
        pair = value.kvlist_value.values.add()
        pair.key = data.draw(st.sampled_from(["role", "content", "parts", "type", "message", "a"]))
        value = pair.value


def _list(value: Any, _data: st.DataObject) -> None:
    value.array_value.values.add()
    value.array_value.values.add().bool_value = True


def _bytes(value: Any, data: st.DataObject) -> None:
    value.bytes_value = data.draw(st.binary(max_size=8))


SPOILERS = [_text, _number, _integer, _nested, _list, _bytes]
