"""From spans and log records to calls: any split, order and repetition of the same input gives the same calls.

An assembly looks at everything it is given at once and keeps nothing: whoever learns more calls it again with all
that is known of the traces in question.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from collectors.apis.judged import EVENT
from collectors.spans import retrieved
from collectors.spans.candidate import Candidate, Key, Trees, kind_of, logs_by_span, placed, read_all, told_once
from collectors.spans.duplicates import once
from collectors.spans.evaluations import calls_by_name, evaluation, outcomes, told_on_spans
from collectors.spans.inherit import Identities, inherited
from collectors.spans.nesting import innermost
from collectors.spans.record import call_of
from collectors.spans.records import united
from collectors.spans.streams import joined
from store.model import Evaluation, LLMCall, LogRecord, Span, SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What an assembly found.

    `problems`: how often each odd thing was met; `kinds`: what each span stands for; `waiting`: evaluations whose call
    is not here.
    """

    calls: list[LLMCall]
    evaluations: list[Evaluation]
    problems: Mapping[str, int]
    kinds: Mapping[Key, SpanKind] = field(default_factory=dict)
    waiting: list[LogRecord] = field(default_factory=list)


def assemble(spans: Iterable[Span], logs: Iterable[LogRecord], *, now: datetime) -> Assembled:
    """Work out the calls of these spans and log records. `now` stands in for times that cannot be."""
    placed_logs = [placed(log) for log in logs]
    trees, candidates = read_all(told_once(spans), logs_by_span(placed_logs))
    found = once(innermost(joined(united(candidates, trees)), trees))
    retrieved.attach(found, trees)
    identities = Identities(trees)
    calls = [_call(c, inherited(c, trees, identities), now) for c in found]
    judged = [log for log in placed_logs if log.event_name == EVENT]
    evaluations, waiting = _judged([*judged, *told_on_spans(trees)], calls, trees)
    return Assembled(
        calls=sorted(calls, key=lambda call: (call.event_time, call.call_id)),
        evaluations=evaluations,
        problems=_counted(calls),
        kinds={key: kind_of(reading) for key, reading in trees.readings.items()},
        waiting=waiting,
    )


def _call(candidate: Candidate, who: Mapping[str, str], now: datetime) -> LLMCall:
    return call_of(candidate, who, now=now)


def _judged(
    logs: Sequence[LogRecord], calls: Iterable[LLMCall], trees: Trees
) -> tuple[list[Evaluation], list[LogRecord]]:
    if not logs and not any(reading.get("outcomes") for reading in trees.readings.values()):
        return [], []
    known = calls_by_name(calls)
    pairs = [(log, evaluation(log, known, trees)) for log in logs]
    told = [*(e for _, e in pairs if e is not None), *outcomes(trees, known)]
    found = {(e.call_id, e.name, e.evaluator, e.created_at): e for e in told}
    return list(found.values()), [log for log, e in pairs if e is None]


def _counted(calls: Iterable[LLMCall]) -> dict[str, int]:
    found: dict[str, int] = {}
    for call in calls:
        for problem in call.problems:
            found[problem] = found.get(problem, 0) + 1
    return found
