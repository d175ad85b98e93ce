"""Langtrace: the names of the GenAI conventions, but operations called by the method that was called."""

from collections.abc import Sequence

from collectors import folding
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span, SpanKind

SCOPE = "langtrace_python_sdk"


def score(span: Span) -> int:
    return 2 * (span.scope_name.startswith(SCOPE) and "gen_ai.request.model" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read what the conventions do not know: `embed`, `openai.responses.create`, cached tokens, the response's id."""
    a = span.attributes
    operation = semconv.operation(a)[0] or folding.operation(a.get("gen_ai.operation.name") or span.name)
    if operation is None:
        return {}
    return {
        "call": True,
        "operation": operation,
        "kind": semconv.OPERATION_KINDS.get(operation, SpanKind.LLM),
        "usage": {"cache_read": a["gen_ai.usage.cached_tokens"]} if "gen_ai.usage.cached_tokens" in a else None,
        "response_id": a.get("gen_ai.response_id"),
    }


LANGTRACE = Dialect(name="langtrace", priority=30, score=score, extract=extract)
