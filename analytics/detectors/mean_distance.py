"""Distance between the mean vectors, against that of random splits of the same rows (permutation test)."""

import numpy as np
import numpy.typing as npt

from analytics.detector import Detector, Finding, Sides

PERMUTATIONS = 500

Mean = npt.NDArray[np.float32]


def compare(sides: Sides, rng: np.random.Generator) -> Finding:
    pooled = np.vstack((sides.sampled, sides.current))
    sign = np.repeat((1.0, -1.0), len(sides.current)).astype(np.float32)
    shuffled = rng.permuted(np.tile(sign, (PERMUTATIONS, 1)), axis=1)
    by_chance = np.linalg.norm(shuffled @ pooled, axis=1) / len(sides.current)
    found = distance(sides.current.mean(axis=0), sides.sampled.mean(axis=0))
    return Finding(
        statistic=found,
        threshold=float(np.quantile(by_chance, 0.99)),
        spread=float(by_chance.std()),
        p_value=float((1 + (by_chance >= found).sum()) / (1 + PERMUTATIONS)),
    )


def distance(current: Mean, sampled: Mean) -> float:
    return float(np.linalg.norm(current - sampled))


DETECTOR = Detector(
    name="mean_distance",
    title="Distance of means",
    help="How far the average text has moved; sees a shift of the whole mix.",
    votes=True,
    compare=compare,
)
