"""Codex: log events `codex.*`. A call is told in two: the request when its headers came, the counts when it had ended.

The time of a record may be 0 (the observed one counts), and its name a line of the source; `event.name` has the true
one. `codex_otel.trace_safe` says again, without texts, what `codex_otel.log_only` says. Seen: 0.169.0, 0.171.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.messages import text
from collectors.dialect import Dialect, Reading
from collectors.spans.semconv import number
from collectors.spans.set_apart import SET_APART, minute, record_name
from store.model import LogRecord, Operation, Span, Status

SCOPE, AGAIN = "codex", "trace_safe"
PROMPT, REQUESTS = "codex.user_prompt", ("codex.api_request", "codex.websocket_request")
ANSWERS = ("codex.sse_event", "codex.websocket_event")
COUNTS = {
    "input": "input_token_count", "output": "output_token_count", "cache_read": "cached_token_count",
    "cache_write": "cache_write_token_count", "reasoning": "reasoning_token_count",
}  # fmt: skip
MODEL_CALL = "responses"  # in the endpoint of a request; others ask for models or settings
FAILS_FROM = 400


def record(log: LogRecord) -> str | None:
    """Return the minute of a conversation: no turn is told, and a prompt comes right before its request."""
    if not log.scope_name.startswith(SCOPE) or log.scope_name.endswith(AGAIN) or not _tells(log):
        return None
    return f"{log.attributes.get('conversation.id')}/{minute(log)}"


def _tells(log: LogRecord) -> bool:
    name, told = record_name(log), log.attributes
    if name in ANSWERS:
        return "input_token_count" in told or (_failed(told) and "fail" in str(told.get("event.kind")))
    return name == PROMPT or (name in REQUESTS and MODEL_CALL in str(told.get("endpoint", MODEL_CALL)))


def score(span: Span) -> int:
    return 3 * (span.scope_name.startswith(SCOPE) and span.scope_name.endswith(SET_APART))


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    told = span.attributes
    conversation = told.get("conversation.id")
    found: Reading = {"conversation": conversation, "session_id": conversation, "agent_name": "codex"}
    if span.name == PROMPT:
        said = told.get("prompt")
        return {**found, "record": "prompt", "asked": [{"role": "user", "parts": [text(str(said))]}] if said else []}
    found.update(call=True, operation=Operation.CHAT, request_model=told.get("model"), stream=True)
    if _failed(told):
        code = told.get("http.response.status_code")
        found.update(status=Status.ERROR, error_message=told.get("error.message"), error_type=code and str(code))
    return {**found, **(_answer(span) if span.name in ANSWERS else _request(span))}


def _failed(told: Mapping[str, Any]) -> bool:
    return bool(told.get("error.message")) or (number(told.get("http.response.status_code")) or 0) >= FAILS_FROM


def _request(span: Span) -> Reading:
    """Read what is known as the headers come: one that went well has not ended yet."""
    ended = {} if _failed(span.attributes) else {"end_ns": 0}
    return {"record": "request", "attempt": int(number(span.attributes.get("attempt")) or 0), **ended}


def _answer(span: Span) -> Reading:
    told = span.attributes
    usage = {field: told[name] for field, name in COUNTS.items() if told.get(name) is not None}
    return {"record": "answer", "usage": usage, "ttft_ms": told.get("ttft_ms"), "start_ns": 0}


CODEX = Dialect(name="codex", priority=70, score=score, extract=extract, record=record)
