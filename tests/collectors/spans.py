"""Spans and log records for tests, in one line each."""

import itertools
from typing import Any

from store.model import LogRecord, Span, SpanEvent

START = 1_795_000_000 * 10**9
MS = 10**6
RESOURCE = {"service.name": "shop", "deployment.environment.name": "prod"}
_numbers = itertools.count(1)


def span(name: str = "chat", *, at: float = 0, ms: float = 100, **more: Any) -> Span:
    """Make a span `at` ms after START that takes `ms`; ids are fresh unless given."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "scope_name": "some.instrumentation",
        "resource": RESOURCE, "start_ns": START + int(at * MS), "end_ns": START + int((at + ms) * MS),
    }  # fmt: skip
    return Span(name=name, **{**fields, **more})


def chat(*, at: float = 0, ms: float = 100, attributes: dict[str, Any] | None = None, **more: Any) -> Span:
    """Make a span of a chat call, told as the GenAI conventions do."""
    told = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
    return span(at=at, ms=ms, attributes={**told, **(attributes or {})}, **more)


def log(of: Span, event_name: str, *, at: float = 50, body: Any = None, **attributes: Any) -> LogRecord:
    return LogRecord(
        trace_id=of.trace_id, span_id=of.span_id, event_name=event_name, time_ns=START + int(at * MS), body=body,
        attributes={k.replace("__", "."): v for k, v in attributes.items()}, resource=RESOURCE,
    )  # fmt: skip


def event(name: str, *, at: float = 0, **attributes: Any) -> SpanEvent:
    told = {k.replace("__", "."): v for k, v in attributes.items()}
    return SpanEvent(name=name, time_ns=START + int(at * MS), attributes=told)


def said(text: str, role: str = "user") -> str:
    return f'[{{"role":"{role}","parts":[{{"type":"text","content":"{text}"}}]}}]'
