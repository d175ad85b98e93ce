"""Evidently's own report on one window, as a page of HTML: made by a worker when somebody asks for it."""

import os
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from analytics.detector import Matrix
from analytics.drift import DriftSettings
from analytics.embedding import PER_WINDOW
from analytics.encoder import ENCODER
from analytics.reference import spread
from store import comparisons
from store.connection import Store
from store.embeddings import embedded, vectors_of
from store.errors import ConfigError
from store.model import Window

if TYPE_CHECKING:
    import pandas as pd

NAME = "texts"
MOST = 500  # calls a side: enough for its pictures, and seconds rather than minutes


def report(store: Store, executor: Executor, settings: DriftSettings, subject: str, current: Window) -> str:
    """Return the report of `current` against the reference in force.

    Raises ConfigError when there is no reference or the window has no embedded calls.
    """
    reference = comparisons.reference(store, subject, ENCODER)
    if reference is None:
        raise ConfigError(f"{subject} has no reference yet: it is made by the drift job")
    before = vectors_of(store, ENCODER, reference.text_hashes)
    _, now = embedded(store, ENCODER, subject, current, window=settings.window, per_window=PER_WINDOW)
    if not len(now) or not len(before):
        raise ConfigError("this window has no embedded calls any more: choose a newer one")
    size = min(MOST, len(before), len(now))
    return executor.submit(html, before[spread(len(before), size)], now[spread(len(now), size)]).result()


def html(reference: Matrix, current: Matrix) -> str:
    """Runs in a worker: Evidently takes seconds to import and would cost every click of the pages."""
    os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
    from evidently.metrics import EmbeddingsDrift  # noqa: PLC0415

    from analytics.detectors.evidently import model  # noqa: PLC0415

    definition = DataDefinition(embeddings={NAME: [f"e{i}" for i in range(reference.shape[1])]})
    sides = [Dataset.from_pandas(_frame(side), data_definition=definition) for side in (current, reference)]
    made = Report([EmbeddingsDrift(embeddings_name=NAME, drift_method=model())]).run(sides[0], sides[1])
    return str(made.get_html_str(as_iframe=False))


def _frame(vectors: Matrix) -> "pd.DataFrame":
    from analytics.detectors.evidently import frame  # noqa: PLC0415

    return frame(vectors)
