"""The calls of spans that are alike, column by column: the first one's call with each span's own values put in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from collectors.identity import call_ids
from collectors.spans.alike import RESPONSE_ID, Fellows
from collectors.spans.columns import Numbers, Shape
from collectors.spans.holes import said
from collectors.spans.parts import Part
from store.calls import COLUMNS, JSON_COLUMNS, SCHEMA, bare_table, json_text
from store.model import ContentState
from store.spans import MOMENT

# What the messages of a call fill, and how it is where they do not.
SAID: dict[str, Any] = {
    "system_text": None, "input_messages": None, "input_text": None, "output_messages": None, "output_text": None,
    "reasoning_text": None, "tool_calls": None, "content_state": ContentState.ABSENT, "modalities": None,
    "finish_reason": None, "finish_reasons": None,
}  # fmt: skip

Arrays = dict[str, pa.Array]


def call_table(part: Part) -> pa.Table:
    """Return the calls of a part, with the columns of `store.calls.SCHEMA`."""
    first, of = bare_table(part.calls), pa.array(part.fellows.of)
    own = _identity(part.fellows) | _times(part.fellows.shape) | _values(part) | _texts(part)
    columns = [own[name] if name in own else _repeated(first[name], of) for name in COLUMNS]
    return pa.table(columns, schema=SCHEMA)


def _repeated(first: pa.ChunkedArray, of: pa.Array) -> pa.Array:
    if first.null_count == len(first):
        return pa.nulls(len(of), first.type)
    return first.combine_chunks().take(of)


def _identity(fellows: Fellows) -> Arrays:
    shape = fellows.shape
    nothing = pa.nulls(len(shape.at), pa.string())
    responses = shape.column(RESPONSE_ID) if fellows.plan.response_id else nothing
    traces, spans = shape.row("trace_id"), shape.row("span_id")
    ids = call_ids(*(pl.Series(column) for column in (responses, traces, spans)))
    return {
        "call_id": ids.to_arrow().cast(pa.string()), "response_id": responses, "trace_id": traces, "span_id": spans,
        "parent_span_id": shape.row("parent_span_id"), "source_record_id": spans,
    }  # fmt: skip


def _times(shape: Shape) -> Arrays:
    start, end = shape.number("start_ns"), shape.number("end_ns")
    started = _moments(start)
    return {
        "event_time": started, "started_at": started, "ended_at": _moments(end),
        "latency_ms": pa.array((end - start) / 1e6),
    }  # fmt: skip


def _moments(ns: Numbers) -> pa.Array:
    return pa.array(ns // 1000).view(MOMENT)


def _values(part: Part) -> Arrays:
    plan, shape = part.fellows.plan, part.fellows.shape
    found = {field: shape.column(name) for name, field in plan.people.items()}
    found |= {f"{field}_tokens": shape.column(name) for name, field in plan.counts.items()}
    if plan.first_chunk and any(call.ttft_ms is not None for call in part.calls):
        told = np.array([call.ttft_ms is not None for call in part.calls])[part.fellows.of]
        found["ttft_ms"] = pa.array(shape.column(plan.first_chunk).to_numpy() * 1000, mask=~told)
    if plan.metadata:
        found["metadata"] = _metadata(shape, plan.metadata)
    return found


def _metadata(shape: Shape, names: Sequence[str]) -> pa.Array:
    rows = zip(*(shape.values(name) for name in names), strict=True)
    told = [{n: v for n, v in zip(names, row, strict=True) if v not in (None, "")} or None for row in rows]
    return _column(told, "metadata")


def _texts(part: Part) -> Arrays:
    """Return what the messages say that is not the first one's."""
    plan, shape = part.fellows.plan, part.fellows.shape
    if part.holes is not None:
        return {part.holes[name].field: texts for name, (texts, _) in part.texts.items()}
    first = part.fellows.read
    own = zip(*(shape.values(name) for name in plan.texts), part.fellows.of.tolist(), strict=True)
    rows = [said({**first[of].span.attributes, **dict(zip(plan.texts, row, strict=True))}) for *row, of in own]
    return {field: _column([row.get(field, none) for row in rows], field) for field, none in SAID.items()}


def _column(values: Sequence[Any], name: str) -> pa.Array:
    told = map(json_text, values) if name in JSON_COLUMNS else values
    return pa.array(told, SCHEMA.field(name).type)
