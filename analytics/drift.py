"""The drift job: whether what people ask, and what models answer, is still what it was.

Time is cut into windows on a fixed grid; one with too few calls waits for the next and is looked at together with it.
Each is compared with a stored reference by every detector. A voting detector says "drifted" when its statistic leaves
mean + 3 standard deviations of its last 14 windows of the same size against the same reference (a p-value is no alarm:
ordinary days differ more than chance). Until there are 14, p = 0.01 is the line and the verdict provisional.

Stored per window: a row per detector, and one named `drift` that sums up (statistic: the largest of the votes as a
multiple of its threshold; drifted: any of them). Its details: `calls`, `p_values` by detector, `topics` of {name,
before, now, change, new, calls}, `novel` of {call_id, novelty}, `who` of {dimension, value, share_novel, share_all},
and `map` with points [x, y] of the reference and [x, y, call_id, novel] of the window.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from analytics import explanation
from analytics.detector import Matrix, Sides, detectors, run
from analytics.embedding import PER_WINDOW
from analytics.encoder import ENCODER
from analytics.models import MINILM
from analytics.reference import ReferenceSettings, after, before, ensure, spread
from analytics.verdict import SUMMARY, Bout, judge, too_few
from store import comparisons as stored
from store.comparisons import Reference
from store.connection import Store
from store.duration import Duration
from store.embeddings import coverage, embedded, vectors_of
from store.model import Comparison, Window

SIZES = (200, 500, 1000, 2000)  # windows are compared at one of these, so that there is a history of the same size
EMBEDDED_SHARE = 0.95


class DriftSettings(BaseModel):
    """`reference`: how much of the beginning is the reference. `settle`: late calls are waited for so long.

    `give_up`: a window whose vectors are not complete after that is compared all the same. `max_windows`: comparisons
    of one run and subject. `evidently`: its scores beside ours (seconds of work for each window).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Duration = timedelta(hours=2)
    reference: Duration = timedelta(hours=24)
    subjects: tuple[str, ...] = ("input_text", "output_text")
    min_calls: int = Field(default=200, gt=0)
    history: int = Field(default=14, gt=1)
    deviations: float = Field(default=3.0, gt=0)
    settle: Duration = timedelta(minutes=10)
    give_up: Duration = timedelta(hours=6)
    max_windows: int | None = Field(default=None, gt=0)
    evidently: bool = True

    @property
    def of_reference(self) -> ReferenceSettings:
        return ReferenceSettings(window=self.window, length=self.reference, min_calls=self.min_calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What all windows of a subject are compared with."""

    store: Store
    executor: Executor
    settings: DriftSettings
    reference: Reference
    vectors: Matrix
    now: datetime

    @property
    def subject(self) -> str:
        return self.reference.subject


def compare(store: Store, executor: Executor, settings: DriftSettings, *, now: datetime) -> dict[str, int]:
    """Compare every window that is over and was not compared yet; return counts by subject, and how many drifted."""
    if find_spec(MINILM) is None:
        return {"drift_unavailable": 1}
    counts: dict[str, int] = {"drifted": 0, "too_few": 0}
    for subject in settings.subjects:
        reference = ensure(store, executor, settings.of_reference, subject, now=now)
        if reference is None:
            counts[f"{subject}_waits_for_reference"] = 1
            continue
        vectors = vectors_of(store, ENCODER, reference.text_hashes)
        ground = _Ground(
            store=store, executor=executor, settings=settings, reference=reference, vectors=vectors, now=now
        )
        summaries = [_compared(ground, window) for window in _windows(ground)]
        counts[subject] = len(summaries)
        counts["drifted"] += sum(summary.drifted is True for summary in summaries)
        counts["too_few"] += sum(summary.drifted is None for summary in summaries)
    return counts


def _windows(ground: _Ground) -> Iterator[Window]:
    """Windows to look at, oldest first; each reaches back over those right before it that had too few calls.

    The caller stores the comparison of one before it asks for the next.
    """
    left = ground.settings.max_windows
    for opened, calls, vectors in _due(ground):
        closed = opened + ground.settings.window
        waits = vectors < EMBEDDED_SHARE * calls and ground.now - closed < ground.settings.give_up
        if waits or left == 0:
            return
        left = None if left is None else left - 1
        yield Window(start=_undecided_since(ground) or opened, end=closed)


def _due(ground: _Ground) -> Sequence[tuple[Any, ...]]:
    """(start, calls, calls with a vector) of windows on the grid that are over and were not looked at."""
    window, reference = ground.settings.window, ground.reference.window
    span = Window(start=after(reference.end, window), end=before(ground.now - ground.settings.settle, window))
    seen = stored.done(ground.store, SUMMARY, ground.subject, reference)
    found = coverage(ground.store, ENCODER, ground.subject, span, window=window, per_window=PER_WINDOW)
    last = seen["current_end"].max() if seen.height else span.start
    return [row for row in found.iter_rows() if row[0] >= last]


def _undecided_since(ground: _Ground) -> datetime | None:
    """Where the stretch of windows begins that had too few calls up to now."""
    seen = stored.done(ground.store, SUMMARY, ground.subject, ground.reference.window)
    start, _, undecided = seen.row(-1) if seen.height else (None, None, False)
    return start if undecided else None


def _compared(ground: _Ground, current: Window) -> Comparison:
    """Look at one window and store what every detector says; return the summary."""
    settings = ground.settings
    rows, vectors = embedded(
        ground.store, ENCODER, ground.subject, current, window=settings.window, per_window=PER_WINDOW
    )
    size = max((n for n in SIZES if n <= min(len(vectors), len(ground.vectors))), default=len(vectors))
    bout = Bout(subject=ground.subject, reference=ground.reference.window, current=current, size=size)
    if size < settings.min_calls:
        made = [too_few(bout, settings.min_calls)]
    else:
        chosen = spread(len(vectors), size)
        made = _judged(ground, bout, vectors[chosen], rows[chosen].to_dicts(), calls=len(vectors))
    with ground.store.transaction() as tx:
        stored.append_comparisons(tx, made, now=ground.now)
    return made[-1]


def _judged(
    ground: _Ground, bout: Bout, current: Matrix, rows: list[dict[str, Any]], *, calls: int
) -> list[Comparison]:
    settings = ground.settings
    sides = Sides(
        reference=ground.vectors, sampled=ground.vectors[spread(len(ground.vectors), bout.size)], current=current
    )
    names = tuple(name for name, found in detectors().items() if found.votes or settings.evidently)
    findings = ground.executor.submit(run, names, sides, 0).result()
    explained = ground.executor.submit(
        explanation.explain,
        reference=ground.vectors,
        clusters=ground.reference.clusters,
        current=current,
        rows=rows,
    ).result()
    return judge(
        bout,
        findings,
        partial(_history, ground, bout),
        needed=settings.history,
        deviations=settings.deviations,
        details={"calls": calls, **explained},
    )


def _history(ground: _Ground, bout: Bout, detector: str) -> list[float]:
    return stored.history(
        ground.store,
        detector,
        bout.subject,
        bout.reference,
        n=bout.size,
        before=bout.current.start,
        limit=ground.settings.history,
    )
