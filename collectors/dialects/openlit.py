"""OpenLIT: the GenAI conventions with a cost, counts it estimates itself, and failed calls that say nothing at all."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors import semconv
from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span, SpanKind

SCOPE = "openlit"
CACHE = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens")


def score(span: Span) -> int:
    return 2 * span.scope_name.startswith(SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    found: Reading = {
        "reported_cost_usd": semconv.number(a.get("gen_ai.usage.cost")) or None,  # 0: it found no price list
        "environment": a.get("gen_ai.environment"),
    }
    counts = semconv.usage(a)
    if counts and _estimated(a):
        found["usage"] = {**counts, "estimated": True}
    if not a:
        found.update(_nameless(span))
    return found


def _estimated(a: Mapping[str, Any]) -> bool:
    """Whether it counted itself: a stream for which the provider sent no usage has no cache counts either."""
    streamed = semconv.truth(a.get("gen_ai.request.stream")) is True
    return streamed and not any(name in a for name in CACHE) and a.get("gen_ai.operation.name") == "chat"


def _nameless(span: Span) -> Reading:
    """Read a call that failed before any attribute was set: all that is left is its name, `{operation} {model}`."""
    operation, _, model = span.name.partition(" ")
    op = semconv.CALLS.get(operation)
    if op is None or not model:
        return {}
    kind = semconv.OPERATION_KINDS.get(op, SpanKind.LLM)
    maker = span.scope_name.rpartition(".")[2]
    return {
        "call": True,
        "kind": kind,
        "operation": op,
        "request_model": model,
        "provider": semconv.provider(maker),
    }


OPENLIT = Dialect(name="openlit", priority=30, score=score, extract=extract)
