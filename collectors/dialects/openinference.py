"""OpenInference (Arize): flattened message lists, `llm.token_count.*`, raw input.value and output.value."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import completed, usage_of
from collectors.apis.messages import Message, Part, message, messages, parsed, part, tool_call
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from collectors.spans.indexed import nested
from collectors.spans.outcomes import guarded, scored, tripped
from store.model import LogRecord, Operation, Span, SpanKind

KINDS = {
    "LLM": SpanKind.LLM, "EMBEDDING": SpanKind.EMBEDDING, "RETRIEVER": SpanKind.RETRIEVAL, "RERANKER": SpanKind.RERANK,
    "CHAIN": SpanKind.CHAIN, "AGENT": SpanKind.AGENT, "TOOL": SpanKind.TOOL, "GUARDRAIL": SpanKind.GUARDRAIL,
    "EVALUATOR": SpanKind.EVALUATOR, "PROMPT": SpanKind.OTHER,
}  # fmt: skip
CALLS = {
    SpanKind.LLM: Operation.CHAT, SpanKind.EMBEDDING: Operation.EMBEDDING, SpanKind.RERANK: Operation.RERANK,
}  # fmt: skip
COUNTS = {
    "input": ("llm.token_count.prompt",),
    "output": ("llm.token_count.completion",),
    "total": ("llm.token_count.total",),
    "cache_read": ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"),
    "cache_write": ("llm.token_count.prompt_details.cache_write",),
    "reasoning": ("llm.token_count.completion_details.reasoning",),
    "input_audio": ("llm.token_count.prompt_details.audio",),
    "output_audio": ("llm.token_count.completion_details.audio",),
}
RESPONSE_MODEL = ("llm.response.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name")
NOTHING: tuple[Any, ...] = (
    [],
    {"documents": []},
    {"result": []},
    {"results": []},
)  # what a retrieval that found nothing gives back
SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty", "presence_penalty", "n")


def score(span: Span) -> int:
    return 2 * ("openinference.span.kind" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    kind = KINDS.get(str(a.get("openinference.span.kind")).upper(), SpanKind.OTHER)
    found: Reading = {"kind": kind, "call": kind in CALLS, **_context(a)}
    if kind in CALLS:
        found["operation"] = CALLS[kind]
        found.update(_call(a))
        if kind == SpanKind.EMBEDDING:
            found["answered"] = None  # vectors, however they are written
        found["call"] = _told(found)
    if kind in (SpanKind.RETRIEVAL, SpanKind.RERANK):
        found["documents"] = _documents(a)
    if kind == SpanKind.GUARDRAIL:
        found["outcomes"] = guarded(span.name, a, a.get("output.value"), failed=span.failed)
    if kind == SpanKind.AGENT:
        found["outcomes"] = tripped(span.status_message)
    if kind == SpanKind.EVALUATOR:
        found["outcomes"] = scored(span.name, a.get("output.value"))
    return found


def _context(a: Mapping[str, Any]) -> Reading:
    return {
        "session_id": a.get("session.id"),
        "user_id": a.get("user.id"),
        "agent_name": a.get("agent.name"),
        "tags": semconv.strings(a.get("tag.tags")),
        "prompt_version": a.get("llm.prompt_template.version"),
        "metadata": told if isinstance(told := parsed(a.get("metadata")), dict) else None,
    }


def _call(a: Mapping[str, Any]) -> Reading:
    asked = parsed(a.get("llm.invocation_parameters"))
    settings = asked if isinstance(asked, dict) else {}
    request, response = parsed(a.get("input.value")), parsed(a.get("output.value"))
    return {
        "provider": semconv.provider(a.get("llm.provider") or a.get("llm.system")),
        "request_model": a.get("llm.request.model_name") or settings.get("model") or _field(request, "model"),
        "response_model": semconv.first(a, RESPONSE_MODEL),
        "response_id": _response_id(response),
        "usage": _usage(a, response),
        "reported_cost_usd": semconv.number(a.get("llm.cost.total")),
        # a no may be a setting of LangChain's model that was asked to stream all the same
        "stream": semconv.truth(_field(request, "stream") or settings.get("stream")) or None,
        "finish_reasons": semconv.strings(a.get("llm.finish_reason")) or _finish_reasons(response),
        "tools_offered": len(nested(a, "llm.tools.")) or None,
        **semconv.settings({k: settings[k] for k in SETTINGS if k in settings}),
        **_content(a, request, response),
    }


def _usage(a: Mapping[str, Any], response: Any) -> dict[str, Any]:
    """Read the counts; what 2025's attributes leave out stands in the raw response, which tells what they include."""
    found = {f: v for f, names in COUNTS.items() if (v := semconv.first(a, names)) is not None}
    return completed(found, usage_of(_field(response, "usage")))


def _told(found: Reading) -> bool:
    """Whether anything of a model is told: a bare span of kind LLM (a framework's failed step) is no call."""
    return any(found.get(name) for name in ("request_model", "response_model", "usage", "answered"))


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _response_id(response: Any) -> str | None:
    """Return the provider's id, from the raw response or from LangChain's around it."""
    if not isinstance(response, dict):
        return None
    if isinstance(response.get("id"), str):
        return str(response["id"])
    generations = response.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    metadata = _field(_field(_field(generations, "message"), "kwargs"), "response_metadata")
    found = _field(metadata, "id") or _field(response.get("llm_output"), "id")
    return found if isinstance(found, str) else None


def _finish_reasons(response: Any) -> list[str] | None:
    choices = _field(response, "choices")
    if isinstance(choices, list):
        return [str(c["finish_reason"]) for c in choices if isinstance(c, dict) and c.get("finish_reason")] or None
    ended = _field(response, "status") if _field(response, "object") == "response" else _field(response, "stop_reason")
    return semconv.strings(ended)


def _content(a: Mapping[str, Any], request: Any, response: Any) -> Reading:
    """Read what was asked and answered; a template with `prompt_args` is not yet what was asked (LlamaIndex)."""
    asked = [_message(m, "user") for m in nested(a, "llm.input_messages.")]
    answered = [_message(m, "assistant") for m in nested(a, "llm.output_messages.")]
    return {
        "asked": asked or _embedded(a) or _prompts(a) or ([] if _field(request, "prompt_args") else messages(request)),
        "answered": [m for m in answered if m["parts"]] or _completions(a) or messages(response, "assistant"),
    }


def _prompts(a: Mapping[str, Any]) -> list[Message]:
    """What a completion was asked: a list of texts, flattened since 2026; or what a reranker was."""
    told = a.get("llm.prompts")
    texts = told if isinstance(told, list) else [_field(_field(p, "prompt"), "text") for p in nested(a, "llm.prompts.")]
    query = a.get("reranker.query")
    return [{"role": "user", "parts": [part(text)]} for text in (*texts, query) if isinstance(text, str)]


def _completions(a: Mapping[str, Any]) -> list[Message]:
    texts = [_field(_field(choice, "completion"), "text") for choice in nested(a, "llm.choices.")]
    return [{"role": "assistant", "parts": [part(text)]} for text in texts if isinstance(text, str)]


def _embedded(a: Mapping[str, Any]) -> list[Message]:
    """What was embedded; vectors stand beside it and are left alone."""
    texts = [v for k, v in a.items() if k.startswith("embedding.embeddings.") and k.endswith(".text")]
    return [{"role": "user", "parts": [part(text) for text in texts]}] if texts else []


def _message(item: Any, role: str) -> Message:
    said = item.get("message") if isinstance(item, dict) else None
    if not isinstance(said, dict):
        return {"role": role, "parts": []}
    calls = [tool_call(c["tool_call"]) for c in said.get("tool_calls") or () if _is_call(c)]
    contents = said.get("contents")
    flat = {k: v for k, v in said.items() if k not in ("contents", "tool_calls", "content")}
    if isinstance(contents, list) and contents:
        read: Message = {**message({**flat, "content": None}, role), "parts": [_part(c) for c in contents]}
    else:
        read = message({**flat, "content": said.get("content")}, role)
    return {**read, "parts": [*read["parts"], *calls]}


def _is_call(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("tool_call"), dict)


def _part(item: Any) -> Part:
    inner = item.get("message_content") if isinstance(item, dict) else None
    if not isinstance(inner, dict):
        return part(item)
    image = inner.get("image")
    if isinstance(image, dict):
        return part({"type": "image_url", "image_url": image.get("image", image)})
    return part(inner)


def _documents(a: Mapping[str, Any]) -> list[Any] | None:
    found = nested(a, "retrieval.documents.") or nested(a, "reranker.output_documents.")
    documents = [d.get("document", d) for d in found if isinstance(d, dict)]
    if not documents:
        return [] if parsed(a.get("output.value")) in NOTHING else None
    return [{**d, "metadata": parsed(d["metadata"])} if "metadata" in d else d for d in documents]


OPENINFERENCE = Dialect(name="openinference", priority=60, score=score, extract=extract)
