"""Langfuse SDK 3 and later: an observation per span, its input, output and usage as JSON text."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import anthropic_usage, either, known, openai_usage
from collectors.apis.messages import messages, parsed
from collectors.dialect import Dialect, Reading
from collectors.folding import maker
from collectors.moments import EPOCH, moment
from collectors.spans import semconv
from collectors.spans.outcomes import guarded, scored
from store.model import LogRecord, Operation, Span, SpanKind, Status

TYPE = "langfuse.observation.type"
KINDS = {
    "generation": SpanKind.LLM, "embedding": SpanKind.EMBEDDING, "tool": SpanKind.TOOL, "agent": SpanKind.AGENT,
    "retriever": SpanKind.RETRIEVAL, "chain": SpanKind.CHAIN, "evaluator": SpanKind.EVALUATOR,
    "guardrail": SpanKind.GUARDRAIL,
}  # fmt: skip
CALLS = {SpanKind.LLM: Operation.CHAT, SpanKind.EMBEDDING: Operation.EMBEDDING}
METADATA = ("langfuse.trace.metadata.", "langfuse.observation.metadata.")
SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty", "presence_penalty", "n")


def score(span: Span) -> int:
    return 3 * (TYPE in span.attributes or span.scope_name == "langfuse-sdk")


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    kind = KINDS.get(str(a.get(TYPE)), SpanKind.OTHER)
    found: Reading = {"kind": kind, "call": kind in CALLS, **_context(a)}
    if kind in CALLS:
        found.update(_call(span, a, found["metadata"]))
        found["operation"] = CALLS[kind]
    if kind == SpanKind.RETRIEVAL:
        documents = parsed(a.get("langfuse.observation.output"))
        found["documents"] = documents if isinstance(documents, list) else None
    if kind == SpanKind.GUARDRAIL:
        failed = a.get("langfuse.observation.level") == "ERROR"
        found["outcomes"] = guarded(span.name, a, a.get("langfuse.observation.output"), failed=failed)
    if kind == SpanKind.EVALUATOR:
        found["outcomes"] = scored(span.name, a.get("langfuse.observation.output"))
    return found


def _context(a: Mapping[str, Any]) -> Reading:
    told = {name[len(p) :]: parsed(value) for name, value in a.items() for p in METADATA if name.startswith(p)}
    return {
        "session_id": a.get("session.id"),
        "user_id": a.get("user.id"),
        "environment": a.get("langfuse.environment"),
        "tags": semconv.strings(a.get("langfuse.trace.tags")),
        "prompt_name": a.get("langfuse.observation.prompt.name"),
        "prompt_version": a.get("langfuse.observation.prompt.version"),
        "metadata": told,
    }


def _call(span: Span, a: Mapping[str, Any], metadata: Mapping[str, Any]) -> Reading:
    asked_for = parsed(a.get("langfuse.observation.model.parameters"))
    settings = asked_for if isinstance(asked_for, dict) else {}
    settings.setdefault("max_tokens", settings.get("max_completion_tokens") or settings.get("max_output_tokens"))
    model = a.get("langfuse.observation.model.name")
    ttft = _ttft(span, a)
    failed = a.get("langfuse.observation.level") == "ERROR"
    costs = parsed(a.get("langfuse.observation.cost_details"))
    return {
        "provider": semconv.provider(metadata.get("ls_provider")) or maker(str(model or "")),
        "request_model": metadata.get("ls_model_name") or settings.get("model") or model,
        "response_model": model,
        "usage": usage(parsed(a.get("langfuse.observation.usage_details"))),
        "reported_cost_usd": semconv.number(costs.get("total")) or None if isinstance(costs, dict) else None,
        "stream": True if ttft is not None else None,
        "ttft_ms": ttft,
        "finish_reasons": semconv.strings(metadata.get("finish_reason")),
        "status": Status.ERROR if failed else None,
        "error_message": a.get("langfuse.observation.status_message") if failed else None,
        **semconv.settings({k: settings[k] for k in SETTINGS if settings.get(k) is not None}),
        **_content(a),
    }


def _ttft(span: Span, a: Mapping[str, Any]) -> float | None:
    """Return the time of the first token less the start; the time is ISO text in quotes."""
    began = moment(a.get("langfuse.observation.completion_start_time"))
    if began is None or not span.start_ns:
        return None
    return (began - EPOCH).total_seconds() * 1000 - span.start_ns / 1e6


def _content(a: Mapping[str, Any]) -> Reading:
    asked = parsed(a.get("langfuse.observation.input"))
    tools = asked.get("tools") if isinstance(asked, dict) else None
    output = a.get("langfuse.observation.output")
    return {
        "asked": messages(asked),
        "answered": messages(output, "assistant") if a.get(TYPE) == "generation" else None,
        "tools_offered": len(tools) if isinstance(tools, list) else None,
    }


def usage(details: Any) -> dict[str, Any] | None:
    """Read the four shapes: OpenAI's two, Langfuse's own, and LangChain's, whose sums leave out the details."""
    if not isinstance(details, dict):
        return None
    if "prompt_tokens" in details or "input_tokens_details" in details:
        return openai_usage(details)
    if "input_tokens" in details:
        return anthropic_usage(details) if "cache_read_input_tokens" in details else openai_usage(details)
    return known(
        {
            "input": details.get("input"),
            "output": details.get("output"),
            "total": details.get("total"),
            "cache_read": either(
                details, "input_cache_read", "input_cached_tokens", "cache_read_input_tokens", "input_cache_read_tokens"
            ),
            "cache_write": either(details, "input_cache_creation", "cache_creation_input_tokens"),
            "reasoning": either(details, "output_reasoning", "output_reasoning_tokens"),
            "exclusive": True,
            "exclusive_output": True,
        }
    )


LANGFUSE = Dialect(name="langfuse", priority=90, score=score, extract=extract)
