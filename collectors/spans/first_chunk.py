"""The first piece of a streamed answer, told by an event on the span: how long after the request it came."""

from store.model import Span

# OpenInference's one event; one a piece of OpenLLMetry (two lines of it) and Laminar, and of MLflow, which numbers them
EVENTS = (
    "First Token Stream Event", "llm.content.completion.chunk", "gen_ai.content.completion.chunk", "mlflow.chunk.item.",
)  # fmt: skip


def first_chunk(span: Span) -> float | None:
    """Return milliseconds; None where no event tells."""
    times = [e.time_ns for e in span.events if e.name.startswith(EVENTS) and e.time_ns >= span.start_ns > 0]
    return (min(times) - span.start_ns) / 1e6 if times else None
