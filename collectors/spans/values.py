"""AnyValue and what holds it: attributes, resources, events, as protobuf tells them."""

import base64
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Packed

from collectors.spans.decoded import known_time
from store.model import SpanEvent

HOLDERS: Mapping[str, Any] = {"array_value": ArrayValue, "kvlist_value": KeyValueList}


def value(told: Any) -> Any:
    """Read an AnyValue: bytes as base64 text, an empty one as None."""
    # Asking which kind a value is costs as much as reading it: first what most are, and is told by not being empty.
    said = told.string_value or told.int_value or told.double_value
    if said:
        return said
    kind = told.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(told, kind)
    if kind == "array_value":
        return [value(v) for v in found.values]
    if kind == "kvlist_value":
        return {pair.key: value(pair.value) for pair in found.values}
    return base64.b64encode(found).decode() if kind == "bytes_value" else found


def nested(kind: str, packed: bytes) -> Any:
    """Read what an AnyValue of `kind` held, from where it was left packed.

    What cannot be read (it is damaged, or nested deeper than protobuf goes) is kept as bytes are.
    """
    try:
        told: dict[str, Any] = {kind: HOLDERS[kind].FromString(packed) if kind in HOLDERS else packed}
    except DecodeError:
        told = {"bytes_value": packed}
    return value(AnyValue(**told))


def event_of(packed: bytes) -> SpanEvent:
    """Read a span's event; of one that is damaged it is only known that there was one."""
    try:
        told = Packed.Event.FromString(packed)
    except DecodeError:
        return SpanEvent(name="", time_ns=0, attributes={"packed": base64.b64encode(packed).decode()})
    return SpanEvent(name=told.name, time_ns=known_time(told.time_unix_nano), attributes=attributes(told.attributes))


def attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    """Read attributes. The names of all records are few: interned they are hashed once and compared by identity."""
    return {
        intern(pair.key): (told.string_value or told.int_value or value(told))
        for pair in pairs
        for told in (pair.value,)
    }


@lru_cache(maxsize=256)
def resource_of(packed: bytes) -> Mapping[str, Any]:
    """Read a resource. A client sends the same one with each request: all its spans share what was read once."""
    return attributes(Resource.FromString(packed).attributes)
