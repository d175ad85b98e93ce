"""Vercel AI SDK 4 to 6: an outer span stands around one `doGenerate`, `doStream` or `doEmbed` per model call."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object, completed, usage_of
from collectors.apis.messages import Part, messages, parsed, text, tool_call
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Operation, Span, SpanKind

INNER = (".doGenerate", ".doStream", ".doEmbed")
COUNTS = {
    "input": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
    "output": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
    "total": ("ai.usage.totalTokens",),
    "reasoning": ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
    "cache_read": ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
    "cache_write": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
}
OF_PROVIDER = {
    "reasoning": ("reasoningTokens",), "cache_read": ("cachedPromptTokens", "cacheReadInputTokens"),
    "cache_write": ("cacheCreationInputTokens", "cacheWriteInputTokens"),
}  # fmt: skip
APART = ("anthropic", "bedrock")  # whose APIs count cached tokens apart from the input
DETAILED = "ai.usage.inputTokenDetails.cacheReadTokens"  # since version 6: there the input is the whole


def score(span: Span) -> int:
    return 3 * ("ai.operationId" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    operation = str(a["ai.operationId"])
    inner = operation.endswith(INNER)
    found: Reading = {"call": inner, "roof": not inner and operation != "ai.toolCall"}
    if not inner:
        found["kind"] = SpanKind.TOOL if operation == "ai.toolCall" else SpanKind.CHAIN
        return found
    embeds = operation.endswith(".doEmbed")
    found["kind"] = SpanKind.EMBEDDING if embeds else SpanKind.LLM
    found["operation"] = Operation.EMBEDDING if embeds else Operation.CHAT
    return {**found, **_call(a, stream=operation.endswith(".doStream")), **_content(a)}


def _call(a: Mapping[str, Any], *, stream: bool) -> Reading:
    tools = a.get("ai.prompt.tools")
    return {
        "provider": semconv.provider(a.get("ai.model.provider") or a.get("gen_ai.system")),
        "request_model": a.get("ai.model.id"),
        "response_model": a.get("ai.response.model"),
        "response_id": a.get("ai.response.id"),
        "usage": _usage(a),
        "stream": stream,
        "ttft_ms": semconv.number(a.get("ai.response.msToFirstChunk")),
        "finish_reasons": semconv.strings(a.get("ai.response.finishReason")),
        "tools_offered": len(tools) if isinstance(tools, list) else None,
        **semconv.settings({
            "temperature": a.get("ai.settings.temperature"),
            "max_tokens": a.get("ai.settings.maxOutputTokens", a.get("ai.settings.maxTokens")),
            "top_p": a.get("ai.settings.topP"),
            "seed": a.get("ai.settings.seed"),
        }),
    }  # fmt: skip


def _usage(a: Mapping[str, Any]) -> dict[str, Any]:
    """Take the counts; up to version 5 cached tokens may stand in the provider's own metadata only."""
    found = {f: v for f, names in COUNTS.items() if (v := semconv.first(a, names)) is not None}
    metadata = as_object(parsed(a.get("ai.response.providerMetadata")))
    for told in filter(None, map(as_object, metadata.values())):
        own = as_object(told.get("usage"))
        for field, names in OF_PROVIDER.items():
            if (value := semconv.first({**own, **told}, names)) is not None:
                found.setdefault(field, value)
        if "exclusive" in (counts := usage_of(own)):
            return completed(found, counts)
    if DETAILED not in a and any(name in str(a.get("ai.model.provider")) for name in APART):
        found["exclusive"] = True
    return found


def _content(a: Mapping[str, Any]) -> Reading:
    told = a.get("ai.values")
    values = [str(parsed(v)) for v in told] if isinstance(told, list) else []
    said: list[Part] = []
    if isinstance(a.get("ai.response.reasoning"), str):
        said.append({"type": "reasoning", "content": a["ai.response.reasoning"]})
    answer = a.get("ai.response.text") or a.get("ai.response.object")
    if answer:
        said.append(text(str(answer)))
    calls = parsed(a.get("ai.response.toolCalls"))
    said += [tool_call(c) for c in calls if isinstance(c, dict)] if isinstance(calls, list) else []
    return {
        "asked": [{"role": "user", "parts": [text(v) for v in values]}]
        if values
        else messages(a.get("ai.prompt.messages")),
        "answered": [{"role": "assistant", "parts": said}] if said else None,
    }


VERCEL = Dialect(name="vercel", priority=80, score=score, extract=extract)
