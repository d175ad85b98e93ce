"""OpenLIT: the GenAI conventions with a cost, counts it estimates itself, and failed calls that say nothing at all."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.messages import Message, message
from collectors.apis.pythonic import python
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span, SpanKind, Status

SCOPE = "openlit"
CACHE = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens")

SPEAKERS = re.compile(r"(?:^|\n)(system|developer|user|assistant|tool): ")


def score(span: Span) -> int:
    return 2 * span.scope_name.startswith(SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    found: Reading = {
        "reported_cost_usd": semconv.number(a.get("gen_ai.usage.cost")) or None,  # 0: it found no price list
        "environment": a.get("gen_ai.environment"),
    }
    if "gen_ai.response.finish_reasons" in a:  # an error after that is its own, not the call's
        found["status"] = Status.OK
    counts = semconv.usage(a)
    if counts and _estimated(a):
        found["usage"] = {**counts, "estimated": True}
    if "gen_ai.input.messages" not in a and isinstance(prompt := a.get("gen_ai.prompt"), str):
        found["asked"] = _spoken(prompt)
        found["answered"] = _answer(a)
    if not a:
        found.update(_nameless(span))
    return found


def _estimated(a: Mapping[str, Any]) -> bool:
    """Whether it counted itself.

    A stream for which the provider sent no usage has no cache counts either; the 2025 line counts every streamed chat
    of OpenAI's itself, whatever was sent.
    """
    if semconv.truth(a.get("gen_ai.request.is_stream")) is True:
        by_responses = str(a.get("gen_ai.response.id")).startswith("resp_")
        return a.get("gen_ai.system") == "openai" and not by_responses
    streamed = semconv.truth(a.get("gen_ai.request.stream")) is True
    return streamed and not any(name in a for name in CACHE) and a.get("gen_ai.operation.name") == "chat"


def _spoken(prompt: str) -> list[Message]:
    """Read the 2025 line's prompt: one text, a speaker's name and a colon before what each said.

    Where a turn has no text of its own, the whole conversation stands in its place, as Python text.
    """
    _, *turns = SPEAKERS.split(prompt)
    told = zip(turns[::2], turns[1::2], strict=True)
    return [message({"role": role, "content": said}) for role, said in told if not said.startswith("[{'role': ")]


def _answer(a: Mapping[str, Any]) -> list[Message] | None:
    """Read the 2025 line's answer where it called a tool; plain text stands in an event too."""
    if not a.get("gen_ai.tool.call.id") or "gen_ai.output.messages" in a:
        return None
    arguments = a.get("gen_ai.tool.args")
    called = {"id": a["gen_ai.tool.call.id"], "name": a.get("gen_ai.tool.name"), "arguments": arguments}
    if isinstance(read := python(arguments), dict):
        called["arguments"] = read
    return [message({"role": "assistant", "content": a.get("gen_ai.completion"), "tool_calls": [called]})]


def _nameless(span: Span) -> Reading:
    """Read a call that failed before any attribute was set: all that is left is its name, `{operation} {model}`."""
    operation, _, model = span.name.partition(" ")
    op = semconv.CALLS.get(operation)
    if op is None or not model:
        return {}
    kind = semconv.OPERATION_KINDS.get(op, SpanKind.LLM)
    maker = span.scope_name.rpartition(".")[2]
    return {
        "call": True,
        "kind": kind,
        "operation": op,
        "request_model": model,
        "provider": semconv.provider(maker),
    }


OPENLIT = Dialect(name="openlit", priority=30, score=score, extract=extract)
