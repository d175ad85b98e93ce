"""Strands Agents in 2025: agents and calls of models under like attributes, content as a prompt and a completion."""

from collections.abc import Sequence

from collectors.apis.messages import messages
from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span, SpanKind

SCOPE = "strands-agents"


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE and "gen_ai.request.model" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a call of the model; what has tools at hand is the agent, which carries the totals of its calls."""
    a = span.attributes
    if "gen_ai.agent.tools" in a:
        return {"call": False, "kind": SpanKind.AGENT}
    return {"asked": messages(a.get("gen_ai.prompt")), "answered": messages(a.get("gen_ai.completion"), "assistant")}


STRANDS = Dialect(name="strands", priority=50, score=score, extract=extract)
