"""What current windows are compared with: the beginning of the traffic, or a window that somebody pinned."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from analytics import explanation
from analytics.embedding import PER_WINDOW
from analytics.encoder import ENCODER, Matrix
from store import comparisons as stored
from store.comparisons import Reference
from store.connection import Store
from store.embeddings import coverage, embedded
from store.errors import ConfigError
from store.model import Window

MAX_CALLS = 2000  # of a reference; also enough to stop collecting before a whole day has passed
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # a line of the grid of windows


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """`length`: how much of the beginning is taken, if that holds `min_calls`; of windows on a grid of `window`."""

    window: timedelta
    length: timedelta
    min_calls: int


def ensure(
    store: Store, executor: Executor, settings: ReferenceSettings, subject: str, *, now: datetime
) -> Reference | None:
    """Return the reference in force; make the first one as soon as there is enough clean traffic, else None."""
    found = stored.reference(store, subject, ENCODER)
    if found is not None:
        return found
    span = Window(start=datetime(1970, 1, 1, tzinfo=UTC), end=before(now, settings.window))
    windows = coverage(store, ENCODER, subject, span, window=settings.window, per_window=PER_WINDOW)
    chosen = _beginning(store, settings, windows)
    return _made(store, executor, settings, subject, chosen, by="leeway", now=now) if chosen else None


def pin(
    store: Store,
    executor: Executor,
    settings: ReferenceSettings,
    subject: str,
    window: Window,
    *,
    by: str,
    now: datetime,
) -> Reference:
    """Put `window` in force as the reference; raises ConfigError when it holds too few embedded calls."""
    rows, _ = embedded(store, ENCODER, subject, window, window=settings.window, per_window=PER_WINDOW)
    if rows.height < settings.min_calls:
        raise ConfigError(
            f"a reference needs {settings.min_calls} calls with {subject} that are embedded; "
            f"this window has {rows.height}: choose a longer one"
        )
    return _made(store, executor, settings, subject, [window], by=by, now=now)


def _beginning(store: Store, settings: ReferenceSettings, windows: pl.DataFrame) -> list[Window]:
    """The first windows without an alert that make up a reference; empty while there are not enough."""
    chosen: list[Window] = []
    calls = 0
    for start, _, vectors in windows.iter_rows():
        window = Window(start=start, end=start + settings.window)
        if not stored.clean(store, window):
            continue
        if chosen and window.start - chosen[-1].end > settings.length:
            chosen, calls = [], 0  # what came before was a stray old file, not the beginning of this traffic
        chosen.append(window)
        calls += vectors
        long_enough = window.end - chosen[0].start >= settings.length
        if calls >= MAX_CALLS or (long_enough and calls >= settings.min_calls):
            return chosen
    return []


def _made(
    store: Store,
    executor: Executor,
    settings: ReferenceSettings,
    subject: str,
    windows: Sequence[Window],
    *,
    by: str,
    now: datetime,
) -> Reference:
    parts = [
        embedded(store, ENCODER, subject, window, window=settings.window, per_window=PER_WINDOW) for window in windows
    ]
    rows = pl.concat([part for part, _ in parts])
    vectors: Matrix = np.vstack([part for _, part in parts])
    kept = spread(rows.height, min(MAX_CALLS, rows.height))
    task = executor.submit(explanation.cluster, vectors[kept], rows["text"][kept].to_list(), 0)
    made = Reference(
        subject=subject,
        encoder=ENCODER,
        window=Window(start=windows[0].start, end=windows[-1].end),
        text_hashes=rows["text_hash"][kept].to_list(),
        clusters=task.result(),
        created_by=by,
        created_at=now,
    )
    stored.add_reference(store, made)
    return made


def spread(n: int, size: int) -> list[int]:
    """`size` of `n` rows, the same ones each time, in order."""
    return sorted(int(i) for i in np.random.default_rng(n).permutation(n)[:size])


def before(moment: datetime, window: timedelta) -> datetime:
    """The last grid line at or before `moment`."""
    return EPOCH + (moment - EPOCH) // window * window


def after(moment: datetime, window: timedelta) -> datetime:
    """The first grid line at or after `moment`."""
    line = before(moment, window)
    return line if line == moment else line + window
