"""Complete: what a format found of a call becomes an LLMCall; what follows from it is worked out here, once.

Identity, event time and its quality, latency, model, status, tokens and the fields that messages fill.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from collectors import folding, moments
from collectors.content import content_fields
from collectors.formats.leeway import HINTS, read
from collectors.identity import call_id, model_key
from collectors.reading import Place
from collectors.usage import normalised
from store.model import ContentState, LLMCall, Operation, Status, TimeQuality

PLAUSIBLE_FROM = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)  # a clock may be wrong by so much before its time is not believed
FIELDS = frozenset(LLMCall.__struct_fields__)
TEXT = frozenset(
    name for name, hint in HINTS.items() if hint in (str, str | None) and name not in ("call_id", "source")
)
KINDS = {
    name: kinds
    for name, hint in HINTS.items()
    for part, kinds in ((int, (int,)), (float, (float, int)), (bool, (bool,)), (list[str], (list,)))
    if part in (hint, *get_args(hint)) and name not in ("problems", "latency_ms", "ttft_ms")
}
ERROR_FROM = 400


def complete(found: Mapping[str, Any], *, source: str, place: Place) -> LLMCall:
    """Make the call. `found`: fields of LLMCall; `started_at`, `ended_at`, `first_token_at`, `created` in any notation.

    Beside them may stand `usage` (raw counts), `asked` and `answered` (messages), `made_by` (whose API it looks like)
    and `cache_hit` (a gateway answered from its cache).
    """
    fields = {name: value for name, value in found.items() if name in FIELDS}
    problems = [*place.problems, *fields.pop("problems", ())]
    fields |= _typed(fields, problems)
    fields |= _words(fields)
    fields |= _provider(fields, found)
    fields |= _times(found, place, problems)
    fields |= _tokens(found, fields, problems)
    fields |= _content(found, fields)
    fields |= _ending(fields)
    fields["call_id"] = found.get("call_id") or _identity(fields, found, source, place)
    return LLMCall(source=source, problems=list(dict.fromkeys(problems)), **fields)


def _typed(fields: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Numbers and lists are what their columns hold: one odd value must not cost the call, or its file."""
    return {
        name: None if value is None else read(name, value, problems)
        for name, value in fields.items()
        if name in KINDS and type(value) not in KINDS[name]
    }


def _words(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Texts are texts, and an empty one is unknown."""
    return {
        name: (str(value) if value not in ("", None) else None)
        for name, value in fields.items()
        if (name in TEXT and not isinstance(value, str | None)) or value == ""
    }


def _provider(fields: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    model = fields.get("response_model") or fields.get("request_model")
    named = folding.provider(fields.get("provider")) or found.get("made_by") or folding.maker(model)
    model_name = fields.get("model") or model_key(fields.get("response_model"), fields.get("request_model"))
    return {"provider": named, "model": model_name}


def _times(found: Mapping[str, Any], place: Place, problems: list[str]) -> dict[str, Any]:
    start, end = moments.moment(found.get("started_at")), moments.moment(found.get("ended_at"))
    latency = _duration(found.get("latency_ms"), problems)
    if start and end and end < start:
        problems.append("end_before_start")
    elif latency is None:
        latency = moments.milliseconds(start, end)
    if latency is not None and not (start and end):
        start, end = start or _after(end, -latency), end or _after(start, latency)
    event_time, quality = _event_time(found, start, end, place)
    if not PLAUSIBLE_FROM <= event_time <= place.read_at + AHEAD:
        problems.append("clock_skew")
        event_time, quality, latency = place.read_at, TimeQuality.INGESTED, None
    ttft = _duration(found.get("ttft_ms"), problems)
    if ttft is None:
        ttft = moments.milliseconds(start, moments.moment(found.get("first_token_at")))
    return {
        "started_at": start, "ended_at": end, "latency_ms": latency, "ttft_ms": ttft or None,
        "event_time": event_time, "time_quality": found.get("time_quality") or quality,
    }  # fmt: skip


def _after(moment: datetime | None, milliseconds: float) -> datetime | None:
    try:
        return moment + timedelta(milliseconds=milliseconds) if moment else None
    except OverflowError:
        return None


def _duration(value: Any, problems: list[str]) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        duration = float(value)
    except (TypeError, ValueError):
        return None
    if duration >= 0:  # False for NaN
        return duration if duration != float("inf") else None
    problems.append("negative_duration")
    return None


def _event_time(
    found: Mapping[str, Any], start: datetime | None, end: datetime | None, place: Place
) -> tuple[datetime, TimeQuality]:
    if start or end:
        told = found.get("started_at") if moments.moment(found.get("started_at")) else found.get("ended_at")
        return start or end or place.read_at, moments.quality(told)
    if created := moments.moment(found.get("created")):
        return created, moments.quality(found["created"])
    return place.read_at, TimeQuality.INGESTED


def _tokens(found: Mapping[str, Any], fields: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    if not found.get("usage"):
        return {}
    usage = normalised(found["usage"], provider=fields.get("provider"))
    problems += usage.problems
    counts = {f.name: getattr(usage, f.name) for f in dataclasses.fields(usage) if f.name != "problems"}
    return {name: value for name, value in counts.items() if value is not None}


def _content(found: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    said = content_fields(None, found.get("asked") or [], found.get("answered") or [])
    said = {name: value for name, value in said.items() if value is not None and fields.get(name) is None}
    if "content_state" not in said and fields.get("content_state") is None:
        has_text = any(fields.get(name) for name in ("input_text", "output_text", "input_messages"))
        said["content_state"] = ContentState.FULL if has_text else ContentState.ABSENT
    return said


def _ending(fields: Mapping[str, Any]) -> dict[str, Any]:
    """How it ended: an error if any is told, well if there is an answer or a count of one."""
    reasons = fields.get("finish_reasons")
    reason = folding.finish_reason(fields.get("finish_reason") or (reasons[0] if reasons else None))
    http = fields.get("http_status")
    kind = folding.error_type(fields.get("error_type"))
    if (http or 0) >= ERROR_FROM and kind is None:
        kind = str(http)
    answered = any(fields.get(name) is not None for name in ("output_text", "tool_calls", "output_tokens"))
    answered = answered or reason is not None or (http or ERROR_FROM) < ERROR_FROM
    answered = answered or (fields.get("operation") == Operation.EMBEDDING and fields.get("input_tokens") is not None)
    status = fields.get("status") or (Status.ERROR if kind else Status.OK if answered else Status.UNKNOWN)
    return {"finish_reason": reason, "error_type": kind, "status": Status(status)}


def _identity(fields: Mapping[str, Any], found: Mapping[str, Any], source: str, place: Place) -> str:
    return call_id(
        response_id=fields.get("response_id"),
        trace_id=fields.get("trace_id"),
        span_id=fields.get("span_id"),
        source=source,
        source_record_id=fields.get("source_record_id"),
        place=place.key,
        cached_at=fields["event_time"] if found.get("cache_hit") else None,
    )
