"""Phoenix: spans of its REST API, and its data frame written as JSON lines, CSV or Parquet.

The frame nests what OpenInference flattens, turns integers into floats and cuts times to milliseconds; its CSV cells
hold Python literals. All of it becomes OpenInference spans again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from collectors.apis import runs
from collectors.apis.counts import as_object
from collectors.apis.messages import parsed
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.errors import FormatError
from store.model import Span, SpanEvent

PREFIX = "attributes."
STATUS = {"OK": 1, "ERROR": 2}
VECTOR = "embedding.vector"
PLAIN = frozenset({str, int, float, bool})


def detect(record: Record) -> bool:
    return "context.span_id" in record or ("span_kind" in record and isinstance(record.get("context"), dict))


def parse(record: Record, _place: Place) -> Iterator[Item]:
    context = as_object(record.get("context"))
    trace_id = record.get("context.trace_id") or context.get("trace_id")
    span_id = record.get("context.span_id") or context.get("span_id")
    if not trace_id or not span_id:
        raise FormatError("a span without its ids")
    kind = record.get("span_kind")
    yield Span(
        trace_id=runs.identifier(trace_id),
        span_id=runs.identifier(span_id),
        parent_span_id=runs.identifier(record["parent_id"]) if record.get("parent_id") else None,
        name=str(record.get("name") or ""),
        start_ns=runs.nanoseconds(record.get("start_time")),
        end_ns=runs.nanoseconds(record.get("end_time")),
        status_code=STATUS.get(str(record.get("status_code")), 0),
        status_message=record.get("status_message") or None,
        attributes={**({"openinference.span.kind": kind} if kind else {}), **_attributes(record)},
        events=tuple(_events(record.get("events"))),
        scope_name="openinference.phoenix",
    )


def _attributes(record: Record) -> dict[str, Any]:
    told = as_object(record.get("attributes")) or {
        name.removeprefix(PREFIX): value for name, value in record.items() if name.startswith(PREFIX)
    }
    flat: dict[str, Any] = {}
    for name, value in told.items():
        if type(value) in PLAIN:
            flat[name] = value
        else:
            flat.update(_flat(name, value))
    return flat


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Lists of dotted dictionaries become indexed names, other structures JSON text; vectors are left out."""
    if value is None or name.endswith(VECTOR):
        return
    if isinstance(value, list) and value and all(isinstance(i, Mapping) and any("." in k for k in i) for i in value):
        for number, item in enumerate(value):
            for key, inner in item.items():
                yield from _flat(f"{name}.{number}.{key}", inner)
    elif isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(i, Mapping | list) for i in value)):
        yield name, orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    else:
        yield name, value


def _events(told: Any) -> Iterator[SpanEvent]:
    told = parsed(told)
    for event in told if isinstance(told, list) else []:
        if isinstance(event, Mapping):
            at = runs.nanoseconds(event.get("timestamp"))
            yield SpanEvent(name=str(event.get("name")), time_ns=at, attributes=as_object(event.get("attributes")))


FORMAT = Format(
    name="phoenix",
    help="Arize Phoenix: spans of its API, its span data frame as JSON lines, CSV or Parquet",
    detect=detect,
    reader=each(parse),
    real=True,
    order=30,
)
