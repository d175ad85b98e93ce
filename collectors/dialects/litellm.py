"""litellm's `otel` callback: the GenAI names, costs, dozens of `metadata.*`; details of usage only as Python text."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from collectors import semconv
from collectors.counts import openai_usage
from collectors.dialect import Dialect, Reading
from collectors.indexed import nested
from collectors.messages import message, parsed
from store.model import LogRecord, Span, SpanKind

SCOPE = "litellm"
RAW = "raw_gen_ai_request"  # the provider's side of the same call


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    if span.name == RAW:
        return {"call": False, "kind": SpanKind.OTHER}
    hidden = parsed(a.get("hidden_params"))
    counts = openai_usage(python(a.get("metadata.usage_object")))
    cost = semconv.number(a.get("gen_ai.cost.total_cost"))
    return {
        "usage": counts or None,
        "reported_cost_usd": cost or None,  # 0 where it counted no tokens
        "user_id": a.get("llm.user") or a.get("metadata.user_api_key_end_user_id"),
        "cached": True if isinstance(hidden, dict) and hidden.get("cache_hit") is True else None,
        "answered": _tool_calls(a),
    }


def python(value: Any) -> Any:
    """Read Python text that holds only literals; None where it is none."""
    try:
        return ast.literal_eval(value) if isinstance(value, str) and len(value) < 1 << 16 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _tool_calls(a: Mapping[str, Any]) -> list[Any] | None:
    """Tool calls that the messages leave out stand in indexed attributes."""
    if "gen_ai.completion.0.function_call.name" not in a:
        return None
    told = nested(a, "gen_ai.completion.")
    calls = [c["function_call"] for c in told if isinstance(c, dict) and isinstance(c.get("function_call"), dict)]
    return [message({"role": "assistant", "tool_calls": calls}, "assistant")] if calls else None


LITELLM = Dialect(name="litellm", priority=65, score=score, extract=extract)
