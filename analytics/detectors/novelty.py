"""Share of texts that lie further from the reference than its own texts lie from one another."""

import math

import numpy as np

from analytics.detector import Detector, Distances, Finding, Matrix, Sides

UNUSUAL = 0.95  # a text is novel when it is further off than this share of the reference's own texts
Z_99 = 2.326


def compare(sides: Sides, _: np.random.Generator) -> Finding:
    return judged(nearest(sides.current, sides.reference), sides.own)


def judged(current: Distances, own: Distances) -> Finding:
    """What distances to the reference say; `own`: those of the reference's own texts from one another."""
    share = float((current > limit(own)).mean())
    error = _error(len(current), len(own))
    chance = 1 - UNUSUAL
    return Finding(
        statistic=share,
        threshold=chance + Z_99 * error,
        spread=math.sqrt(UNUSUAL * (1 - UNUSUAL) / len(current)),
        p_value=0.5 * math.erfc((share - chance) / error / math.sqrt(2)),
    )


def limit(own: Distances) -> float:
    """How far off a text is novel."""
    return max(float(np.quantile(own, UNUSUAL)), 1e-6)


def own(reference: Matrix) -> Distances:
    """How far each text of the reference lies from its nearest other one, ascending."""
    return np.sort(nearest(reference, reference, itself=True))


def nearest(rows: Matrix, reference: Matrix, *, itself: bool = False) -> Distances:
    """Cosine distance of each row to its nearest reference row; `itself`: the rows are the reference, in its order."""
    likeness = rows @ reference.T
    if itself:
        np.fill_diagonal(likeness, -1)
    return np.asarray(np.maximum(0.0, 1.0 - likeness.max(axis=1)), np.float64)


def _error(n_current: int, n_reference: int) -> float:
    """Standard error of the share when nothing has changed: both sides are samples."""
    return math.sqrt(UNUSUAL * (1 - UNUSUAL) * (1 / n_current + 1 / n_reference))


DETECTOR = Detector(
    name="novelty",
    title="Novel texts",
    help="The share of texts unlike anything in the reference; sees a small new topic.",
    votes=True,
    compare=compare,
)
