"""Spans that are alike as they are stored, column by column: without what their calls hold."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collectors.spans.alike import RESPONSE_ID
from collectors.spans.columns import Numbers, Source
from collectors.spans.holes import WAYS
from collectors.spans.parts import Part
from store.calls import json_text
from store.lifted import texts_of
from store.spans import MOMENT, SPAN_SCHEMA, service_of, span_table


def one_by_one(source: Source, part: Part, calls: pa.Table, *, now: datetime) -> pa.Table:
    """Return the spans of a part whose texts were read one by one."""
    spans = source.spans(part.fellows.shape.at)
    read = part.fellows.read
    kinds = {(s.trace_id, s.span_id): read[of].kind for s, of in zip(spans, part.fellows.of.tolist(), strict=True)}
    return span_table(spans, kinds, texts=texts_of(calls), now=now)


def fellow_table(part: Part) -> pa.Table:
    """Return the spans of a part, with the columns of `store.spans.SPAN_SCHEMA`."""
    shape, of = part.fellows.shape, pa.array(part.fellows.of)
    told = {name: shape.row(name) for name in SPAN_SCHEMA.names if name in shape.columns.rows.schema.names}
    resources = shape.columns.resources
    of_resource = pa.array(shape.number("resource"))
    found = told | {
        "kind": pa.array([read.kind.value for read in part.fellows.read]).take(of),
        "event_time": pa.array(shape.number("start_ns") // 1000).view(MOMENT),
        "service": pa.array(map(service_of, resources), pa.string()).take(of_resource),
        "attributes": _attributes(part),
        "texts": _notes(part),
        "events": pa.nulls(len(of), pa.string()),
        "resource": pa.array([json_text(dict(one)) for one in resources], pa.string()).take(of_resource),
    }
    return pa.table([found[name] for name in SPAN_SCHEMA.names], schema=SPAN_SCHEMA)


def _lifted(part: Part) -> set[str]:
    """Return the attributes that the call holds."""
    return {*part.texts, *({RESPONSE_ID} if part.calls and part.fellows.plan.response_id else ())}


def _attributes(part: Part) -> pa.Array:
    """Write the attributes as JSON: between the span's own values what is the same in all of a kind."""
    plan, lifted = part.fellows.plan, _lifted(part)
    same = ["{"] * len(part.fellows.read)
    pieces = []
    for place, name in enumerate(part.fellows.shape.names):
        same = [f"{before}{',' if place else ''}{json_text(name)}:" for before in same]
        if name in lifted:
            same = [f"{before}null" for before in same]
        elif name in plan.shared:
            values = [json_text(read.span.attributes[name]) or "null" for read in part.fellows.read]
            same = [before + value for before, value in zip(same, values, strict=True)]
        else:
            pieces += [_of_kind(same, part.fellows.of), part.fellows.shape.written(name)]
            same = [""] * len(same)
    pieces.append(_of_kind([f"{before}}}" for before in same], part.fellows.of))
    return pc.binary_join_element_wise(*pieces, "")


def _of_kind(words: Sequence[str], of: Numbers) -> pa.Array:
    return pa.array(words).take(pa.array(of))


def _notes(part: Part) -> pa.Array:
    """Say of each span what of its attributes stands in its call, as `store.lifted` has it."""
    lifted = _lifted(part)
    if not lifted:
        return pa.nulls(len(part.fellows.of), pa.string())
    always = {RESPONSE_ID: ["response_id", "text", "", ""]} if RESPONSE_ID in lifted else {}
    code = np.zeros(len(part.fellows.of), np.int64)
    for _, ways in part.texts.values():
        code = code * len(WAYS) + ways
    notes = [json_text(always | _note(part, number)) for number in range(len(WAYS) ** len(part.texts))]
    return pa.array(notes).take(pa.array(code))


def _note(part: Part, code: int) -> dict[str, list[str]]:
    """Return the note for a code: its digits, the last first, say how each text is written."""
    found: dict[str, list[str]] = {}
    for name in reversed(list(part.texts)):
        code, way = divmod(code, len(WAYS))
        hole = (part.holes or {})[name]
        found[name] = [hole.field, WAYS[way], hole.before, hole.behind]
    return found
