"""vLLM's own traces: one `llm_request` span per request served, latencies in seconds."""

from collections.abc import Sequence

from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Operation, Span, SpanKind

TTFT, E2E = "gen_ai.latency.time_to_first_token", "gen_ai.latency.e2e"


def score(span: Span) -> int:
    return 2 * (E2E in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    seconds = semconv.number(a.get(TTFT))
    return {
        **semconv.read(a),
        "call": True,
        "kind": SpanKind.LLM,
        "operation": Operation.CHAT,
        "provider": "vllm",
        "response_id": a.get("gen_ai.request.id"),
        "request_model": a.get("gen_ai.request.model") or a.get("gen_ai.response.model"),
        "ttft_ms": seconds * 1000 if seconds is not None else None,
    }


VLLM = Dialect(name="vllm", priority=45, score=score, extract=extract)
