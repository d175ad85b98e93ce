"""Pydantic Logfire's OpenAI and Anthropic instrumentations: names are templates, a stream is told in two spans."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import usage_of
from collectors.apis.exchange import request_fields, response_fields
from collectors.apis.messages import messages, parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span, SpanKind, Status

STREAMED = "streaming response from"
ERROR_LEVEL = 17
SDKS = ("logfire.openai", "logfire.anthropic")


def score(span: Span) -> int:
    return 2 * ("logfire.msg_template" in span.attributes or "logfire.span_type" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    found: Reading = {
        "tags": semconv.strings(a.get("logfire.tags")),
        "reported_cost_usd": semconv.number(a.get("operation.cost")) or None,
        "status": Status.ERROR if (semconv.number(a.get("logfire.level_num")) or 0) >= ERROR_LEVEL else None,
    }
    if a.get("logfire.span_type") == "pending_span":
        return {**found, "call": False, "kind": SpanKind.OTHER}
    if "request_data" in a:
        found.update(_call(span, a))
    elif span.scope_name in SDKS and "gen_ai.request.model" in a:  # of the Responses API in 2025
        found.update({**semconv.read(a), "call": True, "kind": SpanKind.LLM})
    return found


def _call(span: Span, a: Mapping[str, Any]) -> Reading:
    request, response = parsed(a["request_data"]), parsed(a.get("response_data"))
    found: Reading = {**_asked(a, request), **_answered(a, response)}
    found["usage"] = _usage(a, response)
    found["call"] = bool(found.get("request_model") or a.get("gen_ai.request.model"))
    found["kind"] = semconv.operation(a)[1] or SpanKind.LLM
    if str(a.get("logfire.msg_template") or span.name).startswith(STREAMED):
        found["reading_ns"] = int((semconv.number(a.get("duration")) or 0) * 1e9)
        found["stream"] = True
    return found


def _asked(a: Mapping[str, Any], request: Any) -> Reading:
    """Read the request where it stands whole (2025); the 2026 line trims it and speaks the conventions instead."""
    if not isinstance(request, dict):
        return {}
    found = request_fields(request)
    return {k: v for k, v in found.items() if k != "asked" or "gen_ai.input.messages" not in a}


def _answered(a: Mapping[str, Any], response: Any) -> Reading:
    """Read the response: whole, as `{message, usage}`, or as a stream's `{combined_chunk_content, chunk_count}`."""
    if not isinstance(response, dict) or "gen_ai.output.messages" in a:
        return {}
    if "combined_chunk_content" in response:
        return {"answered": messages(response["combined_chunk_content"], "assistant")}
    if isinstance(response.get("message"), dict):
        return {"answered": messages(response["message"], "assistant")}
    return {k: v for k, v in response_fields(response).items() if k not in ("created", "made_by", "usage")}


def _usage(a: Mapping[str, Any], response: Any) -> dict[str, Any] | None:
    """Take the provider's own counts where they stand; they say more than the flattened ones."""
    raw = parsed(a.get("gen_ai.usage.raw")) or (response.get("usage") if isinstance(response, dict) else None)
    return usage_of(raw) or None


LOGFIRE = Dialect(name="logfire", priority=70, score=score, extract=extract)
