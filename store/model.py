"""The nouns: what Leeway keeps, in the words of OpenTelemetry GenAI and Prometheus.

Missing is `None`, never 0 or "": unknown tokens must not become free tokens. Times are aware and UTC, windows
half-open. An enum stands once, here, and the database stores its word.

Spans and calls come by the million: as structs they are made twenty times as fast as frozen dataclasses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

Json = dict[str, Any] | list[Any] | str | int | float | bool | None


class Operation(StrEnum):
    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    IMAGE = "image"
    AUDIO = "audio"
    OTHER = "other"


class Status(StrEnum):
    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class TimeQuality(StrEnum):
    """How far `event_time` may be trusted."""

    EXACT = "exact"
    SECOND = "second"
    DERIVED = "derived"
    INGESTED = "ingested"


class TokensOrigin(StrEnum):
    PROVIDER = "provider"
    ESTIMATED = "estimated"
    DERIVED = "derived"
    NONE = "none"


class CostStatus(StrEnum):
    """PRICED: list or own price; GUESSED: price of a model that looks alike; REPORTED: what the source said."""

    PRICED = "priced"
    GUESSED = "guessed"
    REPORTED = "reported"
    UNPRICED = "unpriced"


class ContentState(StrEnum):
    FULL = "full"
    PARTIAL = "partial"  # what was asked was recorded, what was answered was not
    TRUNCATED = "truncated"
    REDACTED = "redacted"
    ABSENT = "absent"


class SpanKind(StrEnum):
    """What a span stands for, whatever its instrumentation called it."""

    LLM = "llm"
    EMBEDDING = "embedding"
    TOOL = "tool"
    RETRIEVAL = "retrieval"
    RERANK = "rerank"
    AGENT = "agent"
    CHAIN = "chain"
    GUARDRAIL = "guardrail"
    EVALUATOR = "evaluator"
    OTHER = "other"


class LLMCall(Struct, frozen=True, kw_only=True):
    """One logical model call as the application made it (SDK retries folded).

    `input_tokens` is the whole prompt including cache reads and writes, `output_tokens` includes reasoning; the
    subsets stand beside them. `input_text` is the last user message, the field that drift and quality look at.
    `input_messages` is a list of `{role, parts[]}` as in the GenAI conventions; it is None when the conversation is
    no more than `system_text` and `input_text`. The same holds for `output_messages` and `output_text`.
    """

    call_id: str
    source: str
    event_time: datetime
    time_quality: TimeQuality = TimeQuality.EXACT
    source_record_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    stream: bool | None = None
    status: Status = Status.UNKNOWN
    error_type: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    attempts: int | None = None
    operation: Operation = Operation.CHAT
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    model: str | None = None
    response_id: str | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    image_tokens: int | None = None
    tokens_origin: TokensOrigin = TokensOrigin.NONE
    reported_cost_usd: float | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int | None = None
    params: Json = None
    finish_reason: str | None = None
    finish_reasons: list[str] | None = None
    system_text: str | None = None
    input_messages: Json = None
    input_text: str | None = None
    output_messages: Json = None
    output_text: str | None = None
    reasoning_text: str | None = None
    tool_calls: Json = None
    tools_offered: int | None = None
    retrieved: Json = None
    content_state: ContentState = ContentState.ABSENT
    modalities: list[str] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    tenant: str | None = None
    service: str | None = None
    service_version: str | None = None
    environment: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    agent_name: str | None = None
    workflow: str | None = None
    tags: list[str] | None = None
    metadata: Json = None
    sample_rate: float | None = None
    merged_from: Json = None
    problems: list[str] = []
    raw_ref: str | None = None


class SpanEvent(Struct, frozen=True, kw_only=True):
    name: str
    time_ns: int
    attributes: Mapping[str, Any]


class Span(Struct, frozen=True, kw_only=True):
    """One span as any source told it: ids in lower hex, times in ns since the epoch (0 = unknown)."""

    trace_id: str
    span_id: str
    name: str
    parent_span_id: str | None = None
    start_ns: int = 0
    end_ns: int = 0
    status_code: int = 0  # 0 unset, 1 ok, 2 error, as in OTLP
    status_message: str | None = None
    attributes: Mapping[str, Any] = {}
    events: tuple[SpanEvent, ...] = ()
    scope_name: str = ""
    scope_version: str = ""
    resource: Mapping[str, Any] = {}

    @property
    def failed(self) -> bool:
        return self.status_code == 2  # noqa: PLR2004 - see above


class LogRecord(Struct, frozen=True, kw_only=True):
    """One log record that belongs to a span: a message event, the details event, an evaluation."""

    trace_id: str
    span_id: str
    event_name: str
    time_ns: int
    body: Json = None
    attributes: Mapping[str, Any] = {}
    scope_name: str = ""
    scope_version: str = ""
    resource: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record we could not read, kept so that nobody has to guess what was lost.

    `line` counts from 1; `byte_offset` from the start of the unpacked file.
    """

    where: str
    reason: str
    line: int | None = None
    byte_offset: int | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluator, a person or the client said of one call; scores are appended, the newest wins.

    `evaluator` is `name` with its version and engine ("toxicity/probe-1"), or who said it ("human:ana", "otlp").
    `flagged`: what people want to hear of; None unless an evaluator of ours says it.
    """

    call_id: str
    event_time: datetime
    name: str
    evaluator: str
    value: float | None = None
    label: str | None = None
    flagged: bool | None = None
    explanation: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open stretch of time, `[start, end)`."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def before(self) -> "Window":
        """The window of the same length that ends where this one starts."""
        return Window(start=self.start - self.length, end=self.start)


# What a filter or a group-by may name. Values are bound, names only ever come from this list.
DIMENSIONS = (
    "model", "provider", "request_model", "response_model", "prompt_name", "prompt_version", "tenant", "user_id",
    "session_id", "service", "environment", "operation", "status", "error_type", "agent_name", "finish_reason",
)  # fmt: skip

Filters = Mapping[str, tuple[str, ...]]  # dimension → values, any of which may match
Slice = tuple[tuple[str, str | None], ...]  # (dimension, value) pairs, in the order of the group-by; () = everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measured number: a metric over one window and slice. `n` is how many calls stand behind it."""

    slice: Slice
    value: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a detector says of a current window against a reference.

    `drifted` is the verdict, None when it cannot be given (`note` says why); `provisional` while the threshold
    does not yet rest on this user's own history. `basis`: what kind of reference it is, as `analytics.reference` says.
    """

    detector: str
    subject: str
    statistic: float | None
    threshold: float | None
    drifted: bool | None
    reference: Window
    current: Window
    n_reference: int
    n_current: int
    provisional: bool = False
    note: str | None = None
    details: Json = None
    basis: str = "pinned"
