"""From the journal to the store: one batch at a time, each in one transaction with the journal's position.

Workers decode and assemble as if nothing were known. What the store already has of the same traces, or of calls that
may be the same, is fetched; where there is any, the batch is assembled again together with it and the calls of those
traces are replaced. So the calls do not depend on how the input was split, ordered or repeated.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from collectors.batch import Batch, empty, read_frames, reassemble, rejected
from store import kindred, spans
from store.calls import append_calls, stamped
from store.connection import Store, Transaction
from store.journal import Frame, Journal
from store.loading import append_evaluations_once, journal_source, move_position
from store.sources import add_rejects, move

log = logging.getLogger(__name__)

BATCH_BYTES = 4 << 20  # of packed bodies: about a second of work
ROUNDS = 4  # a chain of kindred traces longer than this is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a batch.

    `calls` are new ones, `merged` those assembled anew because more of them arrived, `duplicates` calls that were
    known from elsewhere.
    """

    spans: int = 0
    calls: int = 0
    merged: int = 0
    duplicates: int = 0
    rejects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one `load` did; `frames` = 0 when nothing was left."""

    frames: int = 0
    spans: int = 0
    calls: int = 0
    merged: int = 0
    rejects: int = 0


def load(store: Store, journal: Journal, executor: Executor, *, now: datetime) -> Loaded:
    """Load the next batch after the journal's committed position."""
    frames, position = journal.read(journal.committed, BATCH_BYTES)
    if not frames:
        return Loaded()
    name, size = f"OTLP, journal segment {position.segment}", sum(len(frame.body) for frame in frames)
    with store.transaction() as tx:
        source_id = journal_source(tx, name, now=now)
    count = _counted(source_id, now)
    # What is kept before the last batch is not yet committed in the journal: after a crash it comes again, in vain.
    *others, last = surviving(executor, frames, now)
    done = [keep(store, executor, batch, now=now, source_id=source_id, also=count) for batch in others]

    def commit(tx: Transaction, kept: Kept) -> None:
        count(tx, kept)
        move_position(tx, source_id, position, size=size)

    done.append(keep(store, executor, last, now=now, source_id=source_id, also=commit))
    journal.committed = position
    names = ("spans", "calls", "merged", "rejects")
    return Loaded(frames=len(frames), **{name: sum(getattr(kept, name) for kept in done) for name in names})


def _counted(source_id: int, now: datetime) -> Callable[[Transaction, Kept], None]:
    def count(tx: Transaction, kept: Kept) -> None:
        counts = {name: getattr(kept, name) for name in ("calls", "duplicates", "spans", "rejects")}
        move(tx, source_id, **counts, now=now)

    return count


def surviving(executor: Executor, frames: Sequence[Frame], now: datetime) -> Iterator[Batch]:
    """Read frames in a worker; where the worker dies, halve until the guilty frame is found, and reject it."""
    try:
        yield executor.submit(read_frames, frames, now).result()
    except (BrokenExecutor, MemoryError) as error:
        if len(frames) == 1:
            log.exception("a request from %s cannot be read", frames[0].source)
            yield empty([rejected(frames[0], f"reading it ended its worker ({error}); it is kept here")])
            return
        cuts = (0, len(frames) // 2, len(frames))
        for start, end in pairwise(cuts):
            yield from surviving(executor, frames[start:end], now)


def keep(
    store: Store, executor: Executor, batch: Batch, *, now: datetime, source_id: int | None,
    also: Callable[[Transaction, Kept], None] = lambda _tx, _kept: None,
) -> Kept:  # fmt: skip
    """Store a batch together with whatever it belongs to, in one transaction; `also` runs inside it."""
    batch, known = completed(store, executor, batch, now)
    low, high = spans.span_of_time(batch.spans, batch.updated, batch.logs, batch.calls, now=now)
    with store.transaction() as tx:
        replaced = kindred.forget_calls(tx, sorted(known), low=low, high=high) if known else 0
        appended = append_calls(tx, stamped(batch.calls, source_id=source_id, ingested_at=now))
        spans.insert(tx, batch.spans, batch.logs, updated=batch.updated, source_id=source_id, now=now)
        append_evaluations_once(tx, batch.evaluations)
        add_rejects(tx, batch.rejects, source_id=source_id, now=now)
        kept = Kept(
            spans=batch.spans.num_rows,
            calls=max(0, appended.calls - replaced),
            merged=min(replaced, appended.calls),
            duplicates=appended.duplicates,
            rejects=batch.rejects.num_rows,
        )
        also(tx, kept)
    return kept


def completed(store: Store, executor: Executor, first: Batch, now: datetime) -> tuple[Batch, set[str]]:
    """Return the batch assembled with all that is kin to it in the store, and the traces that were stored before."""
    batch, known = first, set[str]()
    for _ in range(ROUNDS):
        low, high = spans.span_of_time(batch.spans, batch.updated, batch.logs, batch.calls, now=now)
        kin = _kin(store, batch, low, high) - known
        if not kin:
            break
        known |= kin
        margin = kindred.JUDGED_FOR if batch.judged else spans.MARGIN
        stored = spans.of_traces(store, sorted(known), low=low - margin, high=high + margin)
        batch = executor.submit(reassemble, first, stored, now).result()
    return batch, known


def _kin(store: Store, batch: Batch, low: datetime, high: datetime) -> set[str]:
    found = kindred.known_traces(store, batch.traces, low=low, high=high)
    if batch.calls.num_rows or batch.judged:
        found |= kindred.same_response(store, batch.calls, batch.judged, low=low, high=high)
    if batch.calls.num_rows:
        found |= kindred.overlapping(store, batch.calls, batch.split, low=low, high=high)
    return found
