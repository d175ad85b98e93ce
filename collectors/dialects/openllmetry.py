"""OpenLLMetry (Traceloop): the indexed attributes of its 2023-2025 line, and what its SDK's decorators say.

The 2026 line speaks the GenAI conventions; only its extras are read here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors import semconv
from collectors.dialect import Dialect, Reading
from collectors.indexed import nested
from collectors.messages import Message, message
from store.model import LogRecord, Operation, Span, SpanKind

TYPES = {
    "chat": Operation.CHAT, "completion": Operation.COMPLETION, "embedding": Operation.EMBEDDING,
    "rerank": Operation.RERANK,
}  # fmt: skip
KINDS = {
    "workflow": SpanKind.CHAIN, "task": SpanKind.CHAIN, "agent": SpanKind.AGENT, "tool": SpanKind.TOOL,
}  # fmt: skip


def score(span: Span) -> int:
    a = span.attributes
    return 2 * ("llm.request.type" in a or "traceloop.span.kind" in a or "traceloop.workflow.name" in a)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    found: Reading = {"user_id": a.get("llm.user"), "workflow": a.get("traceloop.workflow.name")}
    kind = KINDS.get(str(a.get("traceloop.span.kind")))
    if kind is not None:
        return {**found, "kind": kind, "call": False}
    operation = TYPES.get(str(a.get("llm.request.type")))
    if operation is None:
        return found
    found.update(semconv.read(a))
    found["kind"] = semconv.OPERATION_KINDS.get(operation, SpanKind.LLM)
    found["call"] = bool(a.get("gen_ai.request.model") or a.get("gen_ai.response.model") or found["usage"])
    found["operation"] = Operation.CHAT if _chats(span) else operation
    found["tools_offered"] = found.get("tools_offered") or len(nested(a, "llm.request.functions.")) or None
    return {**found, **_content(a, found)}


def _chats(span: Span) -> bool:
    """Whether it is a chat: the 2025 line calls Anthropic's and others' a completion, in `anthropic.chat`."""
    return span.attributes.get("gen_ai.operation.name") == "chat" or span.name.endswith(".chat")


def _content(a: Mapping[str, Any], found: Reading) -> Reading:
    asked = [_message(m, "user") for m in nested(a, "gen_ai.prompt.")]
    answered = [_message(m, "assistant") for m in nested(a, "gen_ai.completion.")]
    reasons = [str(m["finish_reason"]) for m in answered if m.get("finish_reason")]
    return {
        "asked": found.get("asked") or [m for m in asked if m["parts"]],
        "answered": found.get("answered") or [m for m in answered if m["parts"]],
        "finish_reasons": found.get("finish_reasons") or reasons or None,
    }


def _message(item: Any, role: str) -> Message:
    if not isinstance(item, dict):
        return {"role": role, "parts": []}
    if isinstance(item.get("function_call"), dict):
        item = {**item, "tool_calls": [item["function_call"]]}
    return message(item, role)


OPENLLMETRY = Dialect(name="openllmetry", priority=40, score=score, extract=extract)
