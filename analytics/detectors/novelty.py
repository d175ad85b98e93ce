"""Share of texts that lie further from the reference than its own texts lie from one another."""

import math

import numpy as np
import numpy.typing as npt

from analytics.detector import Detector, Finding, Matrix, Sides

UNUSUAL = 0.95  # a text is novel when it is further off than this share of the reference's own texts
Z_99 = 2.326


def compare(sides: Sides, _: np.random.Generator) -> Finding:
    share = float((novelty(sides.current, sides.reference) > 1).mean())
    return Finding(statistic=share, threshold=_by_chance(sides), spread=_error(sides), p_value=_p_value(share, sides))


def novelty(current: Matrix, reference: Matrix) -> npt.NDArray[np.float64]:
    """Each row's distance to the reference as a multiple of that of an unusual reference text; above 1 is novel."""
    limit = float(np.quantile(nearest(reference, reference, itself=True), UNUSUAL))
    return np.asarray(nearest(current, reference) / max(limit, 1e-6))


def nearest(rows: Matrix, reference: Matrix, *, itself: bool = False) -> npt.NDArray[np.float64]:
    """Cosine distance of each row to its nearest reference row; `itself`: the rows are the reference, in its order."""
    likeness = rows @ reference.T
    if itself:
        np.fill_diagonal(likeness, -1)
    return np.asarray(np.maximum(0.0, 1.0 - likeness.max(axis=1)), np.float64)


def _error(sides: Sides) -> float:
    """Standard error of the share when nothing has changed: both sides are samples."""
    usual = 1 - UNUSUAL
    return math.sqrt(usual * (1 - usual) * (1 / len(sides.current) + 1 / len(sides.reference)))


def _by_chance(sides: Sides) -> float:
    return 1 - UNUSUAL + Z_99 * _error(sides)


def _p_value(share: float, sides: Sides) -> float:
    return 0.5 * math.erfc((share - (1 - UNUSUAL)) / _error(sides) / math.sqrt(2))


DETECTOR = Detector(
    name="novelty",
    title="Novel texts",
    help="The share of texts unlike anything in the reference; sees a small new topic.",
    votes=True,
    compare=compare,
)
