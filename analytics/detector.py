"""What a detector is: a way to say how far the current window lies from the reference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from store.declared import declared

Matrix = npt.NDArray[np.float32]
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Unit vectors, one row a call. `sampled` is drawn from `reference` so that it has as many rows as `current`.

    `own`: how far each text of the reference lies from its nearest other one, ascending (`novelty.own`).
    Distances shrink with n, so only sides of equal size may be compared, and only windows of the same size ranked.
    """

    reference: Matrix
    sampled: Matrix
    current: Matrix
    own: Distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`threshold`: where chance alone would put the statistic in one window of a hundred (p = 0.01); None: not told.

    `spread`: the standard deviation that chance alone gives the statistic from window to window.
    `flagged`: the verdict of a detector that has one of its own.
    """

    statistic: float
    threshold: float | None
    spread: float = 0.0
    p_value: float | None = None
    flagged: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """`votes`: it takes part in the verdict; one that does not is shown beside it, with its own flag.

    `compare` runs in a worker and must not change the matrices it is given.
    """

    name: str
    title: str
    help: str
    votes: bool
    compare: Callable[[Sides, np.random.Generator], Finding]


def detectors() -> Mapping[str, Detector]:
    return declared(Detector, "analytics.detectors")


def run(names: tuple[str, ...], sides: Sides, seed: int) -> dict[str, Finding]:
    """Compare with each named detector; the same seed gives the same findings. Called in a worker."""
    known = detectors()
    return {name: known[name].compare(sides, np.random.default_rng(seed)) for name in names}
