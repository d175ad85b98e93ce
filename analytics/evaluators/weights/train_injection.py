# ruff: noqa: INP001 - a script beside its weights, no module of the package
"""Train the injection probe: `python -m analytics.evaluators.weights.train_injection DATA` in the checkout.

DATA holds `inject_prompts.jsonl` (records with `text` and `label`, 1 = attempt), and `topic_clinc150.jsonl`
(ordinary requests); see the card beside this file for where they come from. Writes
`injection.json`; what it is worth on halves that it was not trained on is printed by `make eval`.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from analytics.cues import CUES
from analytics.encoder import ENCODER
from analytics.evaluators.injection import Features, features
from analytics.evaluators.weights.asked_of import labelled

ORDINARY_EVERY = 11  # sorted by nothing: all topics are there
PENALTY = 1.0
OWN_WEIGHT = ORDINARY_WEIGHT = 0.3
SEED = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled prompts. `source`: the place of its data set in `names`; `ordinary`: features of plain requests."""

    vectors: Features
    labels: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    ordinary: Features
    names: tuple[str, ...]


def read(data: Path) -> Rows:
    found = _records(data, "inject_prompts")
    names = list(dict.fromkeys(row["dataset"] for row in found))
    ordinary = [row["text"] for row in _records(data, "topic_clinc150")][::ORDINARY_EVERY]
    return Rows(
        vectors=features([row["text"] for row in found]),
        labels=np.array([row["label"] for row in found]),
        source=np.array([names.index(row["dataset"]) for row in found]),
        ordinary=features(ordinary),
        names=tuple(names),
    )


def _records(data: Path, name: str) -> list[dict[str, str]]:
    with (data / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def fitted(rows: Rows, chosen: npt.NDArray[np.int64]) -> LogisticRegression:
    """Train on the chosen rows, on ordinary requests and on our own sentences."""
    own = labelled()
    vectors = np.vstack((rows.vectors[chosen], rows.ordinary, features([text for text, _ in own])))
    labels = np.concatenate((rows.labels[chosen], np.zeros(len(rows.ordinary), int), [label for _, label in own]))
    weights = np.repeat((1.0, ORDINARY_WEIGHT, OWN_WEIGHT), (len(chosen), len(rows.ordinary), len(own)))
    probe = LogisticRegression(C=PENALTY, max_iter=3000, class_weight="balanced")
    return probe.fit(vectors, labels, sample_weight=weights)


def held_out(rows: Rows) -> npt.NDArray[np.float64]:
    """The score of each row by a probe that was trained on the other half."""
    scores = np.zeros(len(rows.labels))
    halves = StratifiedKFold(2, shuffle=True, random_state=SEED)
    for train, test in halves.split(rows.vectors, rows.labels + 2 * rows.source):
        scores[test] = fitted(rows, train).predict_proba(rows.vectors[test])[:, 1]
    return scores


def main(data: Path, out: Path) -> None:
    rows = read(data)
    probe = fitted(rows, np.arange(len(rows.labels)))
    weights = [round(float(weight), 5) for weight in probe.coef_[0]]
    content = {
        "encoder": ENCODER,
        "cues": list(CUES),
        "intercept": round(float(probe.intercept_[0]), 5),
        "weights": weights,
    }
    out.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("injection.json"))
    chosen = parser.parse_args()
    main(chosen.data, chosen.out)
