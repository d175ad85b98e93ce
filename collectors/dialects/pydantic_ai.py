"""pydantic-ai: agents that repeat their totals, and, in 2025, content in one JSON attribute `events`."""

from collections.abc import Sequence
from typing import Any

from collectors.dialect import Dialect, Reading
from collectors.messages import Message, message, parsed
from store.model import LogRecord, Span, SpanKind

SCOPE = "pydantic-ai"
KINDS = {"agent run": SpanKind.AGENT, "running tools": SpanKind.CHAIN, "running tool": SpanKind.TOOL}
ASKED = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")


def score(span: Span) -> int:
    return 2 * span.scope_name.startswith(SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    if span.name in KINDS:
        return {"kind": KINDS[span.name], "call": False, "agent_name": span.attributes.get("agent_name")}
    events = parsed(span.attributes.get("events"))
    if not isinstance(events, list):
        return {}
    told = [e for e in events if isinstance(e, dict)]
    return {
        "asked": [_asked(e) for e in told if e.get("event.name") in ASKED],
        "answered": [_choice(e) for e in told if e.get("event.name") == "gen_ai.choice"],
    }


def _asked(event: dict[str, Any]) -> Message:
    return message({**event, "role": event.get("role") or str(event["event.name"]).split(".")[1]})


def _choice(event: dict[str, Any]) -> Message:
    said = event.get("message")
    return message(said if isinstance(said, dict) else {"content": said}, "assistant")


PYDANTIC_AI = Dialect(name="pydantic-ai", priority=50, score=score, extract=extract)
