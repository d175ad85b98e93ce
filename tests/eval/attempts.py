"""Prompt injection: the probe's recipe on halves it was not trained on, the shipped one on ordinary prompts."""

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from analytics.evaluator import ScoringSettings
from analytics.evaluators import injection as evaluator
from analytics.evaluators.weights import train_injection, training
from tests.eval.table import Figure, Scope, absent, auroc, share

WHY = "short attempts in German and English that only ask for another task read like ordinary requests"


def injection(scope: Scope) -> Iterator[Figure]:
    needed = ("inject_prompts", "topic_clinc150")
    if missing := [name for name in needed if not (scope.folder / f"{name}.jsonl").exists()]:
        yield from (absent("injection AUROC", name) for name in missing)
        return
    rows = train_injection.read(scope.folder)
    scores = train_injection.held_out(rows)
    everything = np.ones(len(scores), dtype=bool)
    for name, mine in (("all", everything), *((name, rows.source == i) for i, name in enumerate(rows.names))):
        yield from _judged(f"{name}, held-out halves", rows.labels[mine], scores[mine])
    yield from _ordinary(scope)


def _judged(data: str, labels: np.ndarray, scores: np.ndarray) -> Iterator[Figure]:
    seed, n, flags = training.SEED, len(labels), scores >= evaluator.THRESHOLD
    if len(set(labels)) > 1:
        yield auroc("injection AUROC", data, labels, scores, target=0.94, seed=seed, why=WHY)
    precision, recall, *_ = precision_recall_fscore_support(labels, flags, average="binary", zero_division=0)
    for what, value in (("precision", precision), ("recall", recall)):
        yield Figure(what=f"injection {what} at {evaluator.THRESHOLD}", data=data, value=float(value), n=n, seed=seed)


def _ordinary(scope: Scope) -> Iterator[Figure]:
    """The threshold was chosen on these prompts; nothing was trained with them."""
    rows = scope.records("llm_alpaca_eval") or []
    texts = list(dict.fromkeys(row["prompt"] for row in rows if row.get("prompt")))
    if texts:
        verdicts = evaluator.score([{"input_text": text} for text in texts], ScoringSettings())
        flagged = [float(verdict.label == "injection") for verdict in verdicts]
        yield share("ordinary prompts flagged", "llm_alpaca_eval", flagged, target=0.005, at_most=True)
