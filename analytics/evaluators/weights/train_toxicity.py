# ruff: noqa: INP001 - a script beside its weights, no module of the package
"""Train the toxicity probe: `python analytics/evaluators/weights/train_toxicity.py DATA`.

DATA holds `tox_davidson.jsonl` and `tox_hatecheck.jsonl` (records with `text` and `label`, 1 = toxic); see the card
beside this file for where they come from. Writes `toxicity.json` and prints cross-validated figures.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from analytics.encoder import ENCODER, encode

SOURCES = ("tox_davidson", "tox_hatecheck")
PENALTY = 3.0
SEED = 0


def probe() -> LogisticRegression:
    return LogisticRegression(C=PENALTY, max_iter=2000, class_weight="balanced")


def main(data: Path, out: Path) -> None:
    rows = [(source, json.loads(line)) for source in SOURCES for line in (data / f"{source}.jsonl").open()]
    vectors = encode([row["text"] for _, row in rows])
    labels = np.array([row["label"] for _, row in rows])
    source = np.array([SOURCES.index(name) for name, _ in rows])
    held_out = np.zeros(len(rows))
    folds = StratifiedKFold(2, shuffle=True, random_state=SEED)
    for train, test in folds.split(vectors, labels + 2 * source):
        held_out[test] = probe().fit(vectors[train], labels[train]).predict_proba(vectors[test])[:, 1]
    for number, name in enumerate(SOURCES):
        auroc = roc_auc_score(labels[source == number], held_out[source == number])
        print(f"{name}: AUROC {auroc:.3f} on held-out halves, n={int((source == number).sum())}, seed {SEED}")  # noqa: T201
    fitted = probe().fit(vectors, labels)
    weights = [round(float(weight), 5) for weight in fitted.coef_[0]]
    content = {"encoder": ENCODER, "intercept": round(float(fitted.intercept_[0]), 5), "weights": weights}
    out.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("toxicity.json"))
    chosen = parser.parse_args()
    main(chosen.data, chosen.out)
