"""LangWatch: inputs and outputs as `{type, value}`, counts and times as JSON; models as `vendor/model`."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import settings
from collectors.apis.messages import messages, parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from collectors.spans.outcomes import Outcome, guarded, scored
from store.model import LogRecord, Operation, Span, SpanKind

TYPE = "langwatch.span.type"
KINDS = {
    "llm": SpanKind.LLM, "tool": SpanKind.TOOL, "agent": SpanKind.AGENT, "rag": SpanKind.RETRIEVAL,
    "retrieval": SpanKind.RETRIEVAL, "guardrail": SpanKind.GUARDRAIL, "evaluation": SpanKind.EVALUATOR,
}  # fmt: skip
METRICS = {
    "input": "prompt_tokens", "output": "completion_tokens", "reasoning": "reasoning_tokens",
    "cache_read": "cache_read_input_tokens", "cache_write": "cache_creation_input_tokens",
    "estimated": "tokens_estimated",
}  # fmt: skip
WHO = {"session_id": "langwatch.thread.id", "user_id": "langwatch.user.id", "tenant": "langwatch.customer.id"}


def score(span: Span) -> int:
    return 3 * (TYPE in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    kind = KINDS.get(str(a[TYPE]), SpanKind.CHAIN)
    told = as_object(parsed(a.get("metadata")))
    found: Reading = {
        "kind": kind,
        "call": kind == SpanKind.LLM and "gen_ai.request.model" in a,
        "metadata": dict(told) or None,
        "tags": semconv.strings(a.get("langwatch.tags") or told.get("labels")),
        "prompt_name": a.get("langwatch.prompt.handle") or a.get("langwatch.prompt.id"),
        "prompt_version": a.get("langwatch.prompt.version.number"),
        **{field: a.get(name) for field, name in WHO.items()},
    }
    if found["call"]:
        found.update(_call(a))
    if kind == SpanKind.RETRIEVAL:
        documents = parsed(a.get("langwatch.rag_contexts") or a.get("langwatch.contexts"))
        found["documents"] = documents if isinstance(documents, list) else None
    if kind in (SpanKind.GUARDRAIL, SpanKind.EVALUATOR):
        found["outcomes"] = _judged(span, kind)
    return found


def _call(a: Mapping[str, Any]) -> Reading:
    params, metrics = as_object(parsed(a.get("langwatch.params"))), as_object(parsed(a.get("langwatch.metrics")))
    vendor, _, model = str(a["gen_ai.request.model"]).rpartition("/")
    times = as_object(parsed(a.get("langwatch.timestamps")))
    start, first = semconv.number(times.get("started_at")), semconv.number(times.get("first_token_at"))
    tools = params.get("tools")
    return {
        "operation": Operation.CHAT,
        "provider": semconv.provider(a.get("gen_ai.system") or vendor),
        "request_model": model,
        "usage": known({field: metrics.get(name) for field, name in METRICS.items()}) or None,
        "reported_cost_usd": semconv.number(metrics.get("cost")),
        "ttft_ms": first - start if start and first and first >= start else None,
        "stream": semconv.truth(params.get("stream")),
        "tools_offered": len(tools) if isinstance(tools, list) else None,
        "asked": messages(_value(a, "langwatch.input")),
        "answered": messages(_value(a, "langwatch.output"), "assistant"),
        **settings(params),
    }


def _value(a: Mapping[str, Any], name: str) -> Any:
    """Return what was given or got; a list holds more of the same."""
    told = parsed(a.get(name))
    value = told.get("value") if isinstance(told, dict) and "type" in told else told
    if isinstance(told, dict) and told.get("type") == "list" and isinstance(value, list):
        return [as_object(one).get("value", one) for one in value]
    return value


def _judged(span: Span, kind: SpanKind) -> list[Outcome] | None:
    said = as_object(_value(span.attributes, "langwatch.output"))
    if kind == SpanKind.GUARDRAIL:
        told = {"passed": said.get("passed"), "reason": said.get("details")}
        return guarded(span.name, told, None, failed=span.failed)
    passed = {"True": "passed", "False": "failed"}.get(str(said.get("passed")))
    return scored(span.name, {**said, "label": said.get("label") or passed, "explanation": said.get("details")})


LANGWATCH = Dialect(name="langwatch", priority=60, score=score, extract=extract)
