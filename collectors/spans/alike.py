"""Spans that are alike: what thousands say in the same words is worked out once.

A model call that stands alone in its trace and says no more than the GenAI conventions have names for differs from
its fellows in ids, times, counts and texts alone. The first of them is read like any other span; the calls of the
others are that call with their own values put in, column by column (`fellows.py`). A span with an odd value of its
own, or one that may be told elsewhere too, goes the way of all others (`collectors/assemble.py`): both give the same
calls.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collectors.apis.messages import cut_off
from collectors.assemble import assemble
from collectors.dialect import MANY, spoken_by
from collectors.dialects.genai import GENAI
from collectors.spans.columns import INTEGER, NONE, REAL, TEXT, Columns, Numbers, Shape, Source, shapes
from collectors.spans.inherit import FIELD_OF, PLACEHOLDERS
from collectors.spans.record import believed_ns, told_elsewhere
from collectors.spans.semconv import COUNTS, FIRST_CHUNK_S
from collectors.usage import as_told
from store.model import LLMCall, LogRecord, Span, SpanKind

FEW = 8  # spans alike: reading fewer one by one costs no more
ASKED, ANSWERED, RESPONSE_ID = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.id"
PEOPLE = {name: field for name, (field, _) in FIELD_OF.items() if field in ("session_id", "user_id")}
COUNT_OF = {name: field for field, names in COUNTS.items() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to read a shape of span: `shared` is what fellows must have in common, all else is each span's own."""

    shared: tuple[str, ...]
    people: Mapping[str, str]  # name → field of the call
    counts: Mapping[str, str]  # name → raw count
    texts: tuple[str, ...]
    response_id: bool
    first_chunk: str | None
    metadata: tuple[str, ...]  # names without a column; empty when none of them is a span's own

    def usual(self, shape: Shape) -> Numbers:
        """Say of each span whether its own values are what they should be, so that each simply is its column's."""
        usual = np.ones(len(shape.at), np.bool_)
        for name in self.people:
            usual &= ~_yes(pc.is_in(shape.column(name), pa.array(PLACEHOLDERS)))
        if self.response_id:
            usual &= _yes(pc.not_equal(shape.column(RESPONSE_ID), ""))
        if self.first_chunk:
            waited = shape.column(self.first_chunk).to_numpy()
            usual &= np.isfinite(waited) & (waited >= 0)
        if self.counts:
            counts = {field: shape.column(name).to_numpy() for name, field in self.counts.items()}
            usual &= as_told(counts, shape.scope)
        for name in {*self.texts, *self.metadata}:
            if shape.kind(name) == TEXT:
                usual &= ~_cut_off(shape.column(name))
        return usual


def _yes(answers: pa.Array) -> Numbers:
    found: Numbers = answers.to_numpy(zero_copy_only=False)
    return found


def _cut_off(texts: pa.Array) -> Numbers:
    """Say of each text whether it begins as JSON and ends before it should; most are told by their last character."""
    open_ended = _yes(pc.or_(pc.starts_with(texts, "[{"), pc.starts_with(texts, '{"')))
    open_ended &= ~_yes(pc.or_(pc.ends_with(texts, "]"), pc.ends_with(texts, "}")))
    for place in np.flatnonzero(open_ended).tolist():
        open_ended[place] = cut_off(texts[place].as_py())
    return open_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The first of its kind: the span, its call (None when such spans are no calls), and what it stands for."""

    span: Span
    call: LLMCall | None
    kind: SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Fellows:
    """Spans of one shape; `of`: which of `read` each is like."""

    plan: Plan
    shape: Shape
    of: Numbers
    read: Sequence[Read]

    def responses(self) -> pa.Array:
        return self.shape.column(RESPONSE_ID) if self.plan.response_id else pa.nulls(0, pa.string())


def apart(source: Source, logs: Iterable[LogRecord], *, now: datetime) -> tuple[list[Fellows], Numbers]:
    """Return the spans that are alike, and the rows of all others."""
    columns = source.columns
    known = list(shapes(columns))
    fit = _alone(columns, logs) & _timely(columns, now)
    fit &= ~np.isin(columns.number("resource"), _told_beside(source, known))
    found, rest = list[Fellows](), np.ones(columns.rows.num_rows, np.bool_)
    for shape in known:
        fellows = _fellows(source, shape.only(fit[shape.at]), now)
        if fellows is not None:
            found.append(fellows)
            rest[fellows.shape.at] = False
    return found, np.flatnonzero(rest)


def _timely(columns: Columns, now: datetime) -> Numbers:
    low, high = believed_ns(now)
    start, end = columns.number("start_ns"), columns.number("end_ns")
    timely: Numbers = (low <= start) & (start <= high) & (start <= end)
    return timely


def _alone(columns: Columns, logs: Iterable[LogRecord]) -> Numbers:
    """Say of each span whether nothing else tells of it, and whether there is not too much to it."""
    rows = columns.rows
    alone = ~_yes(rows["eventful"]) & (np.diff(columns.starts) <= MANY) & _once(rows["trace_id"].combine_chunks())
    if traces := {log.trace_id for log in logs}:
        alone &= ~_yes(pc.is_in(rows["trace_id"], pa.array(traces, pa.string())))
    return alone & _answered_once(columns)


def _once(ids: pa.Array) -> Numbers:
    """Say of each id whether it stands here only once."""
    told = pc.dictionary_encode(ids)
    places = told.indices.to_numpy()
    once: Numbers = np.bincount(places, minlength=len(told.dictionary))[places] == 1
    return once


def _answered_once(columns: Columns) -> Numbers:
    """Say of each span whether no other one has its response id, as a text or as anything else."""
    once = np.ones(columns.rows.num_rows, np.bool_)
    if RESPONSE_ID in columns.names:
        mine = np.flatnonzero(columns.name == columns.names.index(RESPONSE_ID))
        spans = np.searchsorted(columns.starts, mine, side="right") - 1
        ids = [column.take(pa.array(mine)).cast(pa.string()) for column in columns.values.values()]
        once[spans[~_once(pc.coalesce(*ids, "None"))]] = False
    return once


def _told_beside(source: Source, known: Iterable[Shape]) -> list[int]:
    """Return the resources of services that several instrumentations tell of: one call may come twice from them."""
    names = [str(resource.get("service.name")) for resource in source.columns.resources]
    scopes = defaultdict[str, set[str]](set)
    for resource, scope in _speaking(source, known):
        scopes[names[resource]].add(scope)
    return [place for place, name in enumerate(names) if len(scopes[name]) > 1]


def _speaking(source: Source, known: Iterable[Shape]) -> Iterator[tuple[int, str]]:
    """Yield each resource with the scopes whose spans there speak a dialect, by their attributes or their events."""
    for shape in known:
        if spoken_by(_example(shape.scope, shape.names)):
            yield from ((resource, shape.scope) for resource in np.unique(shape.number("resource")).tolist())
    eventful = np.flatnonzero(_yes(source.columns.rows["eventful"]))
    resources = source.columns.number("resource")[eventful].tolist()
    for span, resource in zip(source.spans(eventful), resources, strict=True):
        if spoken_by(span):
            yield resource, span.scope_name


@lru_cache(maxsize=4096)
def _plan(scope: str, names: tuple[str, ...], kinds: tuple[int, ...]) -> Plan | None:
    """Return the plan of a shape; None where more than the GenAI conventions must be known to read it."""
    if not _is_genai(scope, names):
        return None
    people = {name: PEOPLE[name] for name in names if name in PEOPLE}
    counts = {name: COUNT_OF[name] for name in names if name in COUNT_OF}
    chunks = [name for name in names if name in FIRST_CHUNK_S]
    texts = tuple(name for name in (ASKED, ANSWERED) if name in names)
    metadata = [name for name in names if not told_elsewhere(name)]
    twice = any(len(set(of)) < len(of) for of in (names, people.values(), counts.values())) or len(chunks) > 1
    if twice or "total" in counts.values():
        return None  # two names for one thing, or a total beside its parts: which one counts is not for here
    own = {*people, *counts, *chunks, *texts, RESPONSE_ID, *(name for name in metadata if name not in FIELD_OF)}
    usual = dict.fromkeys((*people, RESPONSE_ID), TEXT) | dict.fromkeys(counts, INTEGER) | dict.fromkeys(chunks, REAL)
    if any(usual.get(name, kind) != kind for name, kind in zip(names, kinds, strict=True)):
        return None
    return Plan(
        shared=tuple(name for name in names if name not in own),
        people=people,
        counts=counts,
        texts=texts,
        response_id=RESPONSE_ID in names,
        first_chunk=chunks[0] if chunks else None,
        metadata=tuple(metadata) if own.intersection(metadata) else (),
    )


def _is_genai(scope: str, names: tuple[str, ...]) -> bool:
    """Whether only the GenAI conventions must be known to read such spans. Logfire tells one call in two records."""
    return spoken_by(_example(scope, names)) == (GENAI,) and "logfire" not in scope


def _example(scope: str, names: Iterable[str]) -> Span:
    return Span(trace_id="", span_id="", name="", scope_name=scope, attributes=dict.fromkeys(names))


def _fellows(source: Source, shape: Shape, now: datetime) -> Fellows | None:
    """Return those of a shape that have enough others like them; None where there are none."""
    plan = _plan(shape.scope, shape.names, shape.kinds) if len(shape.at) >= FEW else None
    if plan is None:
        return None
    shape = shape.only(plan.usual(shape))
    of = _kinds(shape, plan)
    many = np.bincount(of, minlength=1)[of] >= FEW
    shape, (_, first, of) = shape.only(many), np.unique(of[many], return_index=True, return_inverse=True)
    read = [_read(span, now) for span in source.spans(shape.at[first])]
    even = np.array([one is not None for one in read], np.bool_)
    if not even.any():
        return None  # also where none was left
    if not even.all():
        shape, of = shape.only(even[of]), (np.cumsum(even) - 1)[of[even[of]]]
    return Fellows(plan=plan, shape=shape, of=of, read=[one for one in read if one is not None])


def _kinds(shape: Shape, plan: Plan) -> Numbers:
    """Number the spans of a shape by what fellows have in common."""
    fields = [shape.row(name) for name in ("scope_version", "status_code", "status_message")]
    told = [shape.column(name) for name in plan.shared if shape.kind(name) != NONE]
    found = shape.number("resource").astype(np.int64)
    for column in (*fields, *told):
        words = pc.dictionary_encode(column, null_encoding="encode")
        if len(words.dictionary) > 1:
            _, found = np.unique(found * len(words.dictionary) + words.indices.to_numpy(), return_inverse=True)
    return found


def _read(span: Span, now: datetime) -> Read | None:
    """Read a span as if it were alone; None where there is anything odd about it."""
    found = assemble([span], [], now=now)
    [kind] = found.kinds.values()
    if found.problems or found.evaluations or found.waiting:
        return None
    return Read(span=span, call=found.calls[0] if found.calls else None, kind=kind)


def told_again(groups: Iterable[Fellows], calls: Iterable[LLMCall]) -> bool:
    """Whether one of `calls` answers with the response of a span that was set apart: then they may be one call."""
    known = pa.array([call.response_id for call in calls if call.response_id], pa.string())
    return len(known) > 0 and any(pc.any(pc.is_in(group.responses(), known)).as_py() for group in groups)
