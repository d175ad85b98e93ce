"""Laminar: the names of the GenAI conventions without an operation, a choice's messages with the choice around them."""

from collections.abc import Sequence

from collectors import folding
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from collectors.spans.outcomes import scored
from store.model import LogRecord, Operation, Span, SpanKind

TYPE = "lmnr.span.type"
KINDS = {
    "LLM": SpanKind.LLM, "TOOL": SpanKind.TOOL, "EVALUATOR": SpanKind.EVALUATOR,
    "HUMAN_EVALUATOR": SpanKind.EVALUATOR, "CACHED": SpanKind.LLM,
}  # fmt: skip


def score(span: Span) -> int:
    return 2 * (TYPE in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read what kind of span it is; which operation of a model only its name says (`openai.embeddings`)."""
    a = span.attributes
    kind = KINDS.get(str(a[TYPE]), SpanKind.CHAIN)
    if kind == SpanKind.EVALUATOR:
        return {"kind": kind, "call": False, "outcomes": scored(span.name, a.get("lmnr.span.output"))}
    if kind != SpanKind.LLM or not (a.get("gen_ai.request.model") or a.get("gen_ai.response.model")):
        return {"kind": kind, "call": False}
    operation = semconv.operation(a)[0] or folding.operation(span.name) or Operation.CHAT
    return {
        "call": True,
        "operation": operation,
        "kind": semconv.OPERATION_KINDS.get(operation, SpanKind.LLM),
        "cached": True if a[TYPE] == "CACHED" else None,
        "reported_cost_usd": semconv.number(a.get("gen_ai.usage.cost")),
    }


LAMINAR = Dialect(name="laminar", priority=30, score=score, extract=extract)
