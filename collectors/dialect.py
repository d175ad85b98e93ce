"""What a Dialect is: one instrumentation's way of putting a model call into span attributes.

A dialect is one file in `collectors/dialects/`. All that recognise a span read it; what they say is merged field by
field, the higher priority first. What they give is a `Reading`: a dict with the fields of `LLMCall` that they know and

- `call` (bool): whether the span is a model call; `wraps` (bool): whether it stands around model calls
- `kind`: its SpanKind
- `usage`: raw counts, `input output cache_read cache_write reasoning total input_audio output_audio image` as the
  source gave them, with `exclusive: True` where the input is known to leave out cached tokens
- `system` (text or parts), `asked`, `answered` (messages of `collectors.apis.messages`)
- `documents`: what a retrieval found; an empty list where it told that it found nothing
- `outcomes`: what a guardrail, an evaluator or an annotator said (`collectors/spans/outcomes.py`)
- `record`: what a log record that was set apart tells of a call, and `conversation`: where its other records are found
  (`collectors/spans/records.py`)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from collectors.spans.first_chunk import first_chunk
from store.declared import declared
from store.model import LogRecord, Span, SpanEvent

Reading = dict[str, Any]

TEXTS = frozenset({
    "request_model", "response_model", "response_id", "provider", "session_id", "user_id", "tenant", "agent_name",
    "workflow", "environment", "prompt_name", "prompt_version", "error_message", "error_type", "conversation",
})  # fmt: skip
MANY = 100  # attributes and events: a span with more is like no other, its shape is not worth remembering
HOW_COUNTED = frozenset({"exclusive", "exclusive_output", "estimated"})  # says how its own counts are meant, no others


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`score`: how surely the span speaks this dialect, 0 = not at all. Both functions are pure.

    A score looks at the scope, at which attributes there are and at what the events are called, never at a value:
    spans come by the thousand in few shapes, and each shape is scored once.

    `record`: for clients that tell their calls in log records. It returns the name of what a record belongs together
    with (a turn of a conversation), None for one that tells of no call; what is named so is read as a span of its own.
    """

    name: str
    priority: int
    score: Callable[[Span], int]
    extract: Callable[[Span, Sequence[LogRecord]], Reading]
    record: Callable[[LogRecord], str | None] | None = None


@cache
def dialects() -> tuple[Dialect, ...]:
    """Every dialect, the most specific first."""
    return tuple(sorted(declared(Dialect, "collectors.dialects").values(), key=lambda d: (-d.priority, d.name)))


@cache
def recorders() -> tuple[Callable[[LogRecord], str | None], ...]:
    """Return how each dialect that has records of its own tells them from other log records."""
    return tuple(dialect.record for dialect in dialects() if dialect.record)


def read(span: Span, logs: Sequence[LogRecord]) -> Reading:
    """What all dialects that recognise the span say of it."""
    found: Reading = {}
    for dialect in spoken_by(span):
        merge(found, dialect.extract(span, logs))
        found.setdefault("dialect", dialect.name)
    for name in TEXTS & found.keys():
        if type(found[name]) is not str:
            _as_text(found, name)
    if span.events and found.get("call") and (waited := first_chunk(span)) is not None:
        merge(found, {"ttft_ms": waited})
        found["stream"] = True  # whatever the settings of a client said
    return found


def spoken_by(span: Span) -> tuple[Dialect, ...]:
    """Return the dialects that recognise a span, the most specific first."""
    many = len(span.attributes) + len(span.events) > MANY
    spoken = _spoken.__wrapped__ if many else _spoken
    return spoken(span.scope_name, tuple(span.attributes), tuple([e.name for e in span.events]))


@lru_cache(maxsize=4096)
def _spoken(scope: str, names: tuple[str, ...], events: tuple[str, ...]) -> tuple[Dialect, ...]:
    """Return the dialects that a span of this shape speaks; a score is shown no values, it cannot look at one."""
    told = tuple(SpanEvent(name=name, time_ns=0, attributes={}) for name in events)
    shape = Span(trace_id="", span_id="", name="", scope_name=scope, attributes=dict.fromkeys(names), events=told)
    return tuple(d for d in dialects() if d.score(shape) > 0)


def _as_text(found: Reading, name: str) -> None:
    """Numbers may stand for names (a user's id); a list or a map does not."""
    value = found.pop(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        found[name] = str(value)


def merge(found: Reading, more: Mapping[str, Any]) -> None:
    """Add to `found` what it does not know yet; counts are added one by one."""
    for name, value in more.items():
        if value is None or (value in ([], "") and name != "documents"):
            continue
        known = found.get(name)
        if known is None or known == []:
            found[name] = value
        elif name in ("usage", "params", "metadata") and isinstance(known, dict):
            found[name] = {**{k: v for k, v in value.items() if k not in HOW_COUNTED}, **known}
