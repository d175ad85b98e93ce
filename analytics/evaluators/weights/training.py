# ruff: noqa: INP001 - beside the scripts that share it
"""What training the probes has in common: reading sets, halves that were not trained on, writing weights."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from analytics.probe import WEIGHTS

SEED = 0
DIGITS = 4

Places = npt.NDArray[np.int64]
Fit = Callable[[Places], LogisticRegression]


def records(data: Path, name: str) -> list[dict[str, Any]]:
    with (data / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def held_out(fit: Fit, features: npt.NDArray[Any], strata: Places) -> npt.NDArray[np.float64]:
    """The score of each row by a probe that was trained on the other half; halves hold as many of each stratum."""
    scores = np.zeros(len(strata))
    for train, test in StratifiedKFold(2, shuffle=True, random_state=SEED).split(features, strata):
        scores[test] = fit(train).predict_proba(features[test])[:, 1]
    return scores


def command(doc: str | None, name: str, made_of: Sequence[str], trained: Callable[[Path], LogisticRegression]) -> None:
    """Train on what lies in the folder that is named, and write the weights beside this file."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS / f"{name}.json")
    chosen = parser.parse_args()
    probe = trained(chosen.data)
    weights = [round(float(weight), DIGITS) for weight in probe.coef_[0]]
    content = {"made_of": list(made_of), "intercept": round(float(probe.intercept_[0]), DIGITS), "weights": weights}
    chosen.out.write_text(json.dumps(content) + "\n")
