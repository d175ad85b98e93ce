"""OpenTelemetry GenAI conventions from 1.37 on: content in attributes, on the span or on details events."""

from collections.abc import Sequence

from collectors.dialect import Dialect, Reading, merge
from collectors.spans import semconv
from store.model import LogRecord, Span

DETAILS = "gen_ai.client.inference.operation.details"
MARKS = ("gen_ai.provider.name", "gen_ai.operation.name", "gen_ai.input.messages", "gen_ai.response.id")


def score(span: Span) -> int:
    attributes = span.attributes
    return sum(mark in attributes for mark in MARKS)


def extract(span: Span, logs: Sequence[LogRecord]) -> Reading:
    """Read the span, then whatever a details event of the same call says beyond it."""
    found = semconv.read(span.attributes)
    for log in logs:
        if log.event_name == DETAILS:
            merge(found, semconv.read(log.attributes))
    for event in span.events:  # Strands Agents puts each side of the conversation into one of its own
        if event.name == DETAILS:
            merge(found, semconv.read(event.attributes))
    return found


GENAI = Dialect(name="genai", priority=20, score=score, extract=extract)
