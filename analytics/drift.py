"""The drift job: whether what people ask, what models answer and retrieve, and how calls run is still what it was.

Time is cut into windows on a fixed grid; one with too few calls waits for the next and is looked at together with it.
Each is compared with a reference (`analytics.basis`) by every detector. A voting detector says "drifted" when its
statistic leaves mean + 3 standard deviations of its last 14 windows of the same size on the same ground (a p-value is
no alarm: ordinary days differ more than chance). Until there are 14, p = 0.01 is the line and the verdict provisional.

Stored per window: a row per detector, and one named `drift` that sums up (statistic: the largest of the votes as a
multiple of its threshold; drifted: any of them). Its details: `calls`, `p_values` by detector, `topics` of {id, name,
before, now, change, new, first_seen, calls}, `novel` of {call_id, novelty, topic}, `who` of {dimension, value,
share_novel, share_all}, and `map` with points [x, y] of the reference and [x, y, call_id, novel] of the window.
Columns (`analytics.column_drift`) have a subject each beside the sum of them all, `columns`.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from analytics import basis, column_drift, explanation
from analytics.detector import Distances, Matrix, Sides, detectors, run
from analytics.detectors import novelty
from analytics.embedding import PER_WINDOW
from analytics.encoder import ENCODER
from analytics.models.minilm import MINILM
from analytics.reference import Maker, ReferenceSettings, spread
from analytics.verdict import SUMMARY, Bout, judge, too_few
from store import comparisons as stored
from store.comparisons import Ground
from store.connection import Store
from store.duration import Duration
from store.embeddings import COLUMNS, coverage, embedded, vectors_of
from store.model import Comparison, Window
from store.references import Reference

SIZES = (200, 500, 1000, 2000)  # windows are compared at one of these, so that there is a history of the same size
EMBEDDED_SHARE = 0.95


class DriftSettings(BaseModel):
    """`against`: pinned, rolling, same_weekday or `release FIELD=VALUE`; `reference`: how much traffic that is.

    `settle`: late calls are waited for so long. `give_up`: a window whose vectors are not complete after that is
    compared all the same. `max_windows`: comparisons of one run and subject. `evidently`: its scores beside ours
    (seconds of work for each window).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Duration = timedelta(hours=2)
    against: Annotated[str, AfterValidator(basis.checked)] = basis.PINNED
    reference: Duration = timedelta(hours=24)
    subjects: tuple[str, ...] = ("input_text", "output_text", "retrieved", COLUMNS)
    min_calls: int = Field(default=200, gt=0)
    history: int = Field(default=14, gt=1)
    deviations: float = Field(default=3.0, gt=0)
    settle: Duration = timedelta(minutes=10)
    give_up: Duration = timedelta(hours=6)
    max_windows: int | None = Field(default=None, gt=0)
    evidently: bool = True

    @property
    def of_reference(self) -> ReferenceSettings:
        return ReferenceSettings(
            window=self.window, length=self.reference, min_calls=self.min_calls, against=self.against
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One subject in one run."""

    store: Store
    executor: Executor
    settings: DriftSettings
    subject: str
    now: datetime

    @property
    def maker(self) -> Maker:
        return Maker(
            store=self.store,
            executor=self.executor,
            settings=self.settings.of_reference,
            subject=self.subject,
            now=self.now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Against:
    """A reference, and what is worked out of it once for all windows of a run. `own`: as of `Sides`.

    Of texts there are vectors, of columns calls.
    """

    reference: Reference
    vectors: Matrix
    own: Distances
    calls: pl.DataFrame


def compare(store: Store, executor: Executor, settings: DriftSettings, *, now: datetime) -> dict[str, int]:
    """Compare every window that is over and was not compared yet; return counts by subject, and how many drifted."""
    counts: dict[str, int] = {"drifted": 0, "too_few": 0}
    if find_spec(MINILM) is None:
        counts["drift_unavailable"] = 1
    for subject in settings.subjects:
        if subject != COLUMNS and "drift_unavailable" in counts:
            continue
        summaries = list(_summaries(_Job(store=store, executor=executor, settings=settings, subject=subject, now=now)))
        told = [summary for summary in summaries if summary is not None]
        if len(told) < len(summaries):
            counts[f"{subject}_waits_for_reference"] = len(summaries) - len(told)
        counts[subject] = len(told)
        counts["drifted"] += sum(summary.drifted is True for summary in told)
        counts["too_few"] += sum(summary.drifted is None for summary in told)
    return counts


def _summaries(job: _Job) -> Iterator[Comparison | None]:
    """The verdict on every window that is due, oldest first; None for one that there is no reference for."""
    left = job.settings.max_windows
    against: _Against | None = None
    for opened, calls, known in _due(job):
        closed = opened + job.settings.window
        waits = known < EMBEDDED_SHARE * calls and job.now - closed < job.settings.give_up
        if waits or left == 0:
            return
        found = job.maker.ensure(opened)
        if found is None or opened < found.window.end:
            yield from () if found else (None,)
            continue
        if against is None or found != against.reference:
            against = _known(job, found)
        left = None if left is None else left - 1
        yield _compared(job, against, Window(start=_undecided_since(job, found) or opened, end=closed))


def _known(job: _Job, reference: Reference) -> _Against:
    vectors = vectors_of(job.store, reference.encoder, reference.text_hashes)
    own, calls = np.empty(0), pl.DataFrame()
    if job.subject == COLUMNS:
        side = column_drift.side(job.store, reference.window, limit=PER_WINDOW)
        calls = job.executor.submit(column_drift.with_language, side).result()
    else:
        own = job.executor.submit(novelty.own, vectors).result()
    return _Against(reference=reference, vectors=vectors, own=own, calls=calls)


def _due(job: _Job) -> Sequence[tuple[Any, ...]]:
    """(start, calls, calls with a vector) of windows on the grid that are over and were not looked at on this basis."""
    settings, maker = job.settings, job.maker
    end = basis.before(job.now - settings.settle, settings.window)
    span = Window(start=_looked_at_until(job, maker) or basis.FIRST, end=end)
    if span.start >= span.end:
        return ()
    found = coverage(
        job.store, maker.encoder, job.subject, span, window=settings.window, per_window=PER_WINDOW
    )  # fmt: skip
    return list(found.iter_rows())


def _looked_at_until(job: _Job, maker: Maker) -> datetime | None:
    """Where the first window begins that is due; None: look at all."""
    standing = maker.ensure(job.now) if maker.basis not in basis.MOVING else None
    reference = standing.window if standing else None
    seen = stored.looked_at_until(job.store, SUMMARY, job.subject, maker.basis, reference)
    return seen or (basis.after(reference.end, job.settings.window) if reference else None)


def _undecided_since(job: _Job, reference: Reference) -> datetime | None:
    """Where the stretch of windows begins that had too few calls up to now."""
    seen = stored.done(job.store, SUMMARY, _ground(job, reference))
    start, _, undecided = seen.row(-1) if seen.height else (None, None, False)
    return start if undecided else None


def _ground(job: _Job, reference: Reference) -> Ground:
    return Ground(subject=job.subject, basis=reference.basis, reference=reference.window)


def _compared(job: _Job, against: _Against, current: Window) -> Comparison:
    """Look at one window and store what every detector says; return the summary."""
    look = _look_at_columns if job.subject == COLUMNS else _look_at_texts
    made = look(job, against, current)
    with job.store.transaction() as tx:
        stored.append_comparisons(tx, made, now=job.now)
    return made[-1]


def _look_at_columns(job: _Job, against: _Against, current: Window) -> list[Comparison]:
    settings = job.settings
    now = column_drift.side(job.store, current, limit=PER_WINDOW)
    sides = column_drift.ColumnSides(reference=against.calls, current=now)
    size = _size(len(sides.current), len(sides.reference))
    bout = Bout(ground=_ground(job, against.reference), current=current, size=size)
    if bout.size < settings.min_calls:
        return [too_few(bout, settings.min_calls)]
    findings = job.executor.submit(column_drift.find, sides, bout.size, settings.evidently).result()
    return column_drift.judged(bout, findings, partial(_history, job, bout), needed=settings.history)


def _look_at_texts(job: _Job, against: _Against, current: Window) -> list[Comparison]:
    settings, reference, vectors = job.settings, against.reference, against.vectors
    rows, known = embedded(
        job.store, ENCODER, job.subject, current, window=settings.window, per_window=PER_WINDOW
    )  # fmt: skip
    bout = Bout(ground=_ground(job, reference), current=current, size=_size(len(known), len(vectors)))
    if bout.size < settings.min_calls:
        return [too_few(bout, settings.min_calls)]
    chosen = spread(len(known), bout.size)
    sides = Sides(
        reference=vectors, sampled=vectors[spread(len(vectors), bout.size)], current=known[chosen],
        own=against.own,
    )  # fmt: skip
    names = tuple(name for name, found in detectors().items() if found.votes or settings.evidently)
    findings = job.executor.submit(run, names, sides, 0).result()
    explained = job.executor.submit(
        explanation.explain,
        reference=vectors,
        unusual=novelty.limit(against.own),
        clusters=reference.clusters,
        current=sides.current,
        rows=rows[chosen].to_dicts(),
        earlier=_new_before(job, current),
    ).result()
    return judge(
        bout,
        findings,
        lambda name: _history(job, bout, job.subject, name),
        needed=settings.history,
        deviations=settings.deviations,
        details={"calls": len(known), **explained},
    )


def _new_before(job: _Job, current: Window) -> Sequence[Mapping[str, Any]]:
    """New topics of the window before, so that one that goes on keeps its id and name."""
    found = stored.details(job.store, SUMMARY, job.subject, current.start)
    topics = found.get("topics", ()) if isinstance(found, dict) else ()
    return [topic for topic in topics if topic["new"]]


def _size(*sides: int) -> int:
    return max((n for n in SIZES if n <= min(sides)), default=min(sides))


def _history(job: _Job, bout: Bout, subject: str, detector: str) -> list[float]:
    return stored.history(
        job.store,
        detector,
        replace(bout.ground, subject=subject),
        n=bout.size,
        before=bout.current.start,
        limit=job.settings.history,
    )
