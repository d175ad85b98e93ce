"""Langfuse: observations as exported from its UI or to blob storage, and the batches that its SDK v2 posts.

Usage has four shapes. Its own (`input`, `input_cached_tokens`, …) keeps the kinds apart, so the whole is their sum; the
provider's shapes are read as the provider means them.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from collectors.apis import runs
from collectors.apis.counts import as_object, either, known, openai_usage
from collectors.apis.exchange import Fields, number, settings
from collectors.apis.judged import all_judged
from collectors.apis.messages import messages, parsed
from collectors.files.reading import Place, Record
from collectors.format import Format, Item
from collectors.held import Held
from collectors.moments import moment
from store.errors import FormatError
from store.model import Operation

OPERATIONS = {"generation": Operation.CHAT, "embedding": Operation.EMBEDDING, "tool": "tool", "retriever": "retrieval",
              "agent": "agent"}  # fmt: skip
BATCHED = ("generation-create", "generation-update", "span-create", "span-update", "event-create", "trace-create",
           "observation-create", "observation-update", "score-create", "sdk-log")  # fmt: skip
READ = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "input_cached_text_tokens")
WRITTEN = ("input_cache_creation", "cache_creation_input_tokens")
THOUGHT = ("output_reasoning_tokens", "output_reasoning")
EXPORTED = {"usageDetails", "usage_details", "providedModelName", "provided_model_name", "promptTokens",
            "usage.promptTokens", "calculatedTotalCost"}  # fmt: skip
SCORED = {"traceId", "trace_id"}
FIRST_TOKEN_S = {"timeToFirstTokenMs": 1e-3, "timeToFirstToken": 1, "time_to_first_token": 1}


def _batch(record: Record) -> list[Any]:
    events = (as_object(record.get("body")) or record).get("batch")
    return events if isinstance(events, list) else []


def _is_score(record: Record) -> bool:
    return "name" in record and bool({"dataType", "data_type"} & record.keys()) and bool(SCORED & record.keys())


def detect(record: Record) -> bool:
    events = _batch(record)
    if events:
        return as_object(events[0]).get("type") in BATCHED
    return _is_score(record) or (bool(EXPORTED & record.keys()) and ("startTime" in record or "start_time" in record))


class Observations:
    """An SDK creates an observation and updates it, in any number of batches; an export tells each once."""

    def __init__(self) -> None:
        self._told: Held[Record] = Held()
        self._traces: Held[Record] = Held()

    def read(self, record: Record, _place: Place) -> Iterator[Item]:
        events = _batch(record)
        if not events:
            yield from _scores(record) if _is_score(record) else _observation(record)
        for event in events:
            body, kind = as_object(as_object(event).get("body")), str(as_object(event).get("type"))
            if not body.get("id"):
                raise FormatError("an event without its body's id")
            if kind == "trace-create":
                whole = {**(self._traces.get(body["id"]) or {}), **known(dict(body))}
                deque(self._traces.put(body["id"], whole), maxlen=0)
            elif kind == "score-create":
                yield from _scores({"timestamp": event.get("timestamp"), **body})
            elif kind != "sdk-log":
                default = {"type": kind.partition("-")[0].upper(), "startTime": event.get("timestamp")}
                whole = {**(self._told.get(body["id"]) or default), **known(dict(body))}
                yield from map(self._observed, self._told.put(body["id"], whole))

    def rest(self) -> Iterator[Item]:
        return map(self._observed, self._told.values())

    def _observed(self, body: Record) -> Item:
        return _span(body, self._traces.get(str(body.get("traceId"))) or {})


def _scores(told: Record) -> Iterator[Item]:
    """What was said of an observation, or of its whole trace."""
    value = next(
        (said for name in ("value", "stringValue", "string_value") if (said := told.get(name)) is not None), None
    )
    if (kind := either(told, "dataType", "data_type")) == "BOOLEAN" and isinstance(value, int | float):
        value = bool(value)
    elif kind == "CATEGORICAL":
        value = either(told, "stringValue", "string_value") or value
    trace, observation = either(told, "traceId", "trace_id"), either(told, "observationId", "observation_id")
    if not trace:
        raise FormatError("a score of no trace: those of sessions and data sets speak of no call")
    return all_judged([{**told, "value": value}], trace_id=trace, span_id=observation, scope="langfuse", at=None)


def _observation(told: Record) -> Iterator[Item]:
    """An exported observation, and what stands beside it of scores."""
    yield _span(told, {})
    if scores := _of(told, "scores"):
        trace, end = either(told, "traceId", "trace_id") or told["id"], either(told, "endTime", "end_time")
        yield from all_judged(scores, trace_id=trace, span_id=told["id"], scope="langfuse", at=end)


def _of(record: Mapping[str, Any], *names: str) -> Any:
    """A value under its camelCase or snake_case name; text that holds JSON is read as that."""
    return parsed(either(record, *names))


def _span(told: Record, trace: Record) -> Item:
    kind = str(told.get("type") or "GENERATION").lower()
    fields = known({
        "started_at": _of(told, "startTime", "start_time"), "ended_at": _of(told, "endTime", "end_time"),
        "first_token_at": _of(told, "completionStartTime", "completion_start_time") or _first_token(told),
        "session_id": either(told, "sessionId", "session_id") or trace.get("sessionId"),
        "user_id": either(told, "userId", "user_id") or trace.get("userId"),
        "tags": _of(told, "tags") or trace.get("tags"),
    })  # fmt: skip
    if kind in ("generation", "embedding"):
        fields |= _generation(told)
    if str(told.get("level")).upper() == "ERROR":
        fields |= {"error_type": "error", "error_message": either(told, "statusMessage", "status_message")}
    identity = told.get("id")
    if not identity:
        raise FormatError("an observation without an id")
    return runs.span(
        fields, trace_id=either(told, "traceId", "trace_id") or identity, span_id=identity,
        parent_id=either(told, "parentObservationId", "parent_observation_id"), name=str(told.get("name") or kind),
        operation=OPERATIONS.get(kind, "chain"), scope="langfuse", resource=_resource(told, trace),
    )  # fmt: skip


def _first_token(told: Record) -> datetime | None:
    """Exports without the moment say how long it took, in seconds or in milliseconds."""
    start = moment(either(told, "startTime", "start_time"))
    took = next((found * unit for name, unit in FIRST_TOKEN_S.items() if (found := number(told.get(name)))), None)
    return start + timedelta(seconds=took) if start and took else None


def _resource(told: Record, trace: Record) -> dict[str, Any]:
    environment = told.get("environment") or trace.get("environment")
    return known({"deployment.environment.name": environment, "service.version": told.get("release")})


def _cost(told: Record) -> float | None:
    whole = number(either(told, "totalCost", "total_cost", "calculatedTotalCost"))
    return whole if whole is not None else number(as_object(_of(told, "costDetails", "cost_details")).get("total"))


def _generation(told: Record) -> Fields:
    output = _of(told, "output")
    model = either(told, "providedModelName", "provided_model_name", "model")
    return known({
        **settings(as_object(_of(told, "modelParameters", "model_parameters"))),
        "request_model": model,
        "asked": messages(_of(told, "input")),
        "answered": messages(output, "assistant"),
        "usage": usage(as_object(_of(told, "usageDetails", "usage_details", "usage")) or _flat(told)),
        "reported_cost_usd": _cost(told),
        "prompt_name": either(told, "promptName", "prompt_name"),
        "prompt_version": either(told, "promptVersion", "prompt_version"),
    })  # fmt: skip


def _flat(told: Record) -> Record:
    """Older CSV exports have a column for each count."""
    names = ("promptTokens", "completionTokens", "totalTokens", "inputTokens", "outputTokens")
    return {name: value for name in names if (value := either(told, name, f"usage.{name}")) is not None}


def usage(told: Mapping[str, Any]) -> Fields:
    """Counts of any of the shapes. Langfuse's own keeps cached and reasoning tokens out of `input` and `output`."""
    if "input" not in told and "output" not in told:
        camel = {"prompt_tokens": either(told, "promptTokens", "inputTokens"),
                 "completion_tokens": either(told, "completionTokens", "outputTokens"),
                 "total_tokens": told.get("totalTokens")}  # fmt: skip
        return openai_usage({**camel, **told})
    return known({
        "input": told.get("input"), "output": told.get("output"), "total": told.get("total"),
        "cache_read": either(told, *READ), "cache_write": either(told, *WRITTEN), "reasoning": either(told, *THOUGHT),
        "exclusive": True, "exclusive_output": True,
    })  # fmt: skip


FORMAT = Format(
    name="langfuse",
    help="Langfuse exports of observations and scores (JSON, JSON lines, CSV) and its SDK's ingestion batches",
    detect=detect,
    reader=Observations,
    order=40,
    remembers=True,
)
