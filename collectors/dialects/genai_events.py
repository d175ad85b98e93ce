"""The message events of the GenAI conventions up to 1.36 as one JSON attribute: pydantic-ai and Logfire in 2025."""

from collections.abc import Sequence
from typing import Any

from collectors.apis.messages import Message, message, parsed
from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span

EVENTS = "events"
CHOICE = "gen_ai.choice"
ASKED = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")


def score(span: Span) -> int:
    return int(EVENTS in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read the messages; what the assistant says last is the answer, where no choice is told."""
    events = parsed(span.attributes[EVENTS])
    told = [e for e in events if isinstance(e, dict)] if isinstance(events, list) else []
    asked = [_asked(e) for e in told if e.get("event.name") in ASKED]
    answered = [_choice(e) for e in told if e.get("event.name") == CHOICE]
    if not answered and asked and asked[-1]["role"] == "assistant":
        answered = [asked.pop()]
    return {"asked": asked, "answered": answered}


def _asked(event: dict[str, Any]) -> Message:
    return message({**event, "role": event.get("role") or str(event["event.name"]).split(".")[1]})


def _choice(event: dict[str, Any]) -> Message:
    said = event.get("message")
    return message(said if isinstance(said, dict) else {"content": said}, "assistant")


GENAI_EVENTS = Dialect(name="genai-events", priority=50, score=score, extract=extract)
