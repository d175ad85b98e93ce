"""How sure a share is, and a difference."""

from math import sqrt
from statistics import NormalDist
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


def newcombe(one: tuple[float, float], other: tuple[float, float], z: float = Z_95) -> Interval:
    """Interval of a difference of two shares, each (share, n): Newcombe 1998, method 10, from Wilson's intervals."""
    (p, n), (q, m) = one, other
    a, b = wilson(p, n, z), wilson(q, m, z)
    return Interval(
        p - q - sqrt((p - a.low) ** 2 + (b.high - q) ** 2), p - q + sqrt((a.high - p) ** 2 + (q - b.low) ** 2)
    )


def welch(one: tuple[float, float, float], other: tuple[float, float, float], error: float = 0.05) -> Interval:
    """Welch's interval of a difference of two means, each (mean, variance, n), wrong in a share `error` of cases."""
    (a, va, n), (b, vb, m) = one, other
    u, v = va / n, vb / m
    if u + v == 0:
        return Interval(a - b, a - b)
    freedom = (u + v) ** 2 / (u * u / (n - 1) + v * v / (m - 1))
    spread = _student(error, freedom) * sqrt(u + v)
    return Interval(a - b - spread, a - b + spread)


def _student(error: float, freedom: float) -> float:
    """Two-sided quantile of Student's t: Abramowitz and Stegun 26.7.5, right to 1 % from 20 degrees of freedom on."""
    z = NormalDist().inv_cdf(1 - error / 2)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
