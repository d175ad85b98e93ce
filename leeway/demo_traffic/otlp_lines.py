"""Exchanges as OTLP JSON lines, as a collector's file exporter writes them (GenAI semantic conventions 1.40)."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import orjson

from leeway.demo_traffic.apps import TOOL_MS, Exchange
from store.model import LLMCall, Status, Window

EXCHANGES_PER_LINE = 40
SCOPE = {"name": "tillhaven.telemetry", "version": "2.3.0"}
SERVER, CLIENT, INTERNAL = 2, 3, 1
ERROR = 2
SEARCH_MS = 45
MARGIN = timedelta(milliseconds=3)


def as_lines(exchanges: Sequence[Exchange]) -> Iterator[dict[str, Any]]:
    """One export request per line; a line holds exchanges of several services, each with its resource."""
    for start in range(0, len(exchanges), EXCHANGES_PER_LINE):
        batch = sorted(exchanges[start : start + EXCHANGES_PER_LINE], key=_place)
        yield {"resourceSpans": [_resource(list(group)) for _, group in groupby(batch, key=_place)]}


def _place(exchange: Exchange) -> tuple[str, str]:
    call = exchange.calls[0]
    return call.service or "", call.environment or ""


def _resource(exchanges: list[Exchange]) -> dict[str, Any]:
    service, environment = _place(exchanges[0])
    attributes = {"service.name": service, "service.version": "2.3.0", "deployment.environment.name": environment}
    spans = [span for exchange in exchanges for span in _spans(exchange)]
    return {"resource": {"attributes": _pairs(attributes)}, "scopeSpans": [{"scope": SCOPE, "spans": spans}]}


def _spans(exchange: Exchange) -> Iterator[dict[str, Any]]:
    """Root, search or tool, model calls: children first, as exporters send what ends first."""
    first, last = exchange.calls[0], exchange.calls[-1]
    root = _span_id(first, "root")
    begun = first.event_time - MARGIN
    if first.retrieved:
        begun -= timedelta(milliseconds=SEARCH_MS)
        yield _search(first, root, begun)
    for call in exchange.calls:
        yield _chat(call, root, exchange)
    if exchange.tool and first.ended_at:
        yield _tool(exchange, root, first.ended_at)
    window = Window(start=begun, end=(last.ended_at or last.event_time) + MARGIN)
    yield _root(first, root, window, failed=last.status is Status.ERROR)


def _root(call: LLMCall, span_id: str, window: Window, *, failed: bool) -> dict[str, Any]:
    about = _about(call)
    if call.service == "shop-agent":
        about |= {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop-agent"}
        name, kind = "invoke_agent shop-agent", INTERNAL
    else:
        about |= {"http.request.method": "POST", "http.route": "/v1/answers"}
        name, kind = "POST /v1/answers", SERVER
    return _span(call, window, about, span_id=span_id, parent=None, name=name, kind=kind, failed=failed)


def _search(call: LLMCall, root: str, begun: datetime) -> dict[str, Any]:
    about = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "help-centre",
        "gen_ai.retrieval.query.text": call.input_text,
        "gen_ai.retrieval.documents": _text(call.retrieved),
    }
    window, name = Window(start=begun, end=begun + timedelta(milliseconds=SEARCH_MS)), "retrieval help-centre"
    return _span(call, window, about, span_id=_span_id(call, "search"), parent=root, name=name, kind=CLIENT)


def _tool(exchange: Exchange, root: str, begun: datetime) -> dict[str, Any]:
    call, tool = exchange.calls[0], exchange.tool
    assert tool is not None  # noqa: S101 - the caller looked
    about = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool.name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": _text(tool.arguments),
        "gen_ai.tool.call.result": _text(tool.result),
    }
    window, name = Window(start=begun, end=begun + timedelta(milliseconds=TOOL_MS - 10)), f"execute_tool {tool.name}"
    return _span(call, window, about, span_id=_span_id(call, "tool"), parent=root, name=name, kind=INTERNAL)


def _chat(call: LLMCall, root: str, exchange: Exchange) -> dict[str, Any]:
    about = _about(call) | {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.request_model,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.request.stream": call.stream,
        "gen_ai.response.model": call.response_model,
        "gen_ai.response.id": call.response_id,
        "gen_ai.response.finish_reasons": [call.finish_reason] if call.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": call.ttft_ms / 1000 if call.ttft_ms else None,
        "gen_ai.usage.input_tokens": call.input_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": call.cache_read_tokens,
        "gen_ai.usage.reasoning.output_tokens": call.reasoning_tokens,
        "gen_ai.system_instructions": _text([{"type": "text", "content": call.system_text}]),
        "gen_ai.input.messages": _text(_said_before(call, exchange)),
        "gen_ai.output.messages": _text(_said(call)) if call.status is Status.OK else None,
        "error.type": call.error_type,
        "http.response.status_code": call.http_status,
    }
    window = Window(start=call.event_time, end=call.ended_at or call.event_time)
    name, failed = f"chat {call.request_model}", call.status is Status.ERROR
    span_id = call.span_id or ""
    return _span(call, window, about, span_id=span_id, parent=root, name=name, kind=CLIENT, failed=failed)


def _said_before(call: LLMCall, exchange: Exchange) -> list[dict[str, Any]]:
    messages = [{"role": "user", "parts": [{"type": "text", "content": call.input_text}]}]
    first = exchange.calls[0]
    if exchange.tool and call is not first:
        request: Any = first.tool_calls
        answer = {"type": "tool_call_response", "id": request[0]["id"], "response": exchange.tool.result}
        messages += [*_said(first), {"role": "tool", "parts": [answer]}]
    return messages


def _said(call: LLMCall) -> list[dict[str, Any]]:
    requests: Any = call.tool_calls or []
    parts = [{"type": "tool_call", **request} for request in requests]
    if call.output_text is not None:
        parts.append({"type": "text", "content": call.output_text})
    return [{"role": "assistant", "parts": parts, "finish_reason": call.finish_reason}]


def _about(call: LLMCall) -> dict[str, Any]:
    """Whom the call was for, and with which prompt."""
    return {
        "gen_ai.conversation.id": call.session_id,
        "session.id": call.session_id,
        "user.id": call.user_id,
        "tenant.id": call.tenant,
        "gen_ai.prompt.name": call.prompt_name,
        "gen_ai.prompt.version": call.prompt_version,
    }


def _span(
    call: LLMCall,
    window: Window,
    attributes: dict[str, Any],
    *,
    span_id: str,
    parent: str | None,
    name: str,
    kind: int,
    failed: bool = False,
) -> dict[str, Any]:
    span = {
        "traceId": call.trace_id,
        "spanId": span_id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nanoseconds(window.start),
        "endTimeUnixNano": _nanoseconds(window.end),
        "attributes": _pairs(attributes),
        "status": {"code": ERROR, "message": call.error_message or "failed"} if failed else {},
    }
    return span | ({"parentSpanId": parent} if parent else {})


def _span_id(call: LLMCall, role: str) -> str:
    return hashlib.sha256(f"{call.span_id}/{role}".encode()).hexdigest()[:16]


def _nanoseconds(moment: datetime) -> str:
    whole = int(moment.timestamp())
    return str(whole * 1_000_000_000 + moment.microsecond * 1_000)


def _pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
