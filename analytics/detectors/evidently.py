"""Evidently's embedding drift scores, through its public method objects, beside our verdict and not part of it.

Used as measured: `model` (its classifier's ROC AUC; default threshold) and `distance` (threshold by bootstrap; its
fixed one never fires). Left out: `ratio` and `mmd` with their defaults fire on every window of a few hundred calls.
The methods write into the frames they are given, so each gets copies.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analytics.detector import Detector, Finding, Matrix, Sides

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from evidently.metrics.embeddings import DistanceDriftMethod, ModelDriftMethod

MODEL_THRESHOLD = 0.55
COLUMN_THRESHOLD = 0.1  # its default: standard deviations, or Jensen-Shannon distance
TINY = 1e-6


def frame(vectors: Matrix) -> "pd.DataFrame":
    """One column per dimension, as Evidently wants embeddings."""
    import pandas as pd  # noqa: PLC0415 - only in workers

    return pd.DataFrame(vectors, columns=[f"e{i}" for i in range(vectors.shape[1])])


def model() -> "ModelDriftMethod":
    from evidently.metrics.embeddings import ModelDriftMethod  # noqa: PLC0415 - seconds to import; only in workers

    return ModelDriftMethod(threshold=MODEL_THRESHOLD)


def distance() -> "DistanceDriftMethod":
    from evidently.metrics.embeddings import DistanceDriftMethod  # noqa: PLC0415

    return DistanceDriftMethod(bootstrap=True, quantile_probability=0.95)


def _by(
    method: "Callable[[], ModelDriftMethod | DistanceDriftMethod]", threshold: float | None
) -> Callable[[Sides, np.random.Generator], Finding]:
    def compare(sides: Sides, _: np.random.Generator) -> Finding:
        score, drifted, _name = method()(frame(sides.current), frame(sides.sampled))
        return Finding(statistic=float(score), threshold=threshold, flagged=bool(drifted))

    return compare


def columns(
    before: "pl.DataFrame", now: "pl.DataFrame", numbers: Sequence[str], names: Sequence[str], *, least: int
) -> dict[str, Finding]:
    """Its score of each column that has `least` values a side: Wasserstein of logarithms, Jensen-Shannon of names."""
    import polars as pl  # noqa: PLC0415
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415
    from evidently.metrics import ValueDrift  # noqa: PLC0415

    def known(name: str) -> bool:
        return all(len(side[name].drop_nulls()) >= least for side in (before, now))

    numbers, names = [name for name in numbers if known(name)], [name for name in names if known(name)]
    logged = [(pl.col(name).cast(pl.Float64) + TINY).log() for name in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=names)
    sides = [
        Dataset.from_pandas(side.select(*logged, *names).to_pandas(), data_definition=definition)
        for side in (now, before)
    ]
    tests = [ValueDrift(column=name, method="wasserstein", threshold=COLUMN_THRESHOLD) for name in numbers]
    tests += [ValueDrift(column=name, method="jensenshannon", threshold=COLUMN_THRESHOLD) for name in names]
    scores = [float(metric["value"]) for metric in Report(tests).run(*sides).dict()["metrics"]] if tests else []
    return {
        name: Finding(statistic=score, threshold=COLUMN_THRESHOLD, flagged=score >= COLUMN_THRESHOLD)
        for name, score in zip((*numbers, *names), scores, strict=True)
    }


MODEL = Detector(
    name="evidently_model",
    title="Evidently: model",
    help="ROC AUC of Evidently's classifier that tells current from reference; 0.5 is chance.",
    votes=False,
    compare=_by(model, MODEL_THRESHOLD),
)
DISTANCE = Detector(
    name="evidently_distance",
    title="Evidently: distance",
    help="Euclidean distance of the means as Evidently measures it, judged by its bootstrap.",
    votes=False,
    compare=_by(distance, None),
)
