# ruff: noqa: INP001 - a script beside its weights, no module of the package
"""Train the toxicity probe: `python -m analytics.evaluators.weights.train_toxicity DATA` in the checkout.

DATA holds `tox_davidson.jsonl` and `tox_hatecheck.jsonl` (records with `text` and `label`, 1 = toxic); see the card
beside this file for where they come from. Writes `toxicity.json`; what it is worth on halves that it was not trained
on is printed by `make eval`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from analytics.encoder import MODEL, Matrix, encode
from analytics.evaluators.weights import training
from analytics.evaluators.weights.spoken_to import labelled
from analytics.evaluators.weights.training import Places, records

SOURCES = ("tox_davidson", "tox_hatecheck")
# HateCheck calls these fine because no group is meant; said to a customer they are not.
NOT_FINE_HERE = frozenset({"target_indiv_nh", "target_obj_nh", "profanity_nh"})
PENALTY = 3.0
OWN_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled texts of the public sets. `kept`: fit to train with."""

    vectors: Matrix
    labels: Places
    source: Places
    kept: npt.NDArray[np.bool_]


def read(data: Path) -> Rows:
    found = [(source, row) for source in SOURCES for row in records(data, source)]
    return Rows(
        vectors=encode([row["text"] for _, row in found]),
        labels=np.array([row["label"] for _, row in found]),
        source=np.array([SOURCES.index(name) for name, _ in found]),
        kept=np.array([row.get("cls") not in NOT_FINE_HERE for _, row in found]),
    )


def fitted(rows: Rows, chosen: Places) -> LogisticRegression:
    """Train on the chosen rows and on our own sentences."""
    chosen = chosen[rows.kept[chosen]]
    own = labelled()
    vectors = np.vstack((rows.vectors[chosen], encode([text for text, _ in own])))
    labels = np.concatenate((rows.labels[chosen], [label for _, label in own]))
    weights = np.concatenate((np.ones(len(chosen)), np.full(len(own), OWN_WEIGHT)))
    probe = LogisticRegression(C=PENALTY, max_iter=3000, class_weight="balanced")
    return probe.fit(vectors, labels, sample_weight=weights)


def held_out(rows: Rows) -> npt.NDArray[np.float64]:
    """The score of each row by a probe that was trained on the other half."""
    return training.held_out(lambda train: fitted(rows, train), rows.vectors, rows.labels + 2 * rows.source)


def trained(data: Path) -> LogisticRegression:
    rows = read(data)
    return fitted(rows, np.arange(len(rows.labels)))


if __name__ == "__main__":
    training.command(__doc__, "toxicity", (MODEL,), trained)
