"""OTLP's protobuf requests of spans, read into columns at once.

The messages are those of opentelemetry/proto/trace/v1, told again without what no call has, and with nested values left
packed: Arrow has no types that hold themselves. A message that stands twice where one is due counts as it last came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ptars import HandlerPool

from collectors.spans.columns import ARROW, FIELDS, INTEGER, JSON, REAL, TEXT, TRUTH, Columns, Numbers
from collectors.spans.otlp_json import KNOWN_CODES
from collectors.spans.values import event_of, nested, resource_of
from store.calls import json_text
from store.errors import FormatError
from store.model import Span

PACKAGE = "leeway.otlp"
REPEATED = "*"
NO_REQUEST = "not an OTLP traces request in protobuf"
ONE_OF_A_KIND = "Value"
PANIC = "PanicException"  # PyO3's: no Exception, and in no module that can be imported

Fields = tuple[tuple[str, int, str], ...]

# message → (field, number, type). A type that stands here itself is that message; `*` marks what is repeated.
MESSAGES: dict[str, Fields] = {
    "Value": (
        ("string_value", 1, "string"), ("bool_value", 2, "bool"), ("int_value", 3, "int64"),
        ("double_value", 4, "double"), ("array_value", 5, "bytes"), ("kvlist_value", 6, "bytes"),
        ("bytes_value", 7, "bytes"),
    ),
    "Pair": (("key", 1, "string"), ("value", 2, "Value")),
    "Status": (("message", 2, "string"), ("code", 3, "int32")),
    "Span": (
        ("trace_id", 1, "bytes"), ("span_id", 2, "bytes"), ("parent_span_id", 4, "bytes"), ("name", 5, "string"),
        ("start_ns", 7, "fixed64"), ("end_ns", 8, "fixed64"), ("attributes", 9, "Pair*"), ("events", 11, "bytes*"),
        ("status", 15, "Status"),
    ),
    "Scope": (("name", 1, "string"), ("version", 2, "string")),
    "ScopeSpans": (("scope", 1, "Scope"), ("spans", 2, "Span*")),
    "ResourceSpans": (("resource", 1, "bytes"), ("scope_spans", 2, "ScopeSpans*")),
    "Request": (("resource_spans", 1, "ResourceSpans*"),),
}  # fmt: skip
# What is asked before a request is acknowledged: how many spans there are, and whether they have ids.
IDS: dict[str, Fields] = {
    "Span": MESSAGES["Span"][:2], "ScopeSpans": MESSAGES["ScopeSpans"][1:],
    "ResourceSpans": MESSAGES["ResourceSpans"][1:], "Request": MESSAGES["Request"],
}  # fmt: skip
PLAIN = {"string_value": TEXT, "bool_value": TRUTH, "int_value": INTEGER, "double_value": REAL}
NESTED = ("array_value", "kvlist_value", "bytes_value")
NO_IDS = (bytes(16), bytes(8))


@dataclass(frozen=True, slots=True)
class Told:
    """Spans as requests told them; `events`: those of each, packed."""

    columns: Columns
    events: pa.Array

    def spans(self, at: Numbers) -> list[Span]:
        rows = self.columns.rows.take(pa.array(at))
        resources = [self.columns.resources[place] for place in rows["resource"].to_pylist()]
        events = [tuple(map(event_of, packed)) for packed in self.events.take(pa.array(at)).to_pylist()]
        fields = zip(*(rows[name].to_pylist() for name in FIELDS), strict=True)
        return [
            Span(attributes=attributes, events=happened, resource=resource, **dict(zip(FIELDS, told, strict=True)))
            for attributes, happened, resource, told in zip(
                self.columns.attributes(at), events, resources, fields, strict=True
            )
        ]


def read_spans(bodies: Sequence[bytes]) -> tuple[Told, list[int]]:
    """Return the spans of these requests, and of each request how many of its spans have no valid ids.

    Raises FormatError when one of them is no such request.
    """
    try:
        requests = _requests(bodies)
        if _twofold(requests):
            requests = _requests([ExportTraceServiceRequest.FromString(body).SerializeToString() for body in bodies])
        return _told(requests, len(bodies))
    except (ValueError, DecodeError) as error:
        raise FormatError(f"{NO_REQUEST}: {error}") from error


def _told(requests: pa.RecordBatch, bodies: int) -> tuple[Told, list[int]]:
    spans, shared = _spans(requests)
    valid = _valid(spans)
    bad = np.bincount(shared["request"][~valid], minlength=bodies).tolist()
    if not valid.all():
        spans = spans.filter(pa.array(valid))
        shared = {name: of[valid] for name, of in shared.items()}
    return Told(_columns(requests, spans, shared), spans.field("events")), bad


def count_spans(body: bytes) -> tuple[int, int]:
    """Return how many spans a request has, and how many of them have no valid ids; nothing else of them is looked at.

    Raises FormatError when it is no such request.
    """
    try:
        spans, _ = _spans(_requests([body], ids_only=True))
    except ValueError as error:
        raise FormatError(f"{NO_REQUEST}: {error}") from error
    return len(spans), len(spans) - int(_valid(spans).sum())


def _requests(bodies: Sequence[bytes], *, ids_only: bool = False) -> pa.RecordBatch:
    """Return the requests as columns. Raises ValueError; ptars panics at a length that no integer holds."""
    try:
        return _handler(ids_only=ids_only).list_to_record_batch(list(bodies))
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise ValueError(str(error)) from error


@cache
def _handler(*, ids_only: bool) -> Any:
    pool = DescriptorPool()
    pool.Add(_file(IDS if ids_only else MESSAGES))
    found = pool.FindMessageTypeByName(f"{PACKAGE}.Request")
    return HandlerPool([found.file]).get_for_message(found)


def _file(told: Mapping[str, Fields]) -> FileDescriptorProto:
    messages = [DescriptorProto(name=name, field=[_field(*field) for field in of]) for name, of in told.items()]
    for message in messages:
        if message.name == ONE_OF_A_KIND:  # so that an empty text is told from none
            message.oneof_decl.add(name="value")
            for field in message.field:
                field.oneof_index = 0
    return FileDescriptorProto(name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto3", message_type=messages)


def _field(name: str, number: int, told: str) -> FieldDescriptorProto:
    kind, many, _ = told.partition(REPEATED)
    label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    if kind in MESSAGES:
        of = {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": f".{PACKAGE}.{kind}"}
    else:
        of = {"type": FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")}
    return FieldDescriptorProto(name=name, number=number, label=label, **of)


def _scopes(requests: pa.RecordBatch) -> tuple[pa.StructArray, pa.StructArray]:
    resources = requests["resource_spans"].flatten()
    return resources, resources.field("scope_spans").flatten()


def _values(spans: pa.StructArray) -> pa.StructArray:
    return spans.field("attributes").flatten().field("value")


def _twofold(requests: pa.RecordBatch) -> bool:
    """Whether a value has two kinds, which no encoder writes: the last one counts, and columns do not tell which."""
    values = _values(_scopes(requests)[1].field("spans").flatten())
    told = [values.field(name) for name in (*PLAIN, *NESTED)]
    kinds = sum((_there(of).view(np.int8) for of in told if of.null_count < len(of)), np.zeros(len(values), np.int8))
    return bool((kinds > 1).any())


def _there(array: pa.Array) -> Numbers:
    found: Numbers = array.is_valid().to_numpy(zero_copy_only=False)
    return found


def _owners(lists: pa.ListArray) -> Numbers:
    """Return for each item of the lists which list it is in."""
    return np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))


def _spans(requests: pa.RecordBatch) -> tuple[pa.StructArray, dict[str, Numbers]]:
    """Return all spans; of each the number of its scope, its resource and its request."""
    resources, scopes = _scopes(requests)
    scope = _owners(scopes.field("spans"))
    resource = _owners(resources.field("scope_spans"))[scope]
    shared = {"scope": scope, "resource": resource, "request": _owners(requests["resource_spans"])[resource]}
    return scopes.field("spans").flatten(), shared


def _valid(spans: pa.StructArray) -> Numbers:
    valid = np.ones(len(spans), np.bool_)
    for name, zero in zip(("trace_id", "span_id"), NO_IDS, strict=True):
        ids = spans.field(name)
        valid &= pc.equal(pc.binary_length(ids), len(zero)).to_numpy(zero_copy_only=False)
        valid &= pc.not_equal(ids, pa.scalar(zero)).to_numpy(zero_copy_only=False)
    return valid


def _columns(requests: pa.RecordBatch, spans: pa.StructArray, shared: dict[str, Numbers]) -> Columns:
    resources, scopes = _scopes(requests)
    packed = resources.field("resource").dictionary_encode()
    rows = pa.table({
        "trace_id": _hex(spans.field("trace_id")), "span_id": _hex(spans.field("span_id")),
        "parent_span_id": _parents(spans.field("parent_span_id")), "name": spans.field("name"),
        "start_ns": _times(spans.field("start_ns")), "end_ns": _times(spans.field("end_ns")),
        "status_code": _codes(pc.fill_null(pc.struct_field(spans, ["status", "code"]), 0)),
        "status_message": _blank_is_none(pc.struct_field(spans, ["status", "message"])),
        "scope_name": _of_scope(scopes, "name", shared["scope"]),
        "scope_version": _of_scope(scopes, "version", shared["scope"]),
        "resource": packed.indices.take(pa.array(shared["resource"])),
        "eventful": pc.greater(pc.list_value_length(spans.field("events")), 0),
    })  # fmt: skip
    pairs = spans.field("attributes").flatten()
    names, values = pairs.field("key").dictionary_encode(), pairs.field("value")
    kind, arrays = _by_kind(values)
    return Columns(
        rows=rows,
        resources=[resource_of(one) for one in packed.dictionary.to_pylist()],
        starts=spans.field("attributes").offsets.to_numpy() - spans.field("attributes").offsets[0].as_py(),
        names=names.dictionary.to_pylist(),
        name=names.indices.to_numpy(),
        kind=kind,
        values=arrays,
    )


def _by_kind(values: pa.StructArray) -> tuple[Numbers, dict[int, pa.Array]]:
    kinds, arrays = np.zeros(len(values), np.int8), dict[int, pa.Array]()
    for name, kind in PLAIN.items():
        if values.field(name).null_count < len(values):
            kinds[_there(values.field(name))] = kind
            arrays[kind] = values.field(name)
    opened = [_opened(name, values.field(name)) for name in NESTED if values.field(name).null_count < len(values)]
    if opened:
        arrays[JSON] = pc.coalesce(*opened)
        kinds[_there(arrays[JSON])] = JSON
    return kinds, arrays


def _opened(name: str, packed: pa.Array) -> pa.Array:
    """Return packed values as JSON, each distinct one opened once."""
    told = packed.dictionary_encode()
    texts = [json_text(nested(name, one)) for one in told.dictionary.to_pylist()]
    return pa.array(texts, ARROW[JSON]).take(told.indices)


def _hex(ids: pa.Array) -> pa.Array:
    return pl.Series(ids).bin.encode("hex").to_arrow().cast(pa.string())


def _parents(ids: pa.Array) -> pa.Array:
    """Return the ids in hex; one of zeros, or none, is no parent."""
    told = _hex(ids)
    blank = pc.match_substring_regex(told, "^0*$")
    return pc.if_else(blank, pa.scalar(None, pa.string()), told)


def _times(ns: pa.Array) -> Numbers:
    """Return times; one that no signed 64-bit integer holds is unknown, 0."""
    times: Numbers = np.maximum(ns.to_numpy().view(np.int64), 0)
    return times


def _codes(codes: pa.Array) -> Numbers:
    told = codes.to_numpy()
    return np.where(np.isin(told, KNOWN_CODES), told, 0).astype(np.int8)


def _blank_is_none(texts: pa.Array) -> pa.Array:
    if texts.null_count == len(texts):
        return texts
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _of_scope(scopes: pa.Array, field: str, scope: Numbers) -> pa.Array:
    return pc.fill_null(pc.struct_field(scopes, ["scope", field]), "").take(pa.array(scope))
