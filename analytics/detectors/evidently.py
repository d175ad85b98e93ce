"""Evidently's embedding drift scores, through its public method objects, beside our verdict and not part of it.

Used as measured: `model` (its classifier's ROC AUC; default threshold) and `distance` (threshold by bootstrap; its
fixed one never fires). Left out: `ratio` and `mmd` with their defaults fire on every window of a few hundred calls.
The methods write into the frames they are given, so each gets copies.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from analytics.detector import Detector, Finding, Matrix, Sides

if TYPE_CHECKING:
    import pandas as pd
    from evidently.metrics.embeddings import DistanceDriftMethod, ModelDriftMethod

MODEL_THRESHOLD = 0.55


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
