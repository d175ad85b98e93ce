"""The Mistral SDK's own tracing, beside whatever else instruments it: named by the API's operation, no content."""

from collections.abc import Sequence

from collectors import folding
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Operation, Span, SpanKind

SCOPE = "mistralai_sdk_tracer"


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE and "gen_ai.request.model" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a request that names a model; its operation is `chat_completion_v1_chat_completions_post` or the like."""
    found = semconv.read(span.attributes)
    if found["operation"] is None:
        operation = folding.operation(span.name) or Operation.CHAT
        found.update({"operation": operation, "kind": semconv.OPERATION_KINDS.get(operation, SpanKind.LLM)})
    streams = "stream" in span.name or str(span.attributes.get("http.url")).endswith("#stream")
    return {**found, "call": True, "provider": "mistral_ai", "stream": True if streams else None}


MISTRAL_SDK = Dialect(name="mistral-sdk", priority=25, score=score, extract=extract)
