"""Judged: the scores, assessments and feedback that tracing tools keep, as evaluation events of their runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.runs import identifier, nanoseconds
from store.model import LogRecord

EVENT = "gen_ai.evaluation.result"
OF_TRACE = "leeway.of_trace"  # what was said of a whole trace: of the call that ended it


def judged(
    name: Any, value: Any, *, trace_id: Any, span_id: Any = None, scope: str, at: Any = None, why: Any = None
) -> Iterator[LogRecord]:
    """Yield the event. `value`: a number, a truth or a word; `scope`: which tool keeps it, and who said it."""
    if not name or value is None:
        return
    is_number = isinstance(value, int | float)
    told = {
        "gen_ai.evaluation.name": str(name),
        "gen_ai.evaluation.score.value": float(value) if is_number else None,
        "gen_ai.evaluation.score.label": str(value) if not is_number or value is True or value is False else None,
        "gen_ai.evaluation.explanation": str(why) if why else None,
        OF_TRACE: None if span_id else True,
    }
    yield LogRecord(
        trace_id=identifier(trace_id), span_id=identifier(span_id) if span_id else "", event_name=EVENT,
        time_ns=nanoseconds(at), attributes=known(told), scope_name=scope,
    )  # fmt: skip


def all_judged(told: Any, *, trace_id: Any, span_id: Any, scope: str, at: Any) -> Iterator[LogRecord]:
    """Yield the events of scores kept beside a run: as name → value, as name → `{avg}`, or as a list of objects."""
    if isinstance(told, Mapping):
        told = [{"name": name, **(dict(of) if isinstance(of, Mapping) else {"value": of})} for name, of in told.items()]
    for one in map(as_object, told if isinstance(told, list) else []):
        value = next((one[key] for key in ("value", "stringValue", "avg", "score") if one.get(key) is not None), None)
        why = one.get("comment") or one.get("reason") or one.get("explanation")
        when = one.get("timestamp") or one.get("createdAt") or at
        by = one.get("source")
        yield from judged(
            one.get("name"), value, trace_id=trace_id, span_id=span_id, at=when, why=why,
            scope=f"{scope}/{by.lower()}" if isinstance(by, str) else scope,
        )  # fmt: skip
