"""The names of the OpenTelemetry GenAI conventions, all versions: attributes of a span or of a details event."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from collectors import folding
from collectors.apis.messages import messages, parsed
from collectors.dialect import MANY, Reading
from store.model import Operation, SpanKind

CALLS = {
    "chat": Operation.CHAT, "generate_content": Operation.CHAT, "text_completion": Operation.COMPLETION,
    "completion": Operation.COMPLETION, "acompletion": Operation.CHAT, "embeddings": Operation.EMBEDDING,
    "embedding": Operation.EMBEDDING, "rerank": Operation.RERANK, "image_generation": Operation.IMAGE,
    "image": Operation.IMAGE, "audio": Operation.AUDIO, "speech": Operation.AUDIO, "transcription": Operation.AUDIO,
    "moderation": Operation.OTHER,
    # LiteLLM's own, written for the conventions' too
    "responses": Operation.CHAT, "aresponses": Operation.CHAT, "anthropic_messages": Operation.CHAT,
    "aembedding": Operation.EMBEDDING, "atext_completion": Operation.COMPLETION, "arerank": Operation.RERANK,
}  # fmt: skip
KINDS = {
    "execute_tool": SpanKind.TOOL, "retrieval": SpanKind.RETRIEVAL, "create_agent": SpanKind.AGENT,
    "invoke_agent": SpanKind.AGENT, "agent_step": SpanKind.CHAIN, "invoke_workflow": SpanKind.CHAIN,
    "plan": SpanKind.AGENT, "execute_task": SpanKind.CHAIN, "chain": SpanKind.CHAIN, "parser": SpanKind.CHAIN,
    "execute_event_loop_cycle": SpanKind.CHAIN, "search_memory": SpanKind.RETRIEVAL,
}  # fmt: skip
OPERATION_KINDS = {Operation.EMBEDDING: SpanKind.EMBEDDING, Operation.RERANK: SpanKind.RERANK}
NO_PROVIDER = frozenset({  # frameworks and blanks
    "none", "unknown", "langchain", "llamaindex", "llama_index", "strands-agents", "haystack", "dspy", "crewai",
    "litellm", "semantic_kernel", "microsoft.agent_framework",
})  # fmt: skip

# field → names, the newest first
NAMES: dict[str, tuple[str, ...]] = {
    "request_model": ("gen_ai.request.model",),
    "response_model": ("gen_ai.response.model",),
    "response_id": ("gen_ai.response.id",),
    "session_id": ("gen_ai.conversation.id", "session.id"),
    "user_id": ("user.id", "enduser.id", "gen_ai.user"),
    "agent_name": ("gen_ai.agent.name",),
    "workflow": ("gen_ai.workflow.name",),
}
COUNTS: dict[str, tuple[str, ...]] = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached", "gen_ai.usage.cache_read_tokens",
        "gen_ai.usage.input_tokens.cache_read", "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cached_tokens", "gen_ai.usage.details.cache_read_input_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_tokens",
        "gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning", "gen_ai.usage.details.reasoning_tokens",
    ),
    "total": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
    "input_audio": ("gen_ai.usage.audio.input_tokens",),
    "output_audio": ("gen_ai.usage.audio.output_tokens",),
    "image": ("gen_ai.usage.image.input_tokens",),
}  # fmt: skip
SETTINGS: dict[str, tuple[str, ...]] = {
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "top_k": ("gen_ai.request.top_k", "llm.top_k"),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "seed": ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", "llm.frequency_penalty"),
    "presence_penalty": ("gen_ai.request.presence_penalty", "llm.presence_penalty"),
    "n": ("gen_ai.request.choice.count",),
}
SLOTS: dict[str, tuple[str, str, int]] = {
    name: (group, field, rank)
    for group, table in (("names", NAMES), ("usage", COUNTS), ("settings", SETTINGS))
    for field, names in table.items()
    for rank, name in enumerate(names)
}
STREAM = ("gen_ai.request.stream", "gen_ai.request.is_stream", "gen_ai.is_streaming", "llm.is_streaming")
FIRST_CHUNK_S = ("gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk")
ASKED = ("gen_ai.input.messages", "gen_ai.request.messages")  # the latter, and its pair: Sentry
ANSWERED = ("gen_ai.output.messages", "gen_ai.response.text")
INTEGERS = frozenset({"max_tokens", "seed", "n"})


def first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return value
    return None


def provider(raw: Any) -> str | None:
    """Fold a provider's many spellings; None when the name says nothing (`_OTHER`, a framework's)."""
    name = folding.provider(raw)
    if name is None or name in NO_PROVIDER:
        return None
    head = name.split(".")[0]
    return name if head in ("azure", "aws", "gcp", "ibm") else head


def number(value: Any) -> float | None:
    """Return a finite number, from text too; None for everything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def settings(values: Mapping[str, Any]) -> Reading:
    """Request settings under their canonical names; what is no number or negative without sense is left out."""
    found: Reading = {}
    for name, raw in values.items():
        value = number(raw)
        if value is None or (value < 0 and not name.endswith("penalty")):
            continue
        if name not in INTEGERS:
            found[name] = value
        elif abs(value) < 1 << 62:
            found[name] = int(value)
    return found


def usage(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the raw counts."""
    return sorted_out(attributes).get("usage")


def sorted_out(attributes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the names of `NAMES`, `COUNTS` and `SETTINGS` say, under `names`, `usage` and `settings`.

    This is the hottest path of loading: which names a shape of span has is worked out once.
    """
    found: dict[str, dict[str, Any]] = {}
    names = tuple(attributes)
    for name, group, field in _slots(names) if len(names) <= MANY else _slots.__wrapped__(names):
        value = attributes[name]
        if value is not None:
            found.setdefault(group, {})[field] = value
    return found


@lru_cache(maxsize=4096)
def _slots(names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Return (name, group, field) of the names that say something, the newest last: its word counts."""
    known = sorted((-SLOTS[name][2], name) for name in names if name in SLOTS)
    return tuple((name, *SLOTS[name][:2]) for _, name in known)


def strings(value: Any) -> list[str] | None:
    """Return a list of texts, from a JSON string or a single text too."""
    value = parsed(value)
    if isinstance(value, str):
        value = [value]
    return [str(v) for v in value if v is not None] if isinstance(value, list) and value else None


def operation(attributes: Mapping[str, Any]) -> tuple[Operation | None, SpanKind | None]:
    """What `gen_ai.operation.name` means: an operation of a model, or a kind of another span."""
    name = attributes.get("gen_ai.operation.name")
    if name is None:
        return None, None
    name = str(name)
    op = CALLS.get(name)
    return op, OPERATION_KINDS.get(op, SpanKind.LLM) if op else KINDS.get(name, SpanKind.OTHER)


def read(a: Mapping[str, Any]) -> Reading:
    """Read everything the conventions have a name for."""
    op, kind = operation(a)
    told = sorted_out(a)
    counts = told.get("usage")
    found: Reading = {
        **told.get("names", {}),
        **settings(told.get("settings", {})),
        "usage": counts,
        "operation": op,
        "kind": kind,
        "call": _is_call(a, op, kind, counts),
        "provider": provider(a.get("gen_ai.provider.name") or a.get("gen_ai.system")),
        "finish_reasons": finish_reasons(a),
        "stream": truth(first(a, STREAM)),
        "ttft_ms": _ttft(a),
    }
    found.update(conversation(a))
    return found


def _is_call(a: Mapping[str, Any], op: Operation | None, kind: SpanKind | None, counts: Any) -> bool | None:
    if op is not None:
        return bool(a.get("gen_ai.request.model") or a.get("gen_ai.response.model") or counts)
    if kind is not None:
        return False
    return None


def finish_reasons(a: Mapping[str, Any]) -> list[str] | None:
    """How each choice ended."""
    return strings(a.get("gen_ai.response.finish_reasons") or a.get("gen_ai.response.finish_reason"))


def _ttft(a: Mapping[str, Any]) -> float | None:
    seconds = number(first(a, FIRST_CHUNK_S))
    return seconds * 1000 if seconds is not None and seconds >= 0 else None


def conversation(a: Mapping[str, Any]) -> Reading:
    """Read what was asked and answered, under which instructions, with which tools and documents at hand."""
    found: Reading = {}
    if (asked := first(a, ASKED)) is not None:
        found["asked"] = messages(asked)
    if (answered := first(a, ANSWERED)) is not None:
        found["answered"] = messages(answered, "assistant")
    if (system := a.get("gen_ai.system_instructions")) is not None:
        found["system"] = [p for m in messages(system, "system") for p in m["parts"]]
    if (tools := parsed(a.get("gen_ai.tool.definitions"))) is not None:
        found["tools_offered"] = len(tools) if isinstance(tools, list) else None
    if (documents := parsed(a.get("gen_ai.retrieval.documents"))) is not None:
        found["documents"] = documents if isinstance(documents, list) else None
    return found
