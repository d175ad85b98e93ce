"""Runs: what tracing tools call a run, an observation or an event becomes a span in the words of the GenAI conventions.

So the tools' own files are assembled, and shown as traces, just as spans that came by OTLP.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from collectors.apis.counts import known
from collectors.moments import EPOCH, moment
from collectors.usage import normalised
from store.model import Operation, Span, SpanEvent

OPERATIONS = {
    Operation.CHAT: "chat", Operation.COMPLETION: "text_completion", Operation.EMBEDDING: "embeddings",
    "retrieval": "retrieval", "tool": "execute_tool", "agent": "invoke_agent", "chain": "invoke_workflow",
}  # fmt: skip
USAGE = {
    "input_tokens": "gen_ai.usage.input_tokens", "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}  # fmt: skip
UNSET, ERROR = 0, 2

# What the conventions have no name for; collectors/dialects/runs.py reads it back.
COST, TAGS = "leeway.cost_usd", "leeway.tags"
PROMPT_NAME, PROMPT_VERSION = "leeway.prompt_name", "leeway.prompt_version"
# A field as it was told ← the conventions' name for it; lists of messages and documents go as JSON.
TOLD = {
    "request_model": "gen_ai.request.model", "response_model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id", "finish_reasons": "gen_ai.response.finish_reasons",
    "stream": "gen_ai.request.stream", "tool": "gen_ai.tool.name", "session_id": "session.id", "user_id": "user.id",
    "error_type": "error.type", "tags": TAGS, "reported_cost_usd": COST, "prompt_name": PROMPT_NAME,
    "prompt_version": PROMPT_VERSION,
    **{name: f"gen_ai.request.{name}" for name in ("temperature", "top_p", "top_k", "max_tokens", "seed",
                                                   "frequency_penalty", "presence_penalty")},
}  # fmt: skip
AS_JSON = {
    "asked": "gen_ai.input.messages", "answered": "gen_ai.output.messages", "documents": "gen_ai.retrieval.documents",
}  # fmt: skip


def nanoseconds(value: Any) -> int:
    """A time in any notation as ns since the epoch; 0 when it is unknown."""
    found = moment(value)
    if found is None:
        return 0
    since = found - EPOCH
    return (since.days * 86_400 * 10**6 + since.seconds * 10**6 + since.microseconds) * 1000


def identifier(value: Any) -> str:
    """A UUID or any other id without dashes, in lower case."""
    return str(value).replace("-", "").lower()


def span(
    told: Mapping[str, Any], *, trace_id: Any, span_id: Any, parent_id: Any = None, name: str, operation: Any,
    scope: str, resource: Mapping[str, Any] | None = None, more: Mapping[str, Any] | None = None,
) -> Span:  # fmt: skip
    """The span of a run. `told`: fields as `complete` takes them; `more`: attributes as they are."""
    error = told.get("error_type")
    return Span(
        trace_id=identifier(trace_id),
        span_id=identifier(span_id),
        parent_span_id=identifier(parent_id) if parent_id else None,
        name=name,
        start_ns=nanoseconds(told.get("started_at")),
        end_ns=nanoseconds(told.get("ended_at")),
        status_code=ERROR if error else UNSET,
        status_message=told.get("error_message"),
        attributes={**attributes(told, operation), **(more or {})},
        events=_first_token(told),
        scope_name=scope,
        resource=resource or {},
    )


def _first_token(told: Mapping[str, Any]) -> tuple[SpanEvent, ...]:
    at = nanoseconds(told.get("first_token_at"))
    return (SpanEvent(name="First Token Stream Event", time_ns=at, attributes={}),) if at else ()


def attributes(told: Mapping[str, Any], operation: Any) -> dict[str, Any]:
    """What was told, under the names of the GenAI conventions."""
    found = {TOLD[name]: value for name, value in told.items() if name in TOLD}
    found |= {AS_JSON[name]: _json(told[name]) for name in AS_JSON if told.get(name)}
    found["gen_ai.operation.name"] = OPERATIONS.get(operation, operation)
    found["gen_ai.provider.name"] = told.get("provider") or told.get("made_by")
    if told.get("first_token_at"):
        start, first = moment(told.get("started_at")), moment(told["first_token_at"])
        found["gen_ai.response.time_to_first_chunk"] = _seconds(start, first)
    if told.get("usage"):
        usage = normalised(told["usage"], provider=told.get("provider"))
        found |= {theirs: getattr(usage, ours) for ours, theirs in USAGE.items()}
    return known(found)


def _seconds(start: datetime | None, first: datetime | None) -> float | None:
    return (first - start).total_seconds() if start and first and first >= start else None


def _json(value: Sequence[Any]) -> str:
    return orjson.dumps(value, default=str).decode()
