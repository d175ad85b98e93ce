"""Guardrails that name themselves: LiteLLM's, NeMo's rails, Guardrails AI's validators, Logfire's view of agents'."""

from collections.abc import Sequence

from collectors.dialect import Dialect, Reading
from collectors.spans.outcomes import guarded
from store.model import LogRecord, Span, SpanKind

MARKS = ("guardrail_name", "guardrail.name", "validator_name", "rail.name")
AGENTS = "logfire.openai_agents"


def score(span: Span) -> int:
    a = span.attributes
    return 2 * (any(mark in a for mark in MARKS) or (span.scope_name == AGENTS and "triggered" in a))


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    name = str(a.get("name") or span.name)
    return {
        "kind": SpanKind.GUARDRAIL,
        "call": False,
        "outcomes": guarded(name, a, a.get("output.value"), failed=span.failed),
    }


GUARDRAILS = Dialect(name="guardrails", priority=78, score=score, extract=extract)
