"""How sure a share is."""

from math import sqrt
from typing import NamedTuple

Z_95 = 1.959964  # two-sided
Z_95_ONE_SIDED = 1.644854


class Interval(NamedTuple):
    low: float
    high: float


def wilson(share: float, n: float, z: float = Z_95) -> Interval:
    """Wilson's score interval of a share of `n`; everything is possible of none."""
    if n <= 0:
        return Interval(0.0, 1.0)
    z2 = z * z
    middle = share + z2 / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(max(0.0, (middle - spread) / (1 + z2 / n)), min(1.0, (middle + spread) / (1 + z2 / n)))
