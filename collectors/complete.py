"""Complete: what a format found of a call becomes an LLMCall; what follows from it is worked out here, once.

Identity, event time and its quality, latency, model, status, tokens and the fields that messages fill.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, get_args

from collectors import folding, moments
from collectors.files.reading import Place
from collectors.formats.leeway import HINTS, read
from collectors.identity import call_id, model_key
from collectors.spans.content import content_fields
from collectors.usage import Usage, normalised
from store.model import ContentState, LLMCall, Operation, Status, TimeQuality

PLAUSIBLE_FROM = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)  # a clock may be wrong by so much before its time is not believed
FIELDS = frozenset(LLMCall.__struct_fields__) - {"source", "problems"}
TEXT = frozenset(name for name, hint in HINTS.items() if hint in (str, str | None)) - {"call_id", "source"}
# What the values of a field are, where that can be seen; anything else is read, or becomes a text.
KINDS: dict[str, tuple[type, ...]] = {
    name: kinds
    for name, hint in HINTS.items()
    for part, kinds in ((int, (int,)), (float, (float, int)), (bool, (bool,)), (list[str], (list,)))
    if part in (hint, *get_args(hint)) and name not in ("problems", "latency_ms", "ttft_ms")
} | dict.fromkeys(TEXT, (str,))
COUNTS = tuple(name for name in Usage.__struct_fields__ if name != "problems")
counts_of = attrgetter(*COUNTS)
ERROR_FROM = 400
ANSWERS = frozenset({"output_text", "tool_calls", "output_tokens"})


def complete(found: Mapping[str, Any], *, source: str, place: Place) -> LLMCall:
    """Make the call. `found`: fields of LLMCall; `started_at`, `ended_at`, `first_token_at`, `created` in any notation.

    Beside them may stand `usage` (raw counts), `asked` and `answered` (messages), `made_by` (whose API it looks like)
    and `cache_hit` (a gateway answered from its cache).
    """
    problems = [*place.problems, *(found.get("problems") or ())]
    fields = _typed(found, problems)
    _add_names(fields, found)
    _add_times(fields, found, place, problems)
    if told := found.get("usage"):
        _add_tokens(fields, told, problems)
    _add_content(fields, found)
    _add_ending(fields)
    fields["call_id"] = found.get("call_id") or _identity(fields, found, source, place)
    return LLMCall(source=source, problems=list(dict.fromkeys(problems)) if problems else [], **fields)


def _typed(found: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Fields are what their columns hold, and an empty one is unknown: an odd value must not cost the call."""
    fields = {}
    for name, value in found.items():
        if name not in FIELDS or value is None or value == "":
            continue
        if name not in KINDS or type(value) in KINDS[name]:
            fields[name] = value
        elif (made := str(value) if name in TEXT else read(name, value, problems)) is not None:
            fields[name] = made
    return fields


def _add_names(fields: dict[str, Any], found: Mapping[str, Any]) -> None:
    response, request = fields.get("response_model"), fields.get("request_model")
    named = folding.provider(fields.get("provider"))
    fields["provider"] = named or found.get("made_by") or folding.maker(response or request)
    if "model" not in fields:
        fields["model"] = model_key(response, request)


def _add_times(fields: dict[str, Any], found: Mapping[str, Any], place: Place, problems: list[str]) -> None:
    start, end = moments.moment(found.get("started_at")), moments.moment(found.get("ended_at"))
    event_time, quality = _event_time(found, start, end, place)
    latency = _duration(found.get("latency_ms"), problems)
    if start and end and end < start:
        problems.append("end_before_start")
    elif latency is None:
        latency = moments.milliseconds(start, end)
    if latency is not None and not (start and end):
        start, end = start or _after(end, -latency), end or _after(start, latency)
        event_time = start or event_time
    if not PLAUSIBLE_FROM <= event_time <= place.read_at + AHEAD:
        problems.append("clock_skew")
        event_time, quality, latency = place.read_at, TimeQuality.INGESTED, None
    ttft = _duration(found.get("ttft_ms"), problems)
    if ttft is None and (first := found.get("first_token_at")) is not None:
        ttft = moments.milliseconds(start, moments.moment(first))
    fields["started_at"], fields["ended_at"], fields["event_time"] = start, end, event_time
    fields["latency_ms"], fields["ttft_ms"] = latency, ttft or None
    fields.setdefault("time_quality", quality)


def _after(moment: datetime | None, milliseconds: float) -> datetime | None:
    try:
        return moment + timedelta(milliseconds=milliseconds) if moment else None
    except OverflowError:
        return None


def _duration(value: Any, problems: list[str]) -> float | None:
    if value is None or value is True or value is False:
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
    if moment := start or end:
        return moment, moments.quality(found["started_at" if start else "ended_at"])
    if created := moments.moment(found.get("created")):
        return created, moments.quality(found["created"])
    return place.read_at, TimeQuality.INGESTED


def _add_tokens(fields: dict[str, Any], told: Mapping[str, Any], problems: list[str]) -> None:
    usage = normalised(told, provider=fields.get("provider"))
    problems += usage.problems
    fields |= {name: value for name, value in zip(COUNTS, counts_of(usage), strict=True) if value is not None}


def _add_content(fields: dict[str, Any], found: Mapping[str, Any]) -> None:
    """What messages tell, beside what was told already."""
    asked, answered = found.get("asked"), found.get("answered")
    if asked or answered:
        for name, value in content_fields(None, asked or [], answered or []).items():
            if value is not None and name not in fields:
                fields[name] = value
    if "content_state" not in fields:
        has_text = any(fields.get(name) for name in ("input_text", "output_text", "input_messages"))
        fields["content_state"] = ContentState.FULL if has_text else ContentState.ABSENT


def _add_ending(fields: dict[str, Any]) -> None:
    """How it ended: an error if any is told, well if there is an answer or a count of one."""
    reasons = fields.get("finish_reasons")
    reason = folding.finish_reason(fields.get("finish_reason") or (reasons[0] if reasons else None))
    http = fields.get("http_status")
    kind = folding.error_type(fields.get("error_type"))
    if (http or 0) >= ERROR_FROM and kind is None:
        kind = str(http)
    answered = reason is not None or (http or ERROR_FROM) < ERROR_FROM or not ANSWERS.isdisjoint(fields)
    answered = answered or ("input_tokens" in fields and fields.get("operation") == Operation.EMBEDDING)
    fields["finish_reason"], fields["error_type"] = reason, kind
    status = fields.get("status") or (Status.ERROR if kind else Status.OK if answered else Status.UNKNOWN)
    fields["status"] = Status(status)


def _identity(fields: Mapping[str, Any], found: Mapping[str, Any], source: str, place: Place) -> str:
    """The call's id; where it stood in its file tells it from others only if nothing else does."""
    known = call_id(
        response_id=fields.get("response_id"),
        trace_id=fields.get("trace_id"),
        span_id=fields.get("span_id"),
        source=source,
        source_record_id=fields.get("source_record_id"),
        cached_at=fields["event_time"] if found.get("cache_hit") else None,
    )
    return known or call_id(place=place.key)
