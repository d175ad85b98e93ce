"""What workers make of journal frames: tables of spans, log records, calls, evaluations and rejects.

Everything here is a plain function of picklable values: the owner of the database hands frames over and gets Arrow.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from collectors.assemble import Assembled, assemble
from collectors.spans.alike import apart, told_again
from collectors.spans.candidate import fingerprint, placed, told_once
from collectors.spans.columns import Source, everything, made
from collectors.spans.decoded import BAD_RECORD
from collectors.spans.fellows import tables
from collectors.spans.frames import opened
from collectors.spans.set_apart import SET_APART
from store.calls import bare_table
from store.evaluations import evaluation_table
from store.journal import Frame
from store.lifted import Key, cut_spans, texts_of
from store.model import LogRecord, Reject, Span
from store.sources import reject_table
from store.spans import EPOCH, Stored, log_table, logs_of, span_table, spans_of

LOGFIRE = (".logfire", "/logfire")  # in the names of its sources
EVENTS = "gen_ai."  # of the log records, only the GenAI conventions' events say anything of calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What came together, as tables.

    `updated`: spans known before that came again and said more; `judged`: (trace, span, response id) that evaluations
    without a call speak of; `split`: sources that tell one call in two records; `ignored`: how many log records told
    of no model call and so are not kept; `afresh`: spans of which nothing that was stored before counts any more;
    `logs_afresh`: likewise the spans whose log records are told anew.
    """

    spans: pa.Table
    updated: pa.Table
    logs: pa.Table
    calls: pa.Table
    evaluations: pa.Table
    rejects: pa.Table
    judged: list[tuple[str, str, str]]
    split: list[str]
    ignored: int = 0
    afresh: frozenset[Key] = frozenset()
    logs_afresh: frozenset[Key] = frozenset()

    @property
    def traces(self) -> pa.Array:
        """Every trace that the batch has something of."""
        columns = [self.spans["trace_id"], self.updated["trace_id"], self.logs["trace_id"]]
        return pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()).unique()


def read_frames(frames: Sequence[Frame], now: datetime) -> Batch:
    """Decode frames and assemble what they hold; a frame that cannot be read becomes a reject.

    A batch makes millions of objects that all live until its end: the cycle collector would walk them again and again.
    """
    with uncollected():
        return _read_frames(frames, now)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the cycle collector out of a block."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _read_frames(frames: Sequence[Frame], now: datetime) -> Batch:
    found = opened(frames)
    source = found.source()
    return _batch_of(source, found.logs, found.rejects, now=now)


def batch_of(spans: Iterable[Span], logs: Iterable[LogRecord], rejects: Iterable[Reject], *, now: datetime) -> Batch:
    """Assemble spans and log records that came together."""
    return _batch_of(made(list(told_once(spans).values())), list(logs), rejects, now=now)


def _batch_of(source: Source, logs: Sequence[LogRecord], rejects: Iterable[Reject], *, now: datetime) -> Batch:
    events = [log for log in logs if log.event_name.startswith(EVENTS)]
    kept = _distinct(map(placed, events))
    groups, others = apart(source, kept, now=now)
    rest = list(told_once(source.spans(others)).values())
    assembled, refused = assembled_safely(rest, kept, now=now)
    if assembled.waiting or told_again(groups, assembled.calls):
        groups, rest = [], list(told_once(source.spans(everything(source.columns))).values())
        assembled, refused = assembled_safely(rest, kept, now=now)
    odd = _batch(rest, [], kept, assembled, [*rejects, *refused], now=now)
    calls, spans = tables(source, groups, now=now)
    return replace(
        odd,
        calls=pa.concat_tables([odd.calls, calls]),
        spans=pa.concat_tables([odd.spans, spans]),
        ignored=len(logs) - len(events),
    )


def _distinct(logs: Iterable[LogRecord]) -> list[LogRecord]:
    return list({(log.trace_id, log.span_id, fingerprint(log)): log for log in logs}.values())


def _batch(
    new: list[Span], updated: list[Span], logs: list[LogRecord], found: Assembled, rejects: list[Reject], *,
    now: datetime,
) -> Batch:  # fmt: skip
    calls = bare_table(found.calls)
    return Batch(
        spans=span_table(new, found.kinds, texts=texts_of(calls), now=now),
        updated=span_table(updated, found.kinds, now=now),
        logs=log_table(logs, now=now),
        calls=calls,
        evaluations=evaluation_table(found.evaluations),
        rejects=reject_table(rejects),
        judged=[(w.trace_id, w.span_id, str(w.attributes.get("gen_ai.response.id") or "")) for w in found.waiting],
        split=sorted({c.source for c in found.calls if _split(c.source)}),
    )


def _split(source: str) -> bool:
    """Whether a source tells one call in several records."""
    return source.endswith(SET_APART) or any(name in source for name in LOGFIRE)


def assembled_safely(
    spans: Sequence[Span], logs: Sequence[LogRecord], *, now: datetime
) -> tuple[Assembled, list[Reject]]:
    """Assemble; where that fails, halve until the trace that makes it fail is found, reject it, keep the rest."""
    try:
        return assemble(spans, logs, now=now), []
    except BAD_RECORD as error:
        traces = sorted({s.trace_id for s in spans} | {r.trace_id for r in logs})
        if len(traces) <= 1:
            reason = f"cannot be assembled into calls ({type(error).__name__}: {error}); its spans are kept"
            place = f"trace {traces[0] if traces else '-'}"
            return Assembled(calls=[], evaluations=[], problems={}), [Reject(where=place, reason=reason)]
    middle = traces[len(traces) // 2]
    halves = [_part(spans, logs, now, before=middle), _part(spans, logs, now, since=middle)]
    return _united([h for h, _ in halves]), [reject for _, rejects in halves for reject in rejects]


def _part(
    spans: Sequence[Span], logs: Sequence[LogRecord], now: datetime, *, before: str = "", since: str = ""
) -> tuple[Assembled, list[Reject]]:
    def inside(trace_id: str) -> bool:
        return trace_id < before if before else trace_id >= since

    return assembled_safely([s for s in spans if inside(s.trace_id)], [r for r in logs if inside(r.trace_id)], now=now)


def _united(parts: Sequence[Assembled]) -> Assembled:
    return Assembled(
        calls=[c for part in parts for c in part.calls],
        evaluations=[e for part in parts for e in part.evaluations],
        problems={},
        kinds={key: kind for part in parts for key, kind in part.kinds.items()},
        waiting=[w for part in parts for w in part.waiting],
    )


def reassemble(batch: Batch, stored: Stored, now: datetime) -> Batch:
    """Assemble a batch again, together with what was stored of its traces and their kin."""
    with uncollected():
        return _reassembled(batch, stored, now)


def _reassembled(batch: Batch, stored: Stored, now: datetime) -> Batch:
    fresh = spans_of(pa.concat_tables([batch.spans, batch.updated]), batch.calls)
    known = spans_of(stored.spans, stored.texts)
    before = {(s.trace_id, s.span_id): s for s in known}
    told = told_once([*(s for key, s in before.items() if key not in batch.afresh), *fresh])
    new = [s for key, s in told.items() if key not in before]
    cut = cut_spans(stored.spans)  # their calls will be others: they must have their texts back
    updated = [s for key, s in told.items() if key in before and (key in cut or s != before[key])]
    old_logs = [r for r in logs_of(stored.logs) if (r.trace_id, r.span_id) not in batch.logs_afresh]
    have = {(r.trace_id, r.span_id, fingerprint(r)) for r in old_logs}
    new_logs = [r for r in logs_of(batch.logs) if (r.trace_id, r.span_id, fingerprint(r)) not in have]
    assembled, refused = assembled_safely(list(told.values()), [*old_logs, *new_logs], now=now)
    again = _batch(new, updated, new_logs, assembled, refused, now=now)
    rejects = pa.concat_tables([batch.rejects, again.rejects])
    return replace(again, rejects=rejects, ignored=batch.ignored, logs_afresh=batch.logs_afresh)


def empty(rejects: Iterable[Reject] = ()) -> Batch:
    """Return a batch of nothing but rejects."""
    none = Assembled(calls=[], evaluations=[], problems={})
    return _batch([], [], [], none, list(rejects), now=EPOCH)
