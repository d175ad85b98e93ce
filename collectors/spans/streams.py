"""Streams that an instrumentation tells in two spans: the request, and a record when the last piece was read.

Logfire does so: the two share neither parent nor trace. They belong together when they ask the same of the same model
and the record's reading began as the request span ended.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from collectors.spans.candidate import Candidate
from collectors.spans.nesting import absorb

NEAR_NS = 1_000_000_000  # between the request's end and the begin of reading


def joined(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Join each stream record (`reading_ns`: how long the stream was read) to its request."""
    records = [c for c in candidates if c.reading.get("reading_ns") is not None]
    if not records:
        return list(candidates)
    requests: dict[Any, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.reading.get("reading_ns") is None and not candidate.reading.get("answered"):
            requests[_asked(candidate)].append(candidate)
    gone: set[int] = set()
    for _, _, _, record, request in sorted(_pairs(records, requests), key=lambda pair: pair[:3]):
        if id(record) not in gone and id(request) not in gone:
            gone |= {id(record), id(request)}
            _join(request, record)
    orphans = [c for c in records if id(c) not in gone]
    for record in orphans:
        record.reading["start_ns"] = record.span.start_ns - record.reading["reading_ns"]
    return [c for c in candidates if c.reading.get("reading_ns") is None or id(c) not in gone]


def _asked(candidate: Candidate) -> tuple[str, str, str, str]:
    return (
        str(candidate.span.resource.get("service.name")),
        candidate.scope,
        str(candidate.reading.get("request_model")),
        str(candidate.reading.get("asked")),
    )


def _pairs(records: Sequence[Candidate], requests: dict[Any, list[Candidate]]) -> list[tuple[Any, ...]]:
    found = []
    for record in records:
        began = record.span.start_ns - record.reading["reading_ns"]
        for request in requests.get(_asked(record), ()):
            distance = abs(began - request.span.end_ns)
            if distance <= NEAR_NS and request.span.start_ns <= record.span.start_ns:
                found.append((distance, record.key, request.key, record, request))
    return found


def _join(request: Candidate, record: Candidate) -> None:
    """The call lasts from the request to the record; a model told only by the request's own guess gives way."""
    request.reading["end_ns"] = record.span.start_ns
    absorb(request, record)
    request.reading["stream"] = True
    request.reading.pop("reading_ns", None)
