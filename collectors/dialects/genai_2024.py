"""OpenTelemetry GenAI conventions up to 1.36: `gen_ai.system`, one event per message, content in span events before.

Emitters put the same events on log records (the official packages), on span events with JSON strings (Strands,
Azure), or as one prompt and one completion event (1.26, 1.27).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from collectors.apis.messages import Message, message, messages, parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span

ROLES = {
    "gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool", "gen_ai.developer.message": "developer",
}  # fmt: skip
CHOICE = "gen_ai.choice"
PROMPT, COMPLETION = "gen_ai.content.prompt", "gen_ai.content.completion"
CONTENT = "gen_ai.event.content"
EVENTS = frozenset({*ROLES, CHOICE, PROMPT, COMPLETION})


def score(span: Span) -> int:
    return int("gen_ai.system" in span.attributes or any(e.name in EVENTS for e in span.events))


def extract(span: Span, logs: Sequence[LogRecord]) -> Reading:
    found = semconv.read(span.attributes)
    if found["call"] is None and span.attributes.get("gen_ai.request.model") and "gen_ai.system" in span.attributes:
        found["call"] = True  # 1.26 had no operation name
    told = [*_of_logs(logs), *_of_events(span)]
    if told:
        found["asked"] = found.get("asked") or list(_asked(told))
        found["answered"] = found.get("answered") or list(_answered(told))
        found["finish_reasons"] = found.get("finish_reasons") or _finish(found["answered"])
    return found


def _of_logs(logs: Sequence[LogRecord]) -> Iterator[tuple[str, dict[str, Any]]]:
    for log in logs:
        if log.event_name in EVENTS:
            body = parsed(log.body)
            yield log.event_name, {**log.attributes, **(body if isinstance(body, dict) else {"content": body})}


def _of_events(span: Span) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the span's own events; Azure puts a message into one attribute, as JSON."""
    for event in span.events:
        if event.name in EVENTS:
            body = parsed(event.attributes.get(CONTENT))
            yield event.name, {**event.attributes, **(body if isinstance(body, dict) else {})}


def _asked(told: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Message]:
    for name, body in told:
        if name in ROLES:
            read = message({**body, "role": ROLES[name]})
            if read["parts"]:
                yield read
        elif name == PROMPT:
            yield from messages(body.get("gen_ai.prompt"))


def _answered(told: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Message]:
    choices = [body for name, body in told if name == CHOICE]
    for body in sorted(choices, key=lambda b: semconv.number(b.get("index")) or 0):
        yield from _choice(body)
    for name, body in told:
        if name == COMPLETION:
            yield from messages(body.get("gen_ai.completion"), "assistant")


def _choice(body: Mapping[str, Any]) -> Iterator[Message]:
    said = parsed(body.get("message"))
    for read in messages(said if said is not None else body.get("content"), "assistant") or [
        {"role": "assistant", "parts": []}
    ]:
        yield {**read, "role": "assistant", "finish_reason": body.get("finish_reason")}


def _finish(answered: list[Message]) -> list[str] | None:
    return [str(m["finish_reason"]) for m in answered if m.get("finish_reason")] or None


GENAI_2024 = Dialect(name="genai-2024", priority=10, score=score, extract=extract)
