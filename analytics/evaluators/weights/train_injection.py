# ruff: noqa: INP001 - a script beside its weights, no module of the package
"""Train the injection probe: `python -m analytics.evaluators.weights.train_injection DATA` in the checkout.

DATA holds `inject_prompts.jsonl` (records with `text` and `label`, 1 = attempt), and `topic_clinc150.jsonl`
(ordinary requests); see the card beside this file for where they come from. Writes
`injection.json`; what it is worth on halves that it was not trained on is printed by `make eval`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from analytics.evaluators.injection import MADE_OF, Features, features
from analytics.evaluators.weights import asked_of, training, tricks
from analytics.evaluators.weights.training import Places, records

ORDINARY_EVERY = 11  # sorted by nothing: all topics are there
PENALTY = 1.0
OWN_WEIGHT = ORDINARY_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled prompts. `source`: the place of its data set in `names`; `ordinary`: features of plain requests."""

    vectors: Features
    labels: Places
    source: Places
    ordinary: Features
    names: tuple[str, ...]


def read(data: Path) -> Rows:
    found = records(data, "inject_prompts")
    names = list(dict.fromkeys(row["dataset"] for row in found))
    ordinary = [row["text"] for row in records(data, "topic_clinc150")][::ORDINARY_EVERY]
    return Rows(
        vectors=features([row["text"] for row in found]),
        labels=np.array([row["label"] for row in found]),
        source=np.array([names.index(row["dataset"]) for row in found]),
        ordinary=features(ordinary),
        names=tuple(names),
    )


def fitted(rows: Rows, chosen: Places) -> LogisticRegression:
    """Train on the chosen rows, on ordinary requests and on our own sentences."""
    own = [*asked_of.labelled(), *tricks.labelled()]
    vectors = np.vstack((rows.vectors[chosen], rows.ordinary, features([text for text, _ in own])))
    labels = np.concatenate((rows.labels[chosen], np.zeros(len(rows.ordinary), int), [label for _, label in own]))
    weights = np.repeat((1.0, ORDINARY_WEIGHT, OWN_WEIGHT), (len(chosen), len(rows.ordinary), len(own)))
    probe = LogisticRegression(C=PENALTY, max_iter=3000, class_weight="balanced")
    return probe.fit(vectors, labels, sample_weight=weights)


def held_out(rows: Rows) -> npt.NDArray[np.float64]:
    """The score of each row by a probe that was trained on the other half."""
    return training.held_out(lambda train: fitted(rows, train), rows.vectors, rows.labels + 2 * rows.source)


def trained(data: Path) -> LogisticRegression:
    rows = read(data)
    return fitted(rows, np.arange(len(rows.labels)))


if __name__ == "__main__":
    training.command(__doc__, "injection", MADE_OF, trained)
