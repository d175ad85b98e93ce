"""OpenLLMetry (Traceloop): the indexed attributes of its 2023-2025 line, and what its SDK's decorators say.

The 2026 line speaks the GenAI conventions; only its extras are read here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.messages import Message, Part, message, parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from collectors.spans.indexed import nested
from collectors.spans.outcomes import tripped
from store.model import LogRecord, Operation, Span, SpanKind

TYPES = {
    "chat": Operation.CHAT, "completion": Operation.COMPLETION, "embedding": Operation.EMBEDDING,
    "rerank": Operation.RERANK,
}  # fmt: skip
KINDS = {
    "workflow": SpanKind.CHAIN, "task": SpanKind.CHAIN, "agent": SpanKind.AGENT, "tool": SpanKind.TOOL,
}  # fmt: skip

RETRIEVED = ('{"documents": ', '["{\\"node\\": ')
INDEXED = ("gen_ai.prompt.0.role", "gen_ai.completion.0.role")
MARKS = ("llm.request.type", "gen_ai.request.type", "traceloop.span.kind", "traceloop.workflow.name", *INDEXED)


def score(span: Span) -> int:
    a = span.attributes
    return 2 * any(mark in a for mark in MARKS)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    found: Reading = {"user_id": a.get("llm.user"), "workflow": a.get("traceloop.workflow.name")}
    if (documents := _retrieved(a)) is not None:
        return {**found, "kind": SpanKind.RETRIEVAL, "call": False, "documents": documents}
    kind = KINDS.get(str(a.get("traceloop.span.kind")))
    if kind is not None and semconv.operation(a)[0] is None:  # LlamaIndex's models are tasks
        return {**found, "kind": kind, "call": False, "outcomes": tripped(span.status_message)}
    operation = TYPES.get(str(a.get("llm.request.type") or a.get("gen_ai.request.type")))  # the latter: AgentOps
    if operation is None and not any(mark in a for mark in INDEXED):
        return found
    found.update(semconv.read(a))
    operation = operation or Operation.CHAT  # a response of the Responses API says no type
    found["kind"] = semconv.OPERATION_KINDS.get(operation, SpanKind.LLM)
    found["call"] = bool(a.get("gen_ai.request.model") or a.get("gen_ai.response.model") or found["usage"])
    found["operation"] = Operation.CHAT if _chats(span) else operation
    found["tools_offered"] = found.get("tools_offered") or len(nested(a, "llm.request.functions.")) or None
    return {**found, **_content(a, found)}


def _retrieved(a: Mapping[str, Any]) -> list[Any] | None:
    """Return what a retriever of LangChain or LlamaIndex gave back; None for what is none."""
    told = a.get("traceloop.entity.output")
    if not isinstance(told, str) or not told.startswith(RETRIEVED):
        return None
    output = parsed(told)
    if isinstance(output, dict):
        return output["documents"] if isinstance(output.get("documents"), list) else None
    found = [as_object(parsed(item)) for item in output] if isinstance(output, list) else []
    nodes = [(as_object(item.get("node")), item.get("score")) for item in found]
    return [known({"id": n.get("id_"), "content": n.get("text"), "score": score}) for n, score in nodes] or None


def _chats(span: Span) -> bool:
    """Whether it is a chat: the 2025 line calls Anthropic's and others' a completion, in `anthropic.chat`."""
    return span.attributes.get("gen_ai.operation.name") == "chat" or span.name.endswith(".chat")


def _content(a: Mapping[str, Any], found: Reading) -> Reading:
    asked = [_message(m, "user") for m in nested(a, "gen_ai.prompt.")]
    answered = _with_thoughts([_message(m, "assistant") for m in nested(a, "gen_ai.completion.")])
    reasons = [str(m["finish_reason"]) for m in answered if m.get("finish_reason")]
    return {
        "asked": found.get("asked") or [m for m in asked if m["parts"]],
        "answered": found.get("answered") or [m for m in answered if m["parts"]],
        "finish_reasons": found.get("finish_reasons") or reasons or None,
    }


def _with_thoughts(answered: list[Message]) -> list[Message]:
    """Put what a model thought before the answer that it led to: it is told as a message of the role `thinking`."""
    found: list[Message] = []
    thoughts: list[Part] = []
    for said in answered:
        if said["role"] == "thinking":
            thoughts += [{**p, "type": "reasoning"} for p in said["parts"]]
        else:
            found.append({**said, "parts": [*thoughts, *said["parts"]]})
            thoughts = []
    return [*found, {"role": "assistant", "parts": thoughts}] if thoughts else found


def _message(item: Any, role: str) -> Message:
    if not isinstance(item, dict):
        return {"role": role, "parts": []}
    if isinstance(item.get("function_call"), dict):
        item = {**item, "tool_calls": [item["function_call"]]}
    return message(item, role)


OPENLLMETRY = Dialect(name="openllmetry", priority=40, score=score, extract=extract)
