"""LangSmith's OTel mode: its own kinds (operation names do not tell), content as JSON text, errors as events only."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis import langchain
from collectors.apis.exchange import response_fields
from collectors.apis.messages import messages, parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Operation, Span, SpanKind, Status

KIND = "langsmith.span.kind"
METADATA = "langsmith.metadata."
KINDS = {
    "llm": SpanKind.LLM, "embedding": SpanKind.EMBEDDING, "chain": SpanKind.CHAIN, "prompt": SpanKind.OTHER,
    "retriever": SpanKind.RETRIEVAL, "tool": SpanKind.TOOL, "parser": SpanKind.OTHER,
}  # fmt: skip
CALLS = {SpanKind.LLM: Operation.CHAT, SpanKind.EMBEDDING: Operation.EMBEDDING}


def score(span: Span) -> int:
    return 3 * (KIND in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    kind = KINDS.get(str(a[KIND]).lower(), SpanKind.OTHER)
    failed = any(e.name == "exception" for e in span.events)
    found: Reading = {
        "kind": kind,
        "call": kind in CALLS,
        "status": Status.ERROR if failed else None,
        "metadata": {k[len(METADATA) :]: v for k, v in a.items() if k.startswith(METADATA)},
        "tags": semconv.strings(a.get("langsmith.span.tags")),
    }
    if kind in CALLS:
        found.update(_call(a))
        found["operation"] = CALLS[kind]
    if kind == SpanKind.RETRIEVAL:
        documents = parsed(a.get("gen_ai.completion"))
        documents = documents.get("documents", documents.get("output")) if isinstance(documents, dict) else documents
        found["documents"] = documents if isinstance(documents, list) else None
    return found


def _answered(response: Mapping[str, Any]) -> Reading:
    return langchain.result(response) if "generations" in response else response_fields(response)


def _call(a: Mapping[str, Any]) -> Reading:
    """Read a model run; its answer is LangChain's result, or the provider's response where an SDK was wrapped."""
    response = parsed(a.get("gen_ai.completion"))
    told = _answered(response) if isinstance(response, dict) else {}
    counted = parsed(a.get(METADATA + "usage_metadata"))
    if counted is None and isinstance(response, dict):
        counted = response.get("usage_metadata")
    return {
        **{name: told.get(name) for name in ("finish_reasons", "response_model", "response_id")},
        "usage": langchain.usage(counted) or None,
        "provider": semconv.provider(a.get(METADATA + "ls_provider") or a.get("gen_ai.system")),
        "request_model": a.get("gen_ai.request.model") or a.get(METADATA + "ls_model_name"),
        "asked": messages(a.get("gen_ai.prompt")),
        "answered": told.get("answered") or messages(response, "assistant"),
    }


LANGSMITH = Dialect(name="langsmith", priority=75, score=score, extract=extract)
