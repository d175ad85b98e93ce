"""Replay: raw bodies that the journal still holds are read again, as a reader that was put right reads them.

What their traces hold in the store is assembled with them, exactly as when more of a trace arrives: calls of those
traces are replaced, nothing is stored twice. Of spans and log records themselves only what the raw bodies say counts,
nothing that an earlier reader made of them. First it can be shown what would change.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from collectors.batch import Batch, empty, read_frames
from collectors.dialect import dialects, spoken_by
from collectors.load import Kept, completed, keep
from store import kindred, spans, tellings
from store.connection import Store, Transaction
from store.errors import FormatError
from store.journal import Frame
from store.lifted import Key
from store.loading import journal_source
from store.sources import move

BATCH_BYTES = 4 << 20
# Not told by any reader, or worked out later from what was told.
ASIDE = frozenset({"source_id", "ingested_at", "raw_ref"})


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What a replay changed, or would change. `fields`: in how many calls each field is another."""

    frames: int = 0
    unreadable: int = 0
    same: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    applied: bool = False


def replay(
    store: Store, found: Iterable[tuple[int, Frame]], executor: Executor, *, dialect: str | None = None,
    apply: bool = False, now: datetime,
) -> Replayed:  # fmt: skip
    """Read frames (each with its segment) again; with `apply`, store what they say now.

    Raises FormatError when no dialect has that name.
    """
    if dialect is not None and dialect not in {known.name for known in dialects()}:
        raise FormatError(f"no dialect is named {dialect!r}: choose one of {', '.join(d.name for d in dialects())}")
    done, verdicts = Replayed(applied=apply), dict[str, frozenset[str] | None]()
    seen = tellings.shared(store)  # what a file told of them is in no journal
    seen_logs = set(seen)
    for segment, frames in _batches(found):
        done.frames += len(frames)
        batch = executor.submit(reread, frames, dialect, now).result()
        done.unreadable += batch.rejects.num_rows
        told, logged = _keys(batch.spans), frozenset(key for key in _keys(batch.logs) if all(key))
        # Rejects stand among the rejects since they came; a span in two bodies is united as it was when it came.
        batch = replace(batch, rejects=empty().rejects, afresh=told - seen, logs_afresh=logged - seen_logs)
        seen |= told
        seen_logs |= logged
        verdicts |= _compared(store, executor, batch, now)
        if apply:
            _kept(store, executor, batch, segment, now)
    return _summed(done, verdicts)


def _keys(spans: pa.Table) -> frozenset[Key]:
    return frozenset(zip(spans["trace_id"].to_pylist(), spans["span_id"].to_pylist(), strict=True))


def _batches(found: Iterable[tuple[int, Frame]]) -> Iterator[tuple[int, list[Frame]]]:
    """Frames of one segment, about `BATCH_BYTES` of them."""
    for segment, group in itertools.groupby(found, key=lambda item: item[0]):
        part: list[Frame] = []
        for _, frame in group:
            part.append(frame)
            if sum(len(one.body) for one in part) >= BATCH_BYTES:
                yield segment, part
                part = []
        if part:
            yield segment, part


def reread(frames: Sequence[Frame], dialect: str | None, now: datetime) -> Batch:
    """Decode and assemble frames; with a dialect, only the traces in which a span speaks it. Runs in a worker."""
    batch = read_frames(frames, now)
    if dialect is None:
        return batch
    told = spans.spans_of(batch.spans, batch.calls)
    speaking = {s.trace_id for s in told if dialect in (known.name for known in spoken_by(s))}
    wanted = pa.array(sorted(speaking), pa.string())

    def of_them(table: pa.Table) -> pa.Table:
        return table.filter(pc.is_in(table["trace_id"], wanted))

    calls = of_them(batch.calls)
    judged = batch.evaluations.filter(pc.is_in(batch.evaluations["call_id"], calls["call_id"].combine_chunks()))
    about = [one for one in batch.judged if one[0] in set(wanted.to_pylist())]
    return replace(
        batch, spans=of_them(batch.spans), logs=of_them(batch.logs), calls=calls, evaluations=judged, judged=about
    )


def _compared(store: Store, executor: Executor, batch: Batch, now: datetime) -> dict[str, frozenset[str] | None]:
    """For each call of the batch's traces: the names of the fields that are another; None when it is gone."""
    told, known, (low, high) = completed(store, executor, batch, now)
    before = _rows(kindred.calls_of(store, sorted(known), low=low, high=high))
    after = _rows(told.calls)
    gone: dict[str, frozenset[str] | None] = dict.fromkeys(before.keys() - after.keys())
    return gone | {call: _differing(before.get(call), row) for call, row in after.items()}


def _rows(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["call_id"]: row for row in table.to_pylist()}


NEW = frozenset({"call_id"})


def _differing(before: dict[str, Any] | None, after: dict[str, Any]) -> frozenset[str]:
    if before is None:
        return NEW
    return frozenset(name for name, value in after.items() if name not in ASIDE and before[name] != value)


def _kept(store: Store, executor: Executor, batch: Batch, segment: int, now: datetime) -> None:
    with store.transaction() as tx:
        source_id = journal_source(tx, f"OTLP, journal segment {segment}", now=now)

    def also(tx: Transaction, kept: Kept) -> None:
        move(tx, source_id, calls=kept.calls, now=now)

    keep(store, executor, batch, now=now, source_id=source_id, also=also)


def _summed(done: Replayed, verdicts: dict[str, frozenset[str] | None]) -> Replayed:
    done.gone = sum(names is None for names in verdicts.values())
    done.new = sum(names == NEW for names in verdicts.values())
    done.same = sum(names == frozenset() for names in verdicts.values())
    done.changed = len(verdicts) - done.gone - done.new - done.same
    counted = Counter(name for names in verdicts.values() if names and names != NEW for name in names)
    done.fields = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    return done
