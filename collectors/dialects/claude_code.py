"""Claude Code: log events `claude_code.*`, and the spans `claude_code.llm_request` of its tracing (beta).

Events and spans of one request share its `request_id`; an error may have none. Tokens exclude those
read from and written to the cache. A prompt is told once for a whole turn, the answer's text in an event of its own.
Seen: 2.1.197, 2.1.332.
"""

from collections.abc import Sequence
from typing import Any

from collectors.apis.messages import text
from collectors.dialect import Dialect, Reading
from collectors.spans.semconv import first, number, strings
from collectors.spans.set_apart import MS, SET_APART, minute, record_name
from store.model import LogRecord, Operation, Span, SpanKind, Status

EVENTS, TRACING = "com.anthropic.claude_code.events", "com.anthropic.claude_code.tracing"
NAMES = ("api_request", "api_error", "api_retries_exhausted", "user_prompt", "assistant_response")
COUNTS = {
    "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_tokens",
    "cache_write": "cache_creation_tokens",
}  # fmt: skip
PROVIDERS = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
ASKED_BY = ("query_source", "query_source_safe")  # the person's own loop, or the client for a title, a summary
PERSON = ("sdk", "repl_main_thread")
MANY = 1000  # times that no client sends a request again


def record(log: LogRecord) -> str | None:
    """Return the turn that an event belongs to; before a turn has an id, its minute stands for it."""
    if log.scope_name != EVENTS or record_name(log).rsplit(".", 1)[-1] not in NAMES:
        return None
    told = log.attributes
    return f"{told.get('session.id')}/{told.get('prompt.id') or minute(log)}"


def score(span: Span) -> int:
    return 3 * (span.scope_name in (EVENTS + SET_APART, TRACING))


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    found = _read(span)
    return {"conversation": span.attributes.get("session.id"), "agent_name": "claude-code", **found} if found else {}


def _read(span: Span) -> Reading:
    told, name = span.attributes, span.name.rsplit(".", 1)[-1]
    if name == "llm_request":
        return _call(span)
    if name in ("api_request", "api_error"):
        return {"record": "whole", **_call(span)}
    if name == "assistant_response":
        answered = [{"role": "assistant", "parts": [text(str(told.get("response") or ""))]}]
        return {"record": "reply", "answered": answered, "response_id": told.get("request_id")}
    if name == "api_retries_exhausted":  # the error before it lasted as long as its last attempt
        waited = int((number(told.get("total_retry_duration_ms")) or 0) * MS)
        return {"record": "reply", "start_ns": max(0, span.end_ns - waited) if waited > 0 else None}
    if name in ("interaction", "user_prompt"):
        said = told.get("prompt") or told.get("user_prompt")
        asked = [{"role": "user", "parts": [text(str(said))]}] if said else []
        return {"record": "prompt", "asked": asked, "kind": SpanKind.AGENT if name == "interaction" else None}
    return {}


def _call(span: Span) -> Reading:
    told = span.attributes
    failed = bool(told.get("error"))
    usage = {field: told[name] for field, name in COUNTS.items() if told.get(name) is not None}
    return {
        "call": True,
        "operation": Operation.CHAT,
        "provider": PROVIDERS.get(str(told.get("anthropic.provider")), "anthropic"),
        "request_model": told.get("model"),
        "response_id": told.get("request_id"),
        "usage": {**usage, "exclusive": True} if usage else None,
        "reported_cost_usd": number(told.get("cost_usd")),
        "finish_reasons": strings(told.get("stop_reason")),
        "ttft_ms": told.get("ttft_ms"),
        "stream": True,
        "attempts": _attempts(span),
        "aside": None if (asked_by := first(told, ASKED_BY)) is None else not str(asked_by).startswith(PERSON),
        **(_error(told) if failed else {}),
    }


def _attempts(span: Span) -> int | None:
    """Return how often it was sent: a span says so with each time, a record with the last."""
    times = sum(event.name == "gen_ai.request.attempt" for event in span.events)
    told = int(number(span.attributes.get("attempt")) or 0)
    return max(times, told if told < MANY else 0) or None


def _error(told: Any) -> Reading:
    code = told.get("status_code")
    return {
        "status": Status.ERROR,
        "error_message": str(told["error"]),
        "error_type": None if code is None else str(code),
    }


CLAUDE_CODE = Dialect(name="claude-code", priority=70, score=score, extract=extract, record=record)
