"""litellm's `otel` callback: the GenAI names, costs, dozens of `metadata.*`; details of usage only as Python text."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import openai_usage
from collectors.apis.messages import Message, message, parsed
from collectors.apis.pythonic import python
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from collectors.spans.indexed import nested
from store.model import LogRecord, Operation, Span, SpanKind

SCOPE = "litellm"
RAW = "raw_gen_ai_request"  # the provider's side of the same call
ASKED = ("gen_ai.prompt.", "SpanAttributes.LLM_PROMPTS.")  # 1.5x to 1.7x wrote the name of its enum
ANSWERED = ("gen_ai.completion.", "SpanAttributes.LLM_COMPLETIONS.")
# its functions' names, as older versions write them: `completion` is a chat
CALL_TYPES = {
    "completion": Operation.CHAT, "acompletion": Operation.CHAT, "responses": Operation.CHAT,
    "aresponses": Operation.CHAT, "embedding": Operation.EMBEDDING, "aembedding": Operation.EMBEDDING,
    "text_completion": Operation.COMPLETION, "atext_completion": Operation.COMPLETION,
    "rerank": Operation.RERANK, "arerank": Operation.RERANK, "image_generation": Operation.IMAGE,
    "aimage_generation": Operation.IMAGE,
}  # fmt: skip


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    if span.name == RAW:
        return {"call": False, "kind": SpanKind.OTHER}
    hidden = parsed(a.get("hidden_params"))
    counts = openai_usage(python(a.get("metadata.usage_object")))
    cost = semconv.number(a.get("gen_ai.cost.total_cost"))
    answered = _indexed(a, ANSWERED, "assistant")
    return {
        "operation": CALL_TYPES.get(str(a.get("llm.request.type") or a.get("gen_ai.operation.name"))),
        "usage": counts or None,
        "reported_cost_usd": cost or None,  # 0 where it counted no tokens
        "user_id": a.get("llm.user") or a.get("metadata.user_api_key_end_user_id"),
        "cached": True if isinstance(hidden, dict) and hidden.get("cache_hit") is True else None,
        "asked": None if "gen_ai.input.messages" in a else _indexed(a, ASKED, "user"),
        "answered": None if "gen_ai.output.messages" in a and not _called(a) else answered,
        "finish_reasons": [str(m["finish_reason"]) for m in answered if m.get("finish_reason")] or None,
    }


def _called(a: Mapping[str, Any]) -> bool:
    """Whether the answer calls tools: the messages of the conventions leave those out."""
    return any(prefix + "0.function_call.name" in a for prefix in ANSWERED)


def _indexed(a: Mapping[str, Any], prefixes: Sequence[str], role: str) -> list[Message]:
    told = [item for prefix in prefixes for item in nested(a, prefix) if isinstance(item, dict)]
    found = [message({**item, "tool_calls": _calls(item)}, role) for item in told]
    return [m for m in found if m["parts"]]


def _calls(item: Mapping[str, Any]) -> list[Any] | None:
    called = item.get("function_call")
    calls = called if isinstance(called, list) else [called]
    return [c for c in calls if isinstance(c, dict)] or item.get("tool_calls")


LITELLM = Dialect(name="litellm", priority=65, score=score, extract=extract)
