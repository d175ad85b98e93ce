"""Spans that are alike: what thousands say in the same words is worked out once.

A model call that stands alone in its trace and says no more than the GenAI conventions have names for differs from
its fellows in ids, times, counts and texts alone. The first of them is read like any other span; the call of each
other one is that call with its own values put in (`fellows.py`). A span with an odd value of its own, or
one that may be told elsewhere too, goes the way of all others (`collectors/assemble.py`): both give the same calls.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from collectors.apis.messages import cut_off
from collectors.assemble import assemble
from collectors.dialect import MANY, spoken_by
from collectors.dialects.genai import GENAI
from collectors.spans.inherit import FIELD_OF, text
from collectors.spans.record import believed_ns, told_elsewhere
from collectors.spans.semconv import COUNTS, FIRST_CHUNK_S, number
from collectors.usage import as_told
from store.model import LLMCall, LogRecord, Span, SpanKind

FEW = 8  # spans alike: reading fewer one by one costs no more
ASKED, ANSWERED, RESPONSE_ID = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.response.id"
PEOPLE = {name: field for name, (field, _) in FIELD_OF.items() if field in ("session_id", "user_id")}
COUNT_OF = {name: field for field, names in COUNTS.items() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to read a shape of span: `shared` picks what fellows must have in common, all else is each span's own."""

    shared: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    people: Mapping[str, str]  # name → field of the call
    counts: Mapping[str, str]  # name → raw count
    texts: tuple[str, ...]
    response_id: bool
    first_chunk: str | None
    metadata: tuple[str, ...]  # names without a column; empty when none of them is a span's own
    scope: str

    def usual(self, a: Mapping[str, Any]) -> bool:
        """Whether a span's own values are what they should be, so that each simply is its column's."""
        for name in self.people:
            if type(a[name]) is not str or text(a[name]) is None:
                return False
        if self.response_id and (type(a[RESPONSE_ID]) is not str or not a[RESPONSE_ID]):
            return False
        if self.first_chunk and not (type(a[self.first_chunk]) is float and (number(a[self.first_chunk]) or -1) >= 0):
            return False
        if self.counts and not as_told({field: a[name] for name, field in self.counts.items()}, self.scope):
            return False
        return not any(map(cut_off, map(a.__getitem__, (*self.texts, *self.metadata))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Spans alike, the call of the first (None when such spans are no calls), and what they stand for."""

    plan: Plan
    spans: Sequence[Span]
    call: LLMCall | None
    kind: SpanKind


def apart(spans: Sequence[Span], logs: Iterable[LogRecord], *, now: datetime) -> tuple[list[Group], list[Span]]:
    """Return the spans that are alike, in groups, and all others. `spans`: each once."""
    found: dict[Any, list[Span]] = defaultdict(list)
    plans: dict[Any, Plan] = {}
    rest: list[Span] = []
    for span, plan in _planned(spans, logs, now):
        key = _key(span, plan) if plan is not None and plan.usual(span.attributes) else None
        if plan is None or key is None:
            rest.append(span)
        else:
            found[key].append(span)
            plans[key] = plan
    groups: list[Group] = []
    for key, fellows in found.items():
        group = _group(plans[key], fellows, now) if len(fellows) >= FEW else None
        if group is None:
            rest += fellows
        else:
            groups.append(group)
    return groups, rest


def _planned(spans: Sequence[Span], logs: Iterable[LogRecord], now: datetime) -> Iterator[tuple[Span, Plan | None]]:
    """Yield each span with its shape's plan, None where it is not alone or its times are not to be believed."""
    low, high = believed_ns(now)
    told = Counter([span.trace_id for span in spans])
    told.update([log.trace_id for log in logs])
    answers = Counter([str(span.attributes.get(RESPONSE_ID)) for span in spans])
    beside = _told_beside(spans)
    for span in spans:
        alone = told[span.trace_id] == 1 and id(span.resource) not in beside and not span.events
        alone = alone and (RESPONSE_ID not in span.attributes or answers[str(span.attributes[RESPONSE_ID])] == 1)
        timely = low <= span.start_ns <= min(high, span.end_ns)
        few = len(span.attributes) <= MANY
        yield span, _plan(span.scope_name, tuple(span.attributes)) if alone and timely and few else None


def _told_beside(spans: Iterable[Span]) -> set[int]:
    """Return the resources of services that several instrumentations tell of: one call may come twice from them."""
    speaking: dict[tuple[int, str], str] = {}
    for span in spans:
        pair = (id(span.resource), span.scope_name)
        if pair not in speaking and spoken_by(span):
            speaking[pair] = str(span.resource.get("service.name"))
    scopes = defaultdict(set)
    for (_, scope), service in speaking.items():
        scopes[service].add(scope)
    return {resource for (resource, _), service in speaking.items() if len(scopes[service]) > 1}


@lru_cache(maxsize=4096)
def _plan(scope: str, names: tuple[str, ...]) -> Plan | None:
    """Return the plan of a shape; None where more than the GenAI conventions must be known to read it."""
    shape = Span(trace_id="", span_id="", name="", scope_name=scope, attributes=dict.fromkeys(names))
    if spoken_by(shape) != (GENAI,) or "logfire" in scope:  # Logfire tells one call in two records
        return None
    people = {name: PEOPLE[name] for name in names if name in PEOPLE}
    counts = {name: COUNT_OF[name] for name in names if name in COUNT_OF}
    chunks = [name for name in names if name in FIRST_CHUNK_S]
    texts = tuple(name for name in (ASKED, ANSWERED) if name in names)
    metadata = [name for name in names if not told_elsewhere(name)]
    if any(len(set(of)) < len(of) for of in (people.values(), counts.values())) or len(chunks) > 1 or "total" in counts:
        return None  # two names for one thing: which one counts is not for here
    own = {*people, *counts, *chunks, *texts, RESPONSE_ID, *(name for name in metadata if name not in FIELD_OF)}
    return Plan(
        shared=_picked([name for name in names if name not in own]),
        people=people,
        counts=counts,
        texts=texts,
        response_id=RESPONSE_ID in names,
        first_chunk=chunks[0] if chunks else None,
        metadata=tuple(metadata) if own.intersection(metadata) else (),
        scope=scope,
    )


def _picked(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what picks these values; by type too: Python takes 1 for true, JSON does not."""
    if not names:
        return lambda _: ()
    pick = itemgetter(*names, names[0])  # of a single name it would give no tuple

    def picked(attributes: Mapping[str, Any]) -> tuple[Any, ...]:
        values = [tuple(value) if type(value) is list else value for value in pick(attributes)]
        return (*values, *map(type, values))

    return picked


def _key(span: Span, plan: Plan) -> Any:
    """Return what fellows have in common; None where that cannot be compared."""
    key = (id(plan), id(span.resource), span.status_code, span.status_message, plan.shared(span.attributes))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _group(plan: Plan, spans: Sequence[Span], now: datetime) -> Group | None:
    """Read the first; None where there is anything odd about it."""
    found = assemble(spans[:1], [], now=now)
    [kind] = found.kinds.values()
    if found.problems:
        return None
    return Group(plan=plan, spans=spans, call=found.calls[0] if found.calls else None, kind=kind)


def told_again(groups: Iterable[Group], calls: Iterable[LLMCall]) -> bool:
    """Whether one of `calls` answers with the response of a span that was set apart: then they may be one call."""
    known = {call.response_id for call in calls if call.response_id}
    return bool(known) and any(
        span.attributes[RESPONSE_ID] in known for group in groups if group.plan.response_id for span in group.spans
    )
