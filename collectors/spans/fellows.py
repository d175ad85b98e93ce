"""The calls of spans that are alike, column by column: the first one's call with each span's own values put in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from collectors.identity import call_id
from collectors.spans import semconv
from collectors.spans.alike import ANSWERED, ASKED, RESPONSE_ID, Group
from collectors.spans.content import content_fields, plain_fields
from store.calls import COLUMNS, table_of
from store.model import ContentState, LLMCall, Span

TEXTS: dict[str, Any] = {
    "system_text": None, "input_messages": None, "input_text": None, "output_messages": None, "output_text": None,
    "reasoning_text": None, "tool_calls": None, "content_state": ContentState.ABSENT, "modalities": None,
}  # fmt: skip
INSTRUCTIONS = "gen_ai.system_instructions"

Columns = dict[str, Sequence[Any]]


def call_table(groups: Iterable[Group]) -> pa.Table:
    """Return the calls of all groups, with the columns of `store.calls.SCHEMA`."""
    gathered: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for group in groups:
        if group.call is not None:
            for name, values in _columns(group, group.call).items():
                gathered[name] += values
    return table_of(gathered)


def _columns(group: Group, call: LLMCall) -> Columns:
    spans, plan = group.spans, group.plan
    attributes = [span.attributes for span in spans]
    found: Columns = {name: [getattr(call, name)] * len(spans) for name in COLUMNS}
    found |= _identity(spans, plan.response_id) | _times(spans)
    found |= {field: [a[name] for a in attributes] for name, field in plan.people.items()}
    found |= {f"{field}_tokens": [a[name] for a in attributes] for name, field in plan.counts.items()}
    if plan.first_chunk and call.ttft_ms is not None:
        found["ttft_ms"] = [a[plan.first_chunk] * 1000 for a in attributes]
    if plan.metadata:
        found["metadata"] = [_told(a, plan.metadata) for a in attributes]
    if plan.texts:
        found |= _texts(attributes)
    return found


def _identity(spans: Sequence[Span], responded: bool) -> Columns:
    responses = [span.attributes[RESPONSE_ID] if responded else None for span in spans]
    return {
        "call_id": [
            call_id(response_id=response, trace_id=span.trace_id, span_id=span.span_id)
            for span, response in zip(spans, responses, strict=True)
        ],
        "response_id": responses,
        "trace_id": [span.trace_id for span in spans],
        "span_id": [span.span_id for span in spans],
        "parent_span_id": [span.parent_span_id for span in spans],
        "source_record_id": [span.span_id for span in spans],
    }


def _times(spans: Sequence[Span]) -> Columns:
    started = [span.start_ns // 1000 for span in spans]
    return {
        "event_time": started,
        "started_at": started,
        "ended_at": [span.end_ns // 1000 for span in spans],
        "latency_ms": [(span.end_ns - span.start_ns) / 1e6 for span in spans],
    }


def _told(attributes: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any] | None:
    return {name: value for name in names if (value := attributes[name]) not in (None, "")} or None


def _texts(attributes: Sequence[Mapping[str, Any]]) -> Columns:
    rows = list(map(_said, attributes))
    return {name: [row.get(name, default) for row in rows] for name, default in TEXTS.items()}


def _said(a: Mapping[str, Any]) -> Mapping[str, Any]:
    if INSTRUCTIONS not in a and ASKED in a and ANSWERED in a and (plain := plain_fields(a[ASKED], a[ANSWERED])):
        return plain
    read = semconv.conversation(a)
    return content_fields(read.get("system"), read.get("asked") or [], read.get("answered") or [])
