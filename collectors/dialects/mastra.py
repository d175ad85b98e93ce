"""Mastra's AI tracing: a generation stands around its steps, and each step is one request with the provider's body."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object
from collectors.apis.exchange import request_fields, response_fields
from collectors.apis.messages import Part, messages, parsed, text, tool_call
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Operation, Span, SpanKind, Status

TYPE = "mastra.span.type"
GENERATIONS, STEPS = ("model_generation", "llm_generation"), ("model_step", "llm_step")
KINDS = {"agent_run": SpanKind.AGENT, "tool_call": SpanKind.TOOL, "mcp_tool_call": SpanKind.TOOL}
CHUNKS = ("model_chunk", "llm_chunk")
TOLD = ("answered", "finish_reasons", "usage", "response_model")


def score(span: Span) -> int:
    return 3 * (TYPE in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a generation or a step; a generation of several steps has their sums, and only they are calls."""
    a = span.attributes
    kind = str(a[TYPE])
    if kind in GENERATIONS:
        return {**_model(), **_generation(a)}
    if kind in STEPS:
        return {**_model(), **_step(a)}
    of = SpanKind.OTHER if kind in CHUNKS else KINDS.get(kind, SpanKind.CHAIN)
    named = semconv.first(a, ("gen_ai.agent.name", "gen_ai.agent.id")) if of == SpanKind.AGENT else None
    return {"call": False, "kind": of, "agent_name": named}


def _model() -> Reading:
    return {"call": True, "kind": SpanKind.LLM, "operation": Operation.CHAT}


def _generation(a: Mapping[str, Any]) -> Reading:
    reasons = semconv.strings(a.get("gen_ai.response.finish_reasons"))
    return {
        "asked": messages(a.get("input") or a.get("gen_ai.prompt")),
        "answered": _answered(as_object(parsed(a.get("output") or a.get("gen_ai.completion")))),
        "finish_reasons": reasons,
        "status": Status.ERROR if reasons == ["error"] else None,
    }


def _step(a: Mapping[str, Any]) -> Reading:
    """Read the request as it was sent, and the answer: its body may be cut where it is deep, or missing."""
    asked = request_fields(as_object(as_object(parsed(a.get("input"))).get("body")))
    came = response_fields(as_object(parsed(a.get("body"))))
    found = {name: came[name] for name in TOLD if name in came}
    model = as_object(parsed(a.get("modelMetadata")))
    return {
        "response_model": a.get("modelId"),
        "request_model": model.get("modelId"),
        "provider": semconv.provider(model.get("modelProvider")),
        "response_id": a.get("id"),
        **asked,
        **found,
        "answered": _answered(as_object(parsed(a.get("output")))) or found.get("answered"),
    }


def _answered(told: Mapping[str, Any]) -> list[Any] | None:
    calls = told.get("toolCalls")
    reasoning = told.get("reasoningText") or told.get("reasoning")
    said: list[Part] = [{"type": "reasoning", "content": reasoning}] if reasoning and type(reasoning) is str else []
    if answer := told.get("text"):
        said.append(text(str(answer)))
    said += [tool_call(c) for c in calls if isinstance(c, dict)] if isinstance(calls, list) else []
    return [{"role": "assistant", "parts": said}] if said else None


MASTRA = Dialect(name="mastra", priority=80, score=score, extract=extract)
