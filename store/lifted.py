"""What stands in a call is not kept a second time in its span.

Where an attribute of a span holds a text of the call told by that span, or its response id, that is cut out and the
span's `texts` say what stood there: attribute → [column of the call, how it was written, what stood before it, what
behind]. Reading a span puts it back, byte for byte. So a span that was cut lives and dies with its call: both are
stored in one transaction for one source; when the call is replaced, the span is stored anew with its texts.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

COLUMNS = ("system_text", "input_text", "output_text", "reasoning_text", "response_id")
LONG = 64  # characters: a shorter text is not worth a note
WRITTEN: dict[str, Callable[[str], str]] = {
    "text": str,
    "json": lambda text: orjson.dumps(text)[1:-1].decode(),
    "ascii": lambda text: json.dumps(text)[1:-1],
}

Key = tuple[str, str]  # trace id, span id
Texts = Mapping[Key, Mapping[str, str]]
Cuts = dict[str, list[str]]


def texts_of(calls: pa.Table) -> Texts:
    """Return the texts of calls (columns `trace_id`, `span_id` and `COLUMNS`) by span."""
    rows = zip(*(calls[name].to_pylist() for name in ("trace_id", "span_id", *COLUMNS)), strict=True)
    return {
        (trace_id, span_id): {name: text for name, text in zip(COLUMNS, texts, strict=True) if text}
        for trace_id, span_id, *texts in rows
    }


def cut(attributes: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[Mapping[str, Any], Cuts | None]:
    """Return the attributes without the texts that are long, and what was cut; each gives one text at most."""
    long = [(name, value) for name, value in attributes.items() if type(value) is str and len(value) > LONG]
    cuts: Cuts = {}
    for column, text in texts.items():
        if len(text) <= LONG:
            continue
        ways = list(_ways(text))
        for name, value in long:
            if len(value) >= len(text) and name not in cuts and (found := _found(value, ways)):
                cuts[name] = [column, *found]
    return ({**attributes, **dict.fromkeys(cuts)}, cuts) if cuts else (attributes, None)


def _ways(text: str) -> Iterator[tuple[str, str]]:
    """Yield how a text may be written in an attribute, each way once."""
    yield "text", text
    try:
        if (written := WRITTEN["json"](text)) != text:
            yield "json", written
    except TypeError:  # half a character: no JSON of ours
        return
    if not text.isascii():
        yield "ascii", WRITTEN["ascii"](text)


def _found(value: str, ways: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    """Return how a text is written in the value, what stands before it and what behind; None if it is not there."""
    for how, written in ways:
        before, here, behind = value.partition(written)
        if here:
            return how, before, behind
    return None


def whole(attributes: Mapping[str, Any], cuts: Mapping[str, list[str]], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes with their texts put back."""
    found = dict(attributes)
    for name, (column, how, before, behind) in cuts.items():
        found[name] = before + WRITTEN[how](texts.get(column) or "") + behind
    return found


def cut_spans(spans: pa.Table) -> set[Key]:
    """Return the spans that have texts cut out."""
    rows = zip(*(spans[name].to_pylist() for name in ("trace_id", "span_id", "texts")), strict=True)
    return {(trace_id, span_id) for trace_id, span_id, cuts in rows if cuts}


def put_back(spans: pa.Table, calls: pa.Table) -> pa.Table:
    """Return rows of spans with the texts of these calls put back: calls that will not be stored."""
    texts = texts_of(calls)
    rows = spans.select(["trace_id", "span_id", "attributes", "texts"]).to_pylist()
    for row in rows:
        own = texts.get((row["trace_id"], row["span_id"]))
        if row["texts"] and own is not None:
            attributes = whole(orjson.loads(row["attributes"]), orjson.loads(row["texts"]), own)
            row["attributes"], row["texts"] = orjson.dumps(attributes).decode(), None
    for name in ("attributes", "texts"):
        column = pa.array([row[name] for row in rows], pa.string())
        spans = spans.set_column(spans.schema.get_field_index(name), name, column)
    return spans
