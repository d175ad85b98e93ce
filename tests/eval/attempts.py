"""Prompt injection: the probe's recipe on halves it was not trained on, the shipped one on ordinary prompts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from analytics.evaluator import ScoringSettings
from analytics.evaluators import injection as evaluator
from analytics.evaluators.weights import train_injection
from tests.eval.table import Figure, records


def injection(folder: Path) -> Iterator[Figure]:
    needed = ("inject_prompts", "topic_clinc150")
    if missing := [name for name in needed if not (folder / f"{name}.jsonl").exists()]:
        yield from (Figure(what="injection AUROC", data=name, value=None) for name in missing)
        return
    rows = train_injection.read(folder)
    scores = train_injection.held_out(rows)
    everything = np.ones(len(scores), dtype=bool)
    for name, mine in (("all", everything), *((name, rows.source == i) for i, name in enumerate(rows.names))):
        yield from _judged(f"{name}, held-out halves", rows.labels[mine], scores[mine])
    yield from _ordinary(folder)


def _judged(data: str, labels: np.ndarray, scores: np.ndarray) -> Iterator[Figure]:
    seed, n, flags = train_injection.SEED, len(labels), scores >= evaluator.THRESHOLD
    if len(set(labels)) > 1:
        yield Figure(
            what="injection AUROC", data=data, value=float(roc_auc_score(labels, scores)), n=n, target=0.94, seed=seed
        )
    precision, recall, *_ = precision_recall_fscore_support(labels, flags, average="binary", zero_division=0)
    for what, value in (("precision", precision), ("recall", recall)):
        yield Figure(what=f"injection {what} at {evaluator.THRESHOLD}", data=data, value=float(value), n=n, seed=seed)


def _ordinary(folder: Path) -> Iterator[Figure]:
    """The threshold was chosen on these prompts; nothing was trained with them."""
    rows = records(folder, "llm_alpaca_eval") or []
    texts = list(dict.fromkeys(row["prompt"] for row in rows if row.get("prompt")))
    if texts:
        verdicts = evaluator.score([{"input_text": text} for text in texts], ScoringSettings())
        flagged = sum(verdict.label == "injection" for verdict in verdicts) / len(texts)
        yield Figure(
            what="ordinary prompts flagged", data="alpaca_eval", value=flagged, n=len(texts), target=0.005, at_most=True
        )
