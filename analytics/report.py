"""Evidently's HTML report of one window against the reference, made on demand in a worker.

Embeddings by the corrected model method, and a test for each column; heavy-tailed columns as logarithms (in equal-width
bins of the raw values a few slow calls hide everything). Show it sandboxed: it holds scripts of its own, and names that
come from logs.
"""

import os
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import polars as pl

from analytics.detector import Matrix
from analytics.detectors.evidently import frame, model
from analytics.drift import DriftSettings
from analytics.embedding import PER_WINDOW
from analytics.encoder import ENCODER
from analytics.reference import spread
from store import references
from store.connection import Store
from store.embeddings import call_columns, embedded, vectors_of
from store.errors import ConfigError
from store.model import Window

if TYPE_CHECKING:
    import pandas as pd

LOGGED = ("latency_ms", "ttft_ms", "cost_usd", "input_tokens", "output_tokens")
NAMED = ("model", "status", "finish_reason", "prompt_version")
ROWS = 500  # a side; its picture of the embeddings takes seconds for each thousand
MOST_NAMES = 30  # a column with more values than this is no category


def report(store: Store, executor: Executor, settings: DriftSettings, subject: str, current: Window) -> str:
    """Return the page for `current` against the reference made last.

    Raises ConfigError when there is no reference or the window has no embedded calls.
    """
    reference = references.last(store, subject, ENCODER)
    if reference is None:
        raise ConfigError(f"{subject} has no reference yet: it is made by the drift job")
    before = vectors_of(store, ENCODER, reference.text_hashes)
    _, now = embedded(store, ENCODER, subject, current, window=settings.window, per_window=PER_WINDOW)
    if not len(now) or not len(before):
        raise ConfigError("this window has no embedded calls any more: choose a newer one")
    size = min(ROWS, len(before), len(now))
    return executor.submit(
        html,
        before[spread(len(before), size)],
        now[spread(len(now), size)],
        call_columns(store, reference.window, (*LOGGED, *NAMED), limit=size),
        call_columns(store, current, (*LOGGED, *NAMED), limit=size),
    ).result()


def html(before: Matrix, current: Matrix, columns_before: pl.DataFrame, columns_now: pl.DataFrame) -> str:
    """Build the report; runs in a worker: seconds to import, seconds to compute."""
    os.environ.update(DO_NOT_TRACK="1", ITERATIVE_DO_NOT_TRACK="1")
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415 - only in workers
    from evidently.metrics import ValueDrift  # noqa: PLC0415
    from evidently.metrics.embeddings import EmbeddingsDrift  # noqa: PLC0415

    numbers, names = _usable(columns_before, columns_now)
    vectors = [f"e{i}" for i in range(before.shape[1])]
    definition = DataDefinition(
        embeddings={"texts": vectors},
        numerical_columns=[f"log {name}" for name in numbers],
        categorical_columns=list(names),
    )
    sides = [
        Dataset.from_pandas(_side(matrix, columns, numbers, names), data_definition=definition)
        for matrix, columns in ((current, columns_now), (before, columns_before))
    ]
    tests = [EmbeddingsDrift(embeddings_name="texts", drift_method=model())]
    tests += [ValueDrift(column=f"log {name}", method="wasserstein") for name in numbers]
    tests += [ValueDrift(column=name) for name in names]
    return str(Report(tests).run(*sides).get_html_str(as_iframe=False))


def _side(vectors: Matrix, columns: pl.DataFrame, numbers: list[str], names: list[str]) -> "pd.DataFrame":
    """Vectors and columns side by side, as many rows as the shorter has; a row is not one call, and need not be."""
    import pandas as pd  # noqa: PLC0415

    n = min(len(vectors), columns.height)
    logged = [(pl.col(name).cast(pl.Float64) + 1e-6).log().alias(f"log {name}") for name in numbers]
    chosen = columns.head(n).select(*logged, *(pl.col(name).fill_null("(none)") for name in names))
    return pd.concat((frame(vectors[:n]), chosen.to_pandas()), axis=1)


def _usable(before: pl.DataFrame, now: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Columns that hold something on both sides; of names, those with few enough of them."""
    numbers = [name for name in LOGGED if before[name].drop_nulls().len() and now[name].drop_nulls().len()]
    names = [
        name
        for name in NAMED
        if before[name].drop_nulls().len()
        and now[name].drop_nulls().len()
        and before[name].n_unique() <= MOST_NAMES >= now[name].n_unique()
    ]
    return numbers, names
