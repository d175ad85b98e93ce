"""Candidates: the spans (and details events without one) that claim to be a model call."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from msgspec.structs import replace

from collectors.dialect import Reading, read
from collectors.dialects.genai import DETAILS
from store.model import LogRecord, Span, SpanKind

Key = tuple[str, str]  # trace id, span id
REFUSED = ("TypeError", "builtins.TypeError")


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A span with what was read of it; `folded`: the other spans that turned out to be the same call."""

    span: Span
    reading: Reading
    folded: list[Span] = field(default_factory=list)
    attempts: int = 1
    log_only: bool = False
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.span.trace_id, self.span.span_id

    @property
    def scope(self) -> str:
        return self.span.scope_name

    @property
    def response_id(self) -> str | None:
        found = self.reading.get("response_id")
        return str(found) if found else None

    def fold(self, other: "Candidate") -> None:
        self.folded += [other.span, *other.folded]


@dataclass(frozen=True, slots=True)
class Trees:
    """All spans of an assembly by key, what was read of them, and who stands under whom."""

    spans: Mapping[Key, Span]
    readings: Mapping[Key, Reading]

    def ancestors(self, span: Span) -> Iterable[Span]:
        """Yield parents, nearest first, as far as they have arrived."""
        seen = {span.span_id}
        while span.parent_span_id and span.parent_span_id not in seen:
            parent = self.spans.get((span.trace_id, span.parent_span_id))
            if parent is None:
                return
            seen.add(parent.span_id)
            yield parent
            span = parent


def told_once(spans: Iterable[Span]) -> dict[Key, Span]:
    """Merge what was sent of each span; sorted, so that the order of arrival does not matter."""
    found: dict[Key, Span] = {}
    for span in spans:
        key = (span.trace_id, span.span_id)
        known = found.get(key)
        found[key] = span if known is None else merged(known, span)
    return dict(sorted(found.items(), key=lambda item: (item[1].start_ns, item[0])))


def merged(a: Span, b: Span) -> Span:
    """Merge two tellings of one span: the later and fuller one wins, attributes are united."""
    if a == b:
        return a
    low, high = sorted((a, b), key=_fullness)
    return replace(
        high,
        attributes={**low.attributes, **high.attributes},
        events=high.events if len(high.events) >= len(low.events) else low.events,
        parent_span_id=high.parent_span_id or low.parent_span_id,
        status_code=high.status_code or low.status_code,
        status_message=high.status_message or low.status_message,
        start_ns=min(t for t in (a.start_ns, b.start_ns, high.start_ns) if t or not high.start_ns),
    )


def _fullness(span: Span) -> tuple[int, int, str]:
    return span.end_ns, len(span.attributes), orjson.dumps(dict(span.attributes), option=SORTED, default=str).decode()


SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def logs_by_span(logs: Iterable[LogRecord]) -> dict[Key, list[LogRecord]]:
    """Group log records by their span, each once, in the order of their times."""
    found: dict[Key, dict[str, LogRecord]] = defaultdict(dict)
    for log in logs:
        found[(log.trace_id, log.span_id)][fingerprint(log)] = log
    return {key: [log for _, log in sorted(of.items(), key=_log_order)] for key, of in found.items()}


def _log_order(item: tuple[str, LogRecord]) -> tuple[int, str]:
    return item[1].time_ns, item[0] if item[1].event_name == DETAILS else ""


def fingerprint(log: LogRecord) -> str:
    """Tell one log record from another: its time, name and content."""
    said = orjson.dumps([log.time_ns, log.event_name, log.body, dict(log.attributes)], option=SORTED, default=str)
    return hashlib.md5(said, usedforsecurity=False).hexdigest()


def placed(log: LogRecord) -> LogRecord:
    """Give a log record without a trace a place of its own, the same each time it comes."""
    if log.trace_id and log.span_id:
        return log
    mark = fingerprint(log)
    return replace(log, trace_id=log.trace_id or f"log:{mark}", span_id=log.span_id or mark[:16])


def read_all(spans: Mapping[Key, Span], logs: Mapping[Key, Sequence[LogRecord]]) -> tuple[Trees, list[Candidate]]:
    """Read every span and every details event that stands alone; return the trees and the candidates."""
    readings = {key: read(span, logs.get(key, ())) for key, span in spans.items()}
    found = [_candidate(spans[key], r) for key, r in readings.items() if _claims(spans[key], r)]
    for key, records in logs.items():
        if key not in spans:
            found += _from_details(records)
    return Trees(spans, readings), found


def _candidate(span: Span, reading: Reading) -> Candidate:
    attempts = reading.get("attempts") or 1
    return Candidate(span=span, reading=dict(reading), attempts=attempts, log_only="record" in reading)


def _claims(span: Span, reading: Reading) -> bool:
    """Whether a span tells of a call. One that the client's own code refused (a TypeError) never left the process."""
    if not reading.get("call"):
        return False
    error = str(span.attributes.get("error.type") or "") if span.failed else ""
    raised = any(e.attributes.get("exception.type") in REFUSED for e in span.events) or error in REFUSED
    return not (span.failed and raised and not reading.get("response_id"))


def _from_details(records: Sequence[LogRecord]) -> list[Candidate]:
    """Read a call whose span was not sent: all we know is its event, which was written when it ended."""
    details = next((log for log in records if log.event_name == DETAILS), None)
    if details is None:
        return []
    span = Span(
        trace_id=details.trace_id,
        span_id=details.span_id,
        name=details.event_name,
        end_ns=details.time_ns,
        attributes=details.attributes,
        scope_name=details.scope_name,
        scope_version=details.scope_version,
        resource=details.resource,
    )
    reading = read(span, records)
    return [Candidate(span=span, reading=reading, log_only=True)] if reading.get("call") else []


def kind_of(reading: Mapping[str, Any]) -> SpanKind:
    return reading.get("kind") or (SpanKind.LLM if reading.get("call") else SpanKind.OTHER)
