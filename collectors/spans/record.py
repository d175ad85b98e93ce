"""From a candidate to the call as it is kept: times, status, usage, texts, who, and what was odd."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from collectors.apis.messages import cut_off
from collectors.dialect import MANY, Reading
from collectors.folding import error_type, finish_reason, maker
from collectors.identity import call_id, model_key
from collectors.spans.candidate import Candidate
from collectors.spans.content import content_fields
from collectors.spans.semconv import first, number
from collectors.usage import Usage, normalised
from store.model import ContentState, LLMCall, Operation, Span, Status, TimeQuality

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLAUSIBLE_FROM = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)  # a clock may be wrong by so much before its time is not believed
OPENING = ("[", "{")
# The status at the beginning, behind a class and before what it is called, or behind a word that says it is one.
CODE = re.compile(
    r"(?:^|^[\w.]*(?:Error|Exception): (?=\d{3} [A-Z{])|(?i:error code|status[ _]code|status|http)\D{0,4})([45]\d\d)\b"
)
CODES = {
    "RateLimitError": 429, "ThrottlingException": 429, "TooManyRequestsException": 429, "rate_limit_error": 429,
    "overloaded_error": 529, "InternalServerError": 500, "AuthenticationError": 401, "PermissionDeniedError": 403,
    "BadRequestError": 400, "NotFoundError": 404, "UnprocessableEntityError": 422, "ServiceUnavailableError": 503,
    "TooManyRequestsError": 429,
}  # fmt: skip
STATUS_NAMES = ("http.response.status_code", "http.status_code")
COPIED = (
    "request_model", "response_model", "reported_cost_usd", "temperature", "top_p", "top_k",
    "max_tokens", "seed", "frequency_penalty", "presence_penalty", "n", "params", "tools_offered", "tags", "stream",
)  # fmt: skip
TOLD = (
    "gen_ai.",
    "llm.",
    "openinference.",
    "input.",
    "output.",
    "ai.",
    "langfuse.",
    "logfire.",
    "traceloop.",
    "mlflow.",
    "leeway.",
)
KNOWN = frozenset({
    "server.address", "server.port", "error.type", "session.id", "user.id", "metadata", "tag.tags", "operation.cost",
    "request_data", "response_data", "http.status_code", "http.response.status_code", "telemetry.sdk.name",
    "service.name", "deployment.environment", "model_request_parameters", "hidden_params",
})  # fmt: skip


def call_of(candidate: Candidate, who: Mapping[str, Any], *, now: datetime) -> LLMCall:
    """Return the call. `who`: session, user, tenant … as of `inherit.inherited`; `now` stands in for a missing time."""
    span, reading = candidate.span, candidate.reading
    problems: list[str] = []
    usage = _usage(candidate)
    fields: dict[str, Any] = {name: reading.get(name) for name in COPIED}
    for more in (
        _counts(usage),
        _times(candidate, now, problems),
        _status(span, reading),
        _texts(span, reading, problems),
        _where(span, reading),
        _names(candidate),
        who,
    ):
        fields.update(more)
    cached_at = fields["event_time"] if reading.get("cached") else None
    fields["call_id"] = call_id(
        response_id=candidate.response_id, trace_id=span.trace_id, span_id=span.span_id, cached_at=cached_at
    )
    fields["problems"] = sorted({*problems, *usage.problems})
    return LLMCall(**fields)


def _names(candidate: Candidate) -> dict[str, Any]:
    """What the call is and where it was told."""
    span, reading = candidate.span, candidate.reading
    return {
        "source": f"otlp/{span.scope_name or reading.get('dialect', '')}",
        "source_record_id": span.span_id,
        "operation": reading.get("operation") or Operation.CHAT,
        "provider": reading.get("provider") or maker(reading.get("request_model") or reading.get("response_model")),
        "model": model_key(reading.get("response_model"), reading.get("request_model")),
        "response_id": candidate.response_id,
        **ended(reading),
        "attempts": candidate.attempts if candidate.attempts > 1 else None,
        "retrieved": reading.get("documents"),
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "metadata": metadata(span, reading),
        "merged_from": [{"trace_id": s.trace_id, "span_id": s.span_id} for s in _folded(candidate)] or None
        if candidate.folded
        else None,
    }


def ended(reading: Reading) -> dict[str, Any]:
    """How the call ended, and each choice of it; its messages say so where nothing else does."""
    reasons = reading.get("finish_reasons")
    if not reasons and (answered := reading.get("answered")):
        reasons = [str(m["finish_reason"]) for m in answered if m.get("finish_reason")]
    return {"finish_reason": finish_reason(reasons[0]) if reasons else None, "finish_reasons": reasons or None}


def _texts(span: Span, reading: Reading, problems: list[str]) -> dict[str, Any]:
    texts = content_fields(reading.get("system"), reading.get("asked") or [], reading.get("answered") or [])
    if texts.get("content_state") == ContentState.FULL and _half_told(span, reading):
        texts["content_state"] = ContentState.PARTIAL
    if any(cut_off(value) for value in span.attributes.values() if type(value) is str and value[:1] in OPENING):
        texts["content_state"] = ContentState.TRUNCATED
        problems.append("truncated")
    return texts


def _half_told(span: Span, reading: Reading) -> bool:
    """Whether the answer is not told: clients that tell a conversation in log records leave some of it out."""
    failed = span.failed or reading.get("status") == Status.ERROR
    return bool(reading.get("conversation")) and not reading.get("answered") and not failed


def _folded(candidate: Candidate) -> list[Span]:
    others = {(s.trace_id, s.span_id): s for s in candidate.folded if s is not candidate.span}
    return [s for key, s in sorted(others.items()) if key != candidate.key]


def _usage(candidate: Candidate) -> Usage:
    reading = candidate.reading
    scope = reading.get("usage_scope", candidate.scope)
    return normalised(
        reading.get("usage") or {}, scope=scope, provider=reading.get("usage_provider", reading.get("provider"))
    )


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "input_audio_tokens": usage.input_audio_tokens,
        "output_audio_tokens": usage.output_audio_tokens,
        "image_tokens": usage.image_tokens,
        "tokens_origin": usage.tokens_origin,
    }


def believed_ns(now: datetime) -> tuple[int, int]:
    """Return the first and the last moment that a span's time is believed to be."""
    first, last = (int((moment - EPOCH) / timedelta(microseconds=1)) * 1000 for moment in (PLAUSIBLE_FROM, now + AHEAD))
    return first, last


def moment(ns: int) -> datetime | None:
    return EPOCH + timedelta(microseconds=ns // 1000) if ns > 0 else None


def _times(candidate: Candidate, now: datetime, problems: list[str]) -> dict[str, Any]:
    span, reading = candidate.span, candidate.reading
    start_ns, end_ns = reading.get("start_ns", span.start_ns), reading.get("end_ns", span.end_ns)
    start, end = moment(start_ns), moment(end_ns)
    latency = (end_ns - start_ns) / 1e6 if start and end and end_ns >= start_ns else None
    if start and end and end_ns < start_ns:
        problems.append("end_before_start")
    if start and not end_ns:
        problems.append("no_end")
    event, quality = start or end, TimeQuality.EXACT if start else TimeQuality.DERIVED
    if event is not None and not PLAUSIBLE_FROM <= event <= now + AHEAD:
        problems.append("clock_skew")
        event, latency = None, None
    if event is None:
        event, quality = now, TimeQuality.INGESTED
    ttft = number(reading.get("ttft_ms"))
    return {
        "started_at": start,
        "ended_at": end,
        "latency_ms": latency,
        "ttft_ms": ttft if ttft is not None and ttft >= 0 and reading.get("stream") is not False else None,
        "event_time": event,
        "time_quality": quality,
    }


def _status(span: Span, reading: Reading) -> dict[str, Any]:
    told = reading.get("status")
    failed = told == Status.ERROR or (told is None and (span.failed or "error.type" in span.attributes))
    if not failed:
        ended = reading.get("end_ns", span.end_ns) or reading.get("answered")
        return {
            "status": told or (Status.OK if ended else Status.UNKNOWN),
            "http_status": http_status(span, None, None),
        }
    raised = next((e.attributes for e in reversed(span.events) if e.name == "exception"), {})
    message = reading.get("error_message") or span.status_message or raised.get("exception.message")
    kind = error_type(reading.get("error_type") or span.attributes.get("error.type") or raised.get("exception.type"))
    return {
        "status": Status.ERROR,
        "error_type": kind,
        "error_message": str(message) if message else None,
        "http_status": http_status(span, kind, str(message or "")),
    }


def http_status(span: Span, kind: str | None, message: str | None) -> int | None:
    """Return the status as told, else as the error's type or text gives it away."""
    told = number(first(span.attributes, STATUS_NAMES))
    if told is not None and 100 <= told < 600:  # noqa: PLR2004 - what HTTP knows
        return int(told)
    if kind and kind.isdecimal() and len(kind) == 3:  # noqa: PLR2004 - digits of an HTTP status
        return int(kind)
    said = CODE.search(message or "")
    return int(said[1]) if said else CODES.get(kind or "")


def _where(span: Span, reading: Reading) -> dict[str, Any]:
    resource = span.resource
    return {
        "service": _text(resource.get("service.name")),
        "service_version": _text(resource.get("service.version")),
        "environment": _text(
            resource.get("deployment.environment.name")
            or resource.get("deployment.environment")
            or reading.get("environment")
            or span.attributes.get("deployment.environment")
        ),
    }


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


@lru_cache(maxsize=65536)
def told_elsewhere(name: str) -> bool:
    """Whether an attribute belongs to a dialect and so has its own column (or is meant for machines only)."""
    return name in KNOWN or name.startswith(TOLD)


def metadata(span: Span, reading: Reading) -> dict[str, Any] | None:
    """What the client told beyond what has a column."""
    found = dict(_rest(span.attributes))
    found.update(reading.get("metadata") or {})
    return found or None


def _rest(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    names = tuple(attributes)
    for name in _untold(names) if len(names) <= MANY else _untold.__wrapped__(names):
        value = attributes[name]
        if value not in (None, ""):
            yield name, value


@lru_cache(maxsize=4096)
def _untold(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names without a column: worked out once per shape of span."""
    return tuple(name for name in names if not told_elsewhere(name))
