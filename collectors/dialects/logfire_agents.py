"""Logfire's view of the OpenAI Agents SDK: requests and responses stand whole, under plain names."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object, openai_usage
from collectors.apis.exchange import response_fields, settings
from collectors.apis.messages import Message, messages, parsed
from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span, SpanKind

SCOPE = "logfire.openai_agents"
ANSWER = ("answered", "finish_reasons", "response_id", "response_model")


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a model's span; those of agents, tools and handoffs name no model."""
    a = span.attributes
    if "gen_ai.request.model" not in a and "response" not in a:
        return {}
    response = as_object(parsed(a.get("response")))
    told = response_fields(response) if response else {"answered": _messages(a.get("output"), "assistant")}
    return {
        **{name: told[name] for name in ANSWER if name in told},
        "call": True,
        "kind": SpanKind.LLM,
        "asked": [*messages(response.get("instructions"), "system"), *_asked(a)],
        "usage": _usage(a) or None,
        **settings(as_object(parsed(a.get("model_settings") or a.get("model_config")))),
    }


def _asked(a: Mapping[str, Any]) -> list[Message]:
    return _messages(a.get("raw_input") or a.get("input"), "user")


def _messages(told: Any, role: str) -> list[Message]:
    """Read messages; a call that failed answers with JSON's null."""
    return [] if told == "null" else messages(told, role)


def _usage(a: Mapping[str, Any]) -> dict[str, Any]:
    return openai_usage(parsed(a.get("gen_ai.usage.raw"))) or openai_usage(parsed(a.get("usage")))


LOGFIRE_AGENTS = Dialect(name="logfire-agents", priority=72, score=score, extract=extract)
