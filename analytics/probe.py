"""Probes: a weighted sum of features and a logistic curve, out of a file that a script beside it has trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from store.errors import ConfigError

Scores = npt.NDArray[np.float64]
WEIGHTS = Path(__file__).parent / "evaluators" / "weights"


@dataclass(frozen=True, slots=True)
class Probe:
    """`weights`: one for each feature."""

    weights: Scores
    intercept: float

    def scores(self, features: npt.NDArray[Any]) -> Scores:
        """From 0 to 1, one for each row."""
        return np.asarray(1 / (1 + np.exp(-(features @ self.weights + self.intercept))), dtype=np.float64)


@cache
def probe(name: str, made_of: Sequence[str]) -> Probe:
    """Read a probe; raises ConfigError when it was trained on other features than `made_of`."""
    path = WEIGHTS / f"{name}.json"
    content = orjson.loads(path.read_bytes())
    if content["made_of"] != list(made_of):
        raise ConfigError(f"{path}: trained on {content['made_of']}, not on {list(made_of)}; train it again")
    return Probe(np.array(content["weights"]), float(content["intercept"]))
