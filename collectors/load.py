"""From the journal to the store: one batch at a time, each in one transaction with the journal's position.

Workers decode and assemble as if nothing were known. What the store already has of the same traces, or of calls that
may be the same, is fetched; where there is any, the batch is assembled again together with it and the calls of those
traces are replaced. So the calls do not depend on how the input was split, ordered or repeated.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from collectors.batch import Batch, empty, read_frames, reassemble
from collectors.spans.decoded import BAD_RECORD
from collectors.spans.frames import rejected
from collectors.touched import joined, parted
from store import kindred, spans, tellings
from store.calls import append_calls, stamped
from store.connection import ROW_GROUP, Store, Transaction
from store.errors import LeewayError, StoreError
from store.journal import Frame, Journal, Position
from store.lifted import put_back
from store.loading import append_evaluations_once, journal_source, move_position
from store.sources import add_rejects, move

log = logging.getLogger(__name__)

BATCH_BYTES = 96 << 20  # of unpacked bodies: a second or two of work; a worker holds five times as much meanwhile
SHORT = 0.03  # of the last row group: the next checkpoint packs anew what lies between groups that are far from full
FEW_GROUPS = 2  # … and at least one must be full to be written at once
COUNTED = ("calls", "duplicates", "spans", "rejects", "ignored")
# A request's content can end its worker, or be something that no reader and no column foresaw.
FAULTS = (BrokenExecutor, MemoryError, StoreError, *BAD_RECORD)
DATA_FAULTS = ("Conversion Error", "Invalid Input Error", "Out of Range Error")  # all else is no fault of the data
ROUNDS = 4  # a chain of kindred traces longer than this is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a batch.

    `calls` are new ones, `merged` those assembled anew because more of them arrived, `duplicates` calls that were
    known from elsewhere, `ignored` log records of other things, `rejected` the rejects as of `reject_table`.
    """

    spans: int = 0
    calls: int = 0
    merged: int = 0
    duplicates: int = 0
    rejects: int = 0
    ignored: int = 0
    rejected: pa.Table


Also = Callable[[Transaction, Kept], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one `load` did; `frames` = 0 when nothing was left. `bytes`: of their bodies, unpacked."""

    frames: int = 0
    bytes: int = 0
    spans: int = 0
    calls: int = 0
    merged: int = 0
    rejects: int = 0


def filling(loaded: Loaded) -> int:
    """Return how many bytes of bodies like these hold as many spans as all but fill row groups."""
    group = loaded.bytes / loaded.spans * ROW_GROUP if loaded.spans else BATCH_BYTES
    groups = BATCH_BYTES // group
    return int((groups - SHORT) * group) if groups >= FEW_GROUPS else BATCH_BYTES


def load(store: Store, journal: Journal, executor: Executor, *, now: datetime, max_bytes: int = BATCH_BYTES) -> Loaded:
    """Load the next batch after the journal's committed position: `max_bytes` of unpacked bodies, a frame at least.

    Raises LeewayError when the workers are closed: then nothing was lost, what waits stays in the journal.
    """
    frames, position = journal.read(journal.committed, max_bytes)
    if not frames:
        return Loaded()
    with store.transaction() as tx:
        source_id = journal_source(tx, f"OTLP, journal segment {position.segment}", now=now)
    size = sum(len(frame.body) for frame in frames)
    loading = _Loading(store=store, executor=executor, now=now, source_id=source_id, position=position, size=size)
    done = list(loading.stored(frames, last=True))
    journal.committed = position
    names = ("spans", "calls", "merged", "rejects")
    unpacked = sum(frame.unpacked_bytes for frame in frames)
    return Loaded(
        frames=len(frames), bytes=unpacked, **{name: sum(getattr(kept, name) for kept in done) for name in names}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loading:
    """One batch on its way. The position moves with its last part; until then a crash repeats it, in vain."""

    store: Store
    executor: Executor
    now: datetime
    source_id: int
    position: Position
    size: int

    def stored(self, part: Sequence[Frame], *, last: bool) -> Iterator[Kept]:
        """Store these frames; where something in them makes that fail, halve until it stands alone, and reject it."""
        try:
            yield self._attempt(part, last=last)
        except FAULTS as error:
            if isinstance(error, StoreError) and not str(error).startswith(DATA_FAULTS):
                raise
            log.warning("%d requests could not be stored together: %s", len(part), error)
            if len(part) > 1:
                middle = len(part) // 2
                yield from self.stored(part[:middle], last=False)
                yield from self.stored(part[middle:], last=last)
            else:
                yield self._alone(part[0], last=last)

    def _attempt(self, part: Sequence[Frame], *, last: bool) -> Kept:
        return self._keep(self._submitted(part).result(), last=last)

    def _submitted(self, part: Sequence[Frame]) -> Future[Batch]:
        try:
            return self.executor.submit(read_frames, part, self.now)
        except RuntimeError as error:
            raise LeewayError(f"{error}: what waits stays in the journal") from error

    def _alone(self, frame: Frame, *, last: bool) -> Kept:
        """Try once more: a worker may have died of something else, or because all are being closed."""
        try:
            return self._attempt([frame], last=last)
        except FAULTS as error:
            if isinstance(error, StoreError) and not str(error).startswith(DATA_FAULTS):
                raise
            log.exception("a request from %s cannot be stored", frame.source)
            reason = f"cannot be stored ({type(error).__name__}: {error}); it is kept here"
            return self._keep(empty([rejected(frame, reason)]), last=last)

    def _keep(self, batch: Batch, *, last: bool) -> Kept:
        def also(tx: Transaction, kept: Kept) -> None:
            move(tx, self.source_id, **{name: getattr(kept, name) for name in COUNTED}, now=self.now)
            if last:
                move_position(tx, self.source_id, self.position, size=self.size)

        return keep(self.store, self.executor, batch, now=self.now, source_id=self.source_id, also=also)


def keep(
    store: Store, executor: Executor, batch: Batch, *, now: datetime, source_id: int | None,
    also: Also = lambda _tx, _kept: None,
) -> Kept:  # fmt: skip
    """Store a batch together with whatever it belongs to, in one transaction; `also` runs inside it."""
    told = batch
    batch, known, (low, high) = completed(store, executor, told, now)
    with store.transaction() as tx:
        if known:
            tellings.remember(tx, told.spans, told.calls, new=batch.spans, source_id=source_id, now=now)
        replaced = kindred.forget_calls(tx, sorted(known), low=low, high=high) if known else 0
        appended = append_calls(tx, stamped(batch.calls, source_id=source_id, ingested_at=now))
        new = put_back(batch.spans, appended.left_out) if appended.left_out else batch.spans
        spans.forget_logs(tx, batch.logs_afresh, batch.logs, now=now)
        spans.insert(tx, new, batch.logs, updated=batch.updated, source_id=source_id, now=now)
        append_evaluations_once(tx, batch.evaluations)
        add_rejects(tx, batch.rejects, source_id=source_id, now=now)
        kept = Kept(
            spans=batch.spans.num_rows,
            calls=max(0, appended.calls - replaced),
            merged=min(replaced, appended.calls),
            duplicates=appended.duplicates,
            rejects=batch.rejects.num_rows,
            ignored=batch.ignored,
            rejected=batch.rejects,
        )
        also(tx, kept)
    return kept


def completed(
    store: Store, executor: Executor, first: Batch, now: datetime
) -> tuple[Batch, set[str], tuple[datetime, datetime]]:
    """Return the batch assembled with all that is kin to it in the store, and the traces that were stored before.

    Last comes the time within which these were looked at: what they hold beyond it stays as it is.
    """
    batch, known, window = first, set[str](), (now, now)
    for _ in range(ROUNDS):
        low, high = spans.span_of_time(batch.spans, batch.updated, batch.logs, batch.calls, now=now)
        kin = _kin(store, batch, low, high) - known
        if not kin:
            break
        known |= kin
        window = low, high
        margin = kindred.JUDGED_FOR if batch.judged else spans.MARGIN
        stored = spans.of_traces(store, sorted(known), low=low - margin, high=high + margin)
        batch = _again(executor, first, stored, now)
    return batch, known, window


def _again(executor: Executor, first: Batch, stored: spans.Stored, now: datetime) -> Batch:
    part, rest = parted(first, stored)
    again = _reassembled(executor, part, stored, now)
    if rest is None:
        return again
    return joined(again, rest) or _reassembled(executor, first, stored, now)


def _reassembled(executor: Executor, first: Batch, stored: spans.Stored, now: datetime) -> Batch:
    try:
        return executor.submit(reassemble, first, stored, now).result()
    except RuntimeError as error:
        if isinstance(error, (BrokenExecutor, RecursionError)):
            raise
        raise LeewayError(f"{error}: what waits stays in the journal") from error


def _kin(store: Store, batch: Batch, low: datetime, high: datetime) -> set[str]:
    found = kindred.known_traces(store, batch.traces, low=low, high=high)
    if batch.calls.num_rows or batch.judged:
        found |= kindred.same_response(store, batch.calls, batch.judged, low=low, high=high)
    if batch.calls.num_rows:
        found |= kindred.overlapping(store, batch.calls, batch.split, low=low, high=high)
    return found
