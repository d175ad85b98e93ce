"""pydantic-ai: agents that repeat their totals, under the names its spans had in 2025."""

from collections.abc import Sequence

from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span, SpanKind

SCOPE = "pydantic-ai"
KINDS = {"agent run": SpanKind.AGENT, "running tools": SpanKind.CHAIN, "running tool": SpanKind.TOOL}


def score(span: Span) -> int:
    return 2 * span.scope_name.startswith(SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    if span.name in KINDS:
        return {"kind": KINDS[span.name], "call": False, "agent_name": span.attributes.get("agent_name")}
    return {}


PYDANTIC_AI = Dialect(name="pydantic-ai", priority=50, score=score, extract=extract)
