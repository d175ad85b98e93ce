# ruff: noqa: INP001 - a script beside its weights, no module of the package
"""Train the toxicity probe: `python analytics/evaluators/weights/train_toxicity.py DATA`.

DATA holds `tox_davidson.jsonl` and `tox_hatecheck.jsonl` (records with `text` and `label`, 1 = toxic); see the card
beside this file for where they come from. Writes `toxicity.json` and prints cross-validated figures.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from spoken_to import labelled  # type: ignore[import-not-found, unused-ignore] # beside this script

from analytics.encoder import ENCODER, Matrix, encode

SOURCES = ("tox_davidson", "tox_hatecheck")
# HateCheck calls these fine because no group is meant; said to a customer they are not.
NOT_FINE_HERE = frozenset({"target_indiv_nh", "target_obj_nh", "profanity_nh"})
PENALTY = 3.0
OWN_WEIGHT = 0.5
SEED = 0


@dataclass(frozen=True, slots=True)
class Rows:
    vectors: Matrix
    labels: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def fitted(rows: Rows) -> LogisticRegression:
    probe = LogisticRegression(C=PENALTY, max_iter=3000, class_weight="balanced")
    return probe.fit(rows.vectors, rows.labels, sample_weight=rows.weights)


def main(data: Path, out: Path) -> None:
    read = [(source, json.loads(line)) for source in SOURCES for line in (data / f"{source}.jsonl").open()]
    public = encode([row["text"] for _, row in read])
    labels = np.array([row["label"] for _, row in read])
    source = np.array([SOURCES.index(name) for name, _ in read])
    kept = np.array([row["cls"] not in NOT_FINE_HERE for _, row in read])
    own = labelled()
    own_vectors, own_labels = encode([text for text, _ in own]), np.array([label for _, label in own])

    def training(chosen: npt.NDArray[np.int64]) -> Rows:
        chosen = chosen[kept[chosen]]
        weights = np.concatenate((np.ones(len(chosen)), np.full(len(own), OWN_WEIGHT)))
        return Rows(np.vstack((public[chosen], own_vectors)), np.concatenate((labels[chosen], own_labels)), weights)

    held_out = np.zeros(len(read))
    for train, test in StratifiedKFold(2, shuffle=True, random_state=SEED).split(public, labels + 2 * source):
        held_out[test] = fitted(training(train)).predict_proba(public[test])[:, 1]
    for number, name in enumerate(SOURCES):
        auroc = roc_auc_score(labels[source == number], held_out[source == number])
        print(f"{name}: AUROC {auroc:.3f} on held-out halves, n={int((source == number).sum())}, seed {SEED}")  # noqa: T201
    probe = fitted(training(np.arange(len(read))))
    weights = [round(float(weight), 5) for weight in probe.coef_[0]]
    content = {"encoder": ENCODER, "intercept": round(float(probe.intercept_[0]), 5), "weights": weights}
    out.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("toxicity.json"))
    chosen = parser.parse_args()
    main(chosen.data, chosen.out)
