"""Opik span batches: creates and updates of one span are merged; only spans of type `llm` are calls."""

from collections.abc import Iterator
from typing import Any

from collectors.apis import runs
from collectors.apis.counts import as_object, known, openai_usage
from collectors.apis.exchange import Fields, exchange, number
from collectors.apis.judged import all_judged
from collectors.apis.messages import messages
from collectors.files.reading import Place, Record
from collectors.format import Format, Item
from collectors.held import Held
from store.errors import FormatError
from store.model import Operation

OPERATIONS = {"llm": Operation.CHAT, "tool": "tool"}
SESSION = ("thread_id", "session_id")


def _spans(record: Record) -> list[Any]:
    body = as_object(record.get("body")) or record
    spans = body.get("spans")
    return spans if isinstance(spans, list) else []


def detect(record: Record) -> bool:
    spans = _spans(record)
    return bool(spans) and isinstance(spans[0], dict) and "trace_id" in spans[0] and "resourceSpans" not in record


class Spans:
    """A span is told at its start and again at its end."""

    def __init__(self) -> None:
        self._told: Held[Record] = Held()

    def read(self, record: Record, _place: Place) -> Iterator[Item]:
        for span in _spans(record):
            if not isinstance(span, dict) or not span.get("id"):
                raise FormatError("a span without an id")
            whole = {**(self._told.pop(span["id"]) or {}), **known(span)}
            if whole.get("end_time"):
                yield _span(whole)
                yield from _judged(whole)
            else:
                yield from map(_span, self._told.put(span["id"], whole))

    def rest(self) -> Iterator[Item]:
        for span in self._told.values():
            yield _span(span)


def _judged(span: Record) -> Iterator[Item]:
    trace_id, end = span.get("trace_id"), span.get("end_time")
    return all_judged(span.get("feedback_scores"), trace_id=trace_id, span_id=span["id"], scope="opik", at=end)


def _span(span: Record) -> Item:
    kind = str(span.get("type") or "general")
    metadata = as_object(span.get("metadata"))
    told: Fields = known({
        "started_at": span.get("start_time"), "ended_at": span.get("end_time"), "tags": span.get("tags"),
        "session_id": next((metadata[name] for name in SESSION if metadata.get(name)), None),
    })  # fmt: skip
    if kind == "llm":
        told |= _call(span)
    if error := as_object(span.get("error_info")):
        told |= {"error_type": error.get("exception_type") or "error", "error_message": error.get("message")}
    return runs.span(
        told, trace_id=span.get("trace_id"), span_id=span["id"], parent_id=span.get("parent_span_id"),
        name=str(span.get("name") or kind), operation=OPERATIONS.get(kind, "chain"), scope="opik",
        resource=known({"service.name": span.get("project_name")}),
    )  # fmt: skip


def _call(span: Record) -> Fields:
    given, got = as_object(span.get("input")), as_object(span.get("output"))
    told = exchange(given, got)
    usage = as_object(span.get("usage"))
    original = {k.removeprefix("original_usage."): v for k, v in usage.items() if k.startswith("original_usage.")}
    return known({
        **told,
        "request_model": told.get("request_model") or span.get("model"),
        "response_model": told.get("response_model") or span.get("model"),
        "provider": span.get("provider"),
        "reported_cost_usd": number(span.get("total_estimated_cost")),
        "usage": told.get("usage") or openai_usage({**_nested(original), **usage}),
        "asked": told.get("asked") or messages(span.get("input")),
        "answered": told.get("answered") or messages(span.get("output"), "assistant"),
    })  # fmt: skip


def _nested(flat: Record) -> Record:
    """`prompt_tokens_details.cached_tokens` as a key within a key."""
    whole: Record = {}
    for name, value in flat.items():
        head, _, rest = name.partition(".")
        if rest:
            whole.setdefault(head, {})[rest] = value
    return whole


FORMAT = Format(
    name="opik",
    help="Opik span batches of its SDK",
    detect=detect,
    reader=Spans,
    order=40,
    remembers=True,
)
