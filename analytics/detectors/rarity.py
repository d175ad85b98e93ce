"""How rare the texts are for the reference, on average: novelty by degrees instead of yes or no."""

import math

import numpy as np

from analytics.detector import Detector, Distances, Finding, Sides
from analytics.detectors.novelty import nearest

Z_999 = (
    3.09  # texts of a reference repeat one another more than later ones repeat them: the line by chance is drawn wide
)


def compare(sides: Sides, _: np.random.Generator) -> Finding:
    return judged(nearest(sides.current, sides.reference), sides.own)


def judged(current: Distances, own: Distances) -> Finding:
    """Mean of -log(u) - 1, where a share u of the reference's own texts lie further from their nearest: 0 by chance.

    It is Fisher's way to put p-values together (1925); its standard deviation is 1 for one text.
    """
    error = math.sqrt(1 / len(current) + 1 / len(own))
    rarity = float(-np.log(_further(current, own)).mean()) - 1
    return Finding(
        statistic=rarity,
        threshold=Z_999 * error,
        spread=math.sqrt(1 / len(current)),
        p_value=0.5 * math.erfc(rarity / error / math.sqrt(2)),
    )


def _further(current: Distances, own: Distances) -> Distances:
    """Of each distance: the share of `own` beyond it; equal ones count half, and none is ever quite 0 or 1."""
    below = (np.searchsorted(own, current, "left") + np.searchsorted(own, current, "right")) / 2
    return np.asarray(np.clip(1 - below / len(own), 0.5 / len(own), 1 - 0.5 / len(own)))


DETECTOR = Detector(
    name="rarity",
    title="Rare texts",
    help="How rare the texts are for the reference on average; sees a new topic that lies not far off.",
    votes=True,
    compare=compare,
)
