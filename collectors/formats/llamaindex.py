"""LlamaIndex instrumentation events, one a line: the start and the end of a model call are paired by their span."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.counts import anthropic_usage, as_object, known, openai_usage
from collectors.apis.exchange import Fields, settings
from collectors.apis.messages import messages
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item
from collectors.held import Held
from store.model import Operation

KINDS = (("LLMChat", Operation.CHAT), ("LLMCompletion", Operation.COMPLETION), ("Embedding", Operation.EMBEDDING))


def detect(record: Record) -> bool:
    return "span_id" in record and str(_class(record)).endswith("Event")


def _class(record: Record) -> Any:
    return record.get("class") or record.get("class_name") or record.get("event_type") or ""


class Calls:
    """Holds what started until it ends."""

    def __init__(self) -> None:
        self._open: Held[tuple[Record, Place, str]] = Held()

    def read(self, record: Record, place: Place) -> Iterator[Item]:
        name = str(_class(record))
        kind = next((operation for start, operation in KINDS if name.startswith(start)), None)
        if kind is None or "InProgress" in name:
            return
        key = str(record["span_id"])
        if "Start" in name:
            yield from map(_unended, self._open.put(key, (record, place, key)))
        else:
            start, *_ = self._open.pop(key) or ({},)
            yield complete(_told(kind, start, record, key), source="llamaindex", place=place)

    def rest(self) -> Iterator[Item]:
        return map(_unended, self._open.values())


def _unended(started: tuple[Record, Place, str]) -> Item:
    start, place, key = started
    told = {**_told(Operation.CHAT, start, {}, key), "problems": ["no_end"]}
    return complete(told, source="llamaindex", place=place)


def _told(kind: Operation, start: Record, end: Record, key: str) -> Fields:
    model = as_object(start.get("model_dict"))
    response = as_object(end.get("response"))
    raw = as_object(response.get("raw"))
    answer = response.get("message") or response.get("text")
    return known({
        **settings(model),
        "operation": kind,
        "started_at": start.get("timestamp"),
        "ended_at": end.get("timestamp"),
        "request_model": model.get("model") or model.get("model_name"),
        "response_model": raw.get("model"),
        "response_id": raw.get("id"),
        "asked": _blocks(start.get("messages") or end.get("messages") or start.get("prompt") or start.get("chunks")),
        "answered": _blocks([answer] if isinstance(answer, Mapping) else answer, "assistant"),
        "usage": _usage(as_object(raw.get("usage"))),
        "source_record_id": key,
        "tags": [str(tag) for tag in as_object(start.get("tags"))],
    })  # fmt: skip


def _usage(told: Mapping[str, Any]) -> Fields:
    return openai_usage(told) if "prompt_tokens" in told else anthropic_usage(told)


def _blocks(said: Any, role: str = "user") -> list[Any]:
    """LlamaIndex keeps a message's parts as blocks with a `block_type`."""
    if not isinstance(said, list):
        return messages(said, role)
    return messages([
        {**item, "content": [{**as_object(b), "type": as_object(b).get("block_type", "text")} for b in item["blocks"]]}
        if isinstance(item, Mapping) and isinstance(item.get("blocks"), list)
        else item
        for item in said
    ], role)  # fmt: skip


FORMAT = Format(
    name="llamaindex",
    help="LlamaIndex instrumentation events, one a line",
    detect=detect,
    reader=Calls,
    order=45,
    remembers=True,
)
