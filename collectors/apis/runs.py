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
SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty", "presence_penalty")
USAGE = {
    "input_tokens": "input_tokens", "output_tokens": "output_tokens", "cache_read_tokens": "cache_read.input_tokens",
    "cache_write_tokens": "cache_creation.input_tokens", "reasoning_tokens": "reasoning.output_tokens",
}  # fmt: skip
UNSET, ERROR = 0, 2

# What the conventions have no name for; collectors/dialects/runs.py reads it back.
COST, TAGS = "leeway.cost_usd", "leeway.tags"
PROMPT_NAME, PROMPT_VERSION = "leeway.prompt_name", "leeway.prompt_version"


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
    start, first = moment(told.get("started_at")), moment(told.get("first_token_at"))
    usage = normalised(told.get("usage") or {}, provider=told.get("provider"))
    return known({
        "gen_ai.operation.name": OPERATIONS.get(operation, operation),
        "gen_ai.provider.name": told.get("provider") or told.get("made_by"),
        "gen_ai.request.model": told.get("request_model"),
        "gen_ai.response.model": told.get("response_model"),
        "gen_ai.response.id": told.get("response_id"),
        "gen_ai.response.finish_reasons": told.get("finish_reasons"),
        "gen_ai.request.stream": told.get("stream"),
        "gen_ai.response.time_to_first_chunk": _seconds(start, first),
        "gen_ai.input.messages": _json(told.get("asked")),
        "gen_ai.output.messages": _json(told.get("answered")),
        "gen_ai.retrieval.documents": _json(told.get("documents")),
        "gen_ai.tool.name": told.get("tool"),
        "session.id": told.get("session_id"),
        "user.id": told.get("user_id"),
        "error.type": told.get("error_type"),
        TAGS: told.get("tags"),
        COST: told.get("reported_cost_usd"),
        PROMPT_NAME: told.get("prompt_name"),
        PROMPT_VERSION: told.get("prompt_version"),
        **{f"gen_ai.request.{name}": told.get(name) for name in SETTINGS},
        **{f"gen_ai.usage.{theirs}": getattr(usage, ours) for ours, theirs in USAGE.items()},
    })  # fmt: skip


def _seconds(start: datetime | None, first: datetime | None) -> float | None:
    return (first - start).total_seconds() if start and first and first >= start else None


def _json(value: Sequence[Any] | None) -> str | None:
    return orjson.dumps(value, default=str).decode() if value else None
