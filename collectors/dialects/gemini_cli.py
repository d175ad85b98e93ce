"""Gemini CLI: spans `llm_call`, log events `gemini_cli.api_*`, and details events without the span they belong to.

The span knows neither cached nor thought tokens; `gemini_cli.api_response` knows all counts, written outside the span.
Of a streamed answer, the span and the details event hold each piece as a message of its own. Seen: 0.61.0.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from collectors.apis.messages import Message, Part
from collectors.dialect import Dialect, Reading
from collectors.dialects.genai import DETAILS
from collectors.spans import semconv
from collectors.spans.set_apart import SET_APART, minute, record_name
from store.model import LogRecord, Operation, Span, Status

SCOPE = "gemini-cli"
RESPONSE, ERROR = "gemini_cli.api_response", "gemini_cli.api_error"
LLM_CALL = "llm_call"
COUNTS = {
    "input": "input_token_count", "output": "output_token_count", "cache_read": "cached_content_token_count",
    "reasoning": "thoughts_token_count", "total": "total_token_count",
}  # fmt: skip
ANSWERED = ("gen_ai.response.id", "gen_ai.output.messages", "gen_ai.response.finish_reasons")
SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty", "presence_penalty", "n")


def record(log: LogRecord) -> str | None:
    if log.scope_name != SCOPE or record_name(log) not in (RESPONSE, ERROR, DETAILS):
        return None
    return f"{log.attributes.get('session.id')}/{minute(log)}"


def score(span: Span) -> int:
    return 3 * (span.scope_name in (SCOPE, SCOPE + SET_APART))


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    told = span.attributes
    found = {"conversation": told.get("session.id") or told.get("gen_ai.conversation.id"), "agent_name": SCOPE}
    if span.name in (RESPONSE, ERROR):
        return {**found, **_whole(told)}
    if span.name == DETAILS:
        return {**found, **_details(told)}
    if told.get("gen_ai.operation.name") == LLM_CALL:
        said = semconv.read(told)
        return {**found, **_call(told), "answered": _in_one(said.get("answered") or [])}
    return {}


def _call(told: Mapping[str, Any]) -> Reading:
    vertex = "vertex" in str(told.get("auth_type"))
    return {
        "call": True,
        "operation": Operation.CHAT,
        "provider": "gcp.vertex_ai" if vertex else "gcp.gemini",
        "request_model": told.get("gen_ai.request.model") or told.get("model"),
    }


def _whole(told: Mapping[str, Any]) -> Reading:
    usage = {field: told[name] for field, name in COUNTS.items() if told.get(name) is not None}
    reasons = semconv.strings(told.get("finish_reasons"))
    found = {"record": "whole", **_call(told), "usage": usage or None, "finish_reasons": reasons and reasons[-1:]}
    message = told.get("error.message") or told.get("error_message") or told.get("error")
    if message:
        code = told.get("status_code") or told.get("http.status_code")
        found.update(status=Status.ERROR, error_message=str(message), error_type=code and str(code))
    return found


def _details(told: Mapping[str, Any]) -> Reading:
    """Read a details event: of the request, or of the answer. It tells no call by itself, another record does."""
    said = semconv.read(told)
    if any(told.get(name) for name in ANSWERED):
        answered = _in_one(said.get("answered") or [])
        return {"record": "reply", "call": False, "answered": answered, "response_id": said.get("response_id")}
    settings = {name: said.get(name) for name in SETTINGS}
    return {"record": "prompt", "call": False, "asked": said.get("asked"), "system": said.get("system"), **settings}


def _in_one(pieces: Iterable[Message]) -> list[Message]:
    """Join the pieces of a stream to the one answer that they are."""
    parts: list[Part] = []
    for part in (part for piece in pieces for part in piece["parts"]):
        if parts and part["type"] == parts[-1]["type"] == "text":
            parts[-1] = {**part, "content": (parts[-1].get("content") or "") + (part.get("content") or "")}
        else:
            parts.append(part)
    return [{"role": "assistant", "parts": parts}] if parts else []


GEMINI_CLI = Dialect(name="gemini-cli", priority=70, score=score, extract=extract, record=record)
