"""References made and put in force: the beginning, the day before, the same weekday, since a release, or a pinned one.

A reference needs `min_calls` embedded calls from windows in which no alert fired and nothing drifted.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from analytics import explanation
from analytics.basis import MOVING, PINNED, before, stretches
from analytics.embedding import PER_WINDOW
from analytics.encoder import ENCODER, Matrix
from store import references as stored
from store.connection import Store
from store.embeddings import COLUMNS, coverage, embedded, other_encoders
from store.errors import ConfigError
from store.model import Window
from store.references import Reference

MAX_CALLS = 2000  # of a reference; also enough to stop collecting before a whole day has passed
LEEWAY = "leeway"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSettings:
    """`length`: how much of the traffic is taken, if that holds `min_calls`; of windows on a grid of `window`.

    `against`: the basis where nobody chose another.
    """

    window: timedelta
    length: timedelta
    min_calls: int
    against: str = PINNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes the references of one subject; heavy work goes to `executor`."""

    store: Store
    executor: Executor
    settings: ReferenceSettings
    subject: str
    now: datetime

    @property
    def basis(self) -> str:
        return stored.choice(self.store, self.subject) or self.settings.against

    @property
    def encoder(self) -> str:
        return encoder_of(self.subject)

    def ensure(self, moment: datetime) -> Reference | None:
        """The reference for a window that begins at `moment`, made if need be; None while there is too little for it.

        One that stands still is made once, of what lies before `now`.
        """
        basis = self.basis
        if basis not in MOVING:
            moment = self.now
            if found := stored.newest(self.store, self.subject, self.encoder, basis):
                return found
        for stretch in stretches(self.store, basis, moment, self.settings.length):
            if basis in MOVING and (
                found := stored.newest(self.store, self.subject, self.encoder, basis, within=stretch)
            ):
                return found
            if windows := self._gathered(stretch, over=basis in MOVING):
                return self._made(windows, basis, by=LEEWAY)
        return None

    def pin(self, window: Window, *, by: str, accept: bool = False) -> Reference:
        """Put `window` in force as the reference.

        Raises ConfigError when it holds too few embedded calls or is not clean; `accept` says that what happened in it
        is how things are from now on.
        """
        unclean = stored.unclean(self.store, self.subject, window)
        if unclean.height and not accept:
            kind, name, start = unclean.row(0)
            what = f"the alert {name!r} fired" if kind == "alert" else f"{self.subject} drifted"
            raise ConfigError(
                f"a reference must be clean, but {what} from {start:%Y-%m-%d %H:%M} UTC: choose a window of at least "
                f"{self.settings.min_calls} calls without that, or accept the change"
            )
        self._check_size(window)
        if self.basis != PINNED:
            stored.choose(self.store, self.subject, PINNED, by=by, now=self.now)
        return self._made([window], PINNED, by=by, details={"accepted": accept and bool(unclean.height)})

    def _check_size(self, window: Window) -> None:
        found = coverage(
            self.store, self.encoder, self.subject, window, window=self.settings.window, per_window=PER_WINDOW
        )
        calls, needed = int(found["embedded"].sum()), self.settings.min_calls
        if calls >= needed:
            return
        others = other_encoders(self.store, self.encoder, self.subject, window)
        elsewhere = f" (there are vectors of {', '.join(others)}, which are never compared with ours)" if others else ""
        raise ConfigError(
            f"a reference needs {needed} calls with {self.subject} that are embedded; this window has {calls}"
            f"{elsewhere}: choose a longer one"
        )

    def _gathered(self, stretch: Window, *, over: bool) -> list[Window]:
        """Clean windows of a stretch that make up a reference; empty while there are not enough.

        A stretch that is not `over` is read from its beginning, and only as far as is needed.
        """
        settings = self.settings
        stretch = replace(stretch, end=min(stretch.end, before(self.now, settings.window)))
        found = coverage(self.store, self.encoder, self.subject, stretch, window=settings.window, per_window=PER_WINDOW)
        chosen: list[Window] = []
        calls = 0
        for start, _, vectors in found.iter_rows():
            window = Window(start=start, end=start + settings.window)
            if stored.unclean(self.store, self.subject, window).height:
                continue
            if chosen and window.start - chosen[-1].end > settings.length:
                chosen, calls = [], 0  # what came before was a stray old file, not the beginning of this traffic
            chosen.append(window)
            calls += vectors
            long_enough = window.end - chosen[0].start >= settings.length
            if not over and (calls >= MAX_CALLS or (long_enough and calls >= settings.min_calls)):
                return chosen
        return chosen if over and calls >= settings.min_calls else []

    def _made(
        self, windows: Sequence[Window], basis: str, *, by: str, details: dict[str, object] | None = None
    ) -> Reference:
        made = Reference(
            subject=self.subject,
            encoder=self.encoder,
            basis=basis,
            window=Window(start=windows[0].start, end=windows[-1].end),
            text_hashes=[],
            clusters={},
            created_by=by,
            created_at=self.now,
        )
        if self.subject != COLUMNS:
            made = self._with_topics(made, windows)
        stored.add(self.store, made, {"texts": len(made.text_hashes), **(details or {})})
        return made

    def _with_topics(self, made: Reference, windows: Sequence[Window]) -> Reference:
        """Sample its texts and find their topics; one that was there in the reference before keeps its id and name."""
        parts = [
            embedded(
                self.store, ENCODER, self.subject, window, window=self.settings.window, per_window=PER_WINDOW
            )
            for window in windows
        ]  # fmt: skip
        rows = pl.concat([part for part, _ in parts])
        vectors: Matrix = np.vstack([part for _, part in parts])
        kept = spread(rows.height, min(MAX_CALLS, rows.height))
        last = stored.last(self.store, self.subject, ENCODER)
        task = self.executor.submit(
            explanation.cluster, vectors[kept], rows["text"][kept].to_list(), 0, last.clusters if last else None
        )
        return replace(made, text_hashes=rows["text_hash"][kept].to_list(), clusters=task.result())


def encoder_of(subject: str) -> str:
    """Whose vectors a subject is compared by; columns have none."""
    return "none" if subject == COLUMNS else ENCODER


def spread(n: int, size: int) -> list[int]:
    """`size` of `n` rows, the same ones each time, in order."""
    return sorted(int(i) for i in np.random.default_rng(n).permutation(n)[:size])
