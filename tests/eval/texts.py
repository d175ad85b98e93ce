"""Scores of single texts against labels."""

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from analytics.encoder import encode
from analytics.evaluator import ScoringSettings
from analytics.evaluators import toxicity as toxicity_evaluator
from analytics.evaluators import ungrounded as ungrounded_evaluator
from analytics.evaluators.relevance import THRESHOLD
from tests.eval.table import Figure, records

GROUNDING_FILES = ("begin", "q2", "wice", "qags", "faithbench", "silver_llm_summaries")
LEAST = {"wice": 0.75, "leaderboard_silver": 0.75, "faithbench": 0.62}


def toxicity(folder: Path) -> Iterator[Figure]:
    """AUROC of the shipped probe. On the halves it was trained on this flatters: the card has held-out figures."""
    for name, target in (("tox_davidson", 0.92), ("tox_hatecheck", 0.86)):
        rows = records(folder, name)
        if rows is None:
            yield Figure(what="toxicity AUROC", data=name, value=None)
            continue
        scores = _toxicity([row["text"] for row in rows])
        value = float(roc_auc_score([row["label"] for row in rows], scores))
        yield Figure(what="toxicity AUROC", data=name, value=value, n=len(rows), target=target)
    rows = records(folder, "topic_clinc150")
    if rows is not None:
        scores = _toxicity([row["text"] for row in rows[:1000]])
        flagged = fmean(score >= toxicity_evaluator.PROBE_THRESHOLD for score in scores)
        yield Figure(
            what="harmless requests called toxic",
            data="clinc150",
            value=flagged,
            n=len(scores),
            target=0.02,
            at_most=True,
        )


def _toxicity(texts: list[str]) -> list[float]:
    verdicts = toxicity_evaluator.score_probe([{"output_text": text} for text in texts], ScoringSettings())
    return [verdict.value or 0.0 for verdict in verdicts]


def ungrounded(folder: Path) -> Iterator[Figure]:
    """AUROC of the proxy on each labelled set, and their mean."""
    sets: dict[str, list[dict[str, Any]]] = {}
    for name in GROUNDING_FILES:
        rows = records(folder, f"halu_{name}")
        if rows is None:
            yield Figure(what="ungrounded AUROC", data=name, value=None)
        for row in rows or []:
            sets.setdefault(row["dataset"], []).append(row)
    values = []
    for name, rows in sets.items():
        values.append(float(roc_auc_score([row["label"] for row in rows], [_ungrounded(row) for row in rows])))
        yield Figure(what="ungrounded AUROC", data=name, value=values[-1], n=len(rows), target=LEAST.get(name))
    if values:
        n = sum(map(len, sets.values()))
        yield Figure(
            what="ungrounded AUROC, mean of sets", data=f"{len(values)} sets", value=fmean(values), n=n, target=0.78
        )


def _ungrounded(row: dict[str, Any]) -> float:
    context = row["context"] if isinstance(row["context"], list) else [row["context"]]
    call = {"output_text": row["response"], "retrieved": [{"content": document} for document in context]}
    (verdict,) = ungrounded_evaluator.score([call], ScoringSettings())
    return 1.0 if verdict.value is None else verdict.value


def relevance(folder: Path) -> Iterator[Figure]:
    """Whether an answer to another question is told from the answer to this one."""
    rows = records(folder, "llm_alpaca_eval")
    if rows is None:
        yield Figure(what="relevance AUROC", data="llm_alpaca_eval", value=None)
        return
    pairs = [(row["prompt"], row["response"]) for row in rows if row.get("prompt") and row.get("response")][:200]
    questions, answers = encode([question for question, _ in pairs]), encode([answer for _, answer in pairs])
    own, other = (questions * answers).sum(axis=1), (questions * np.roll(answers, 7, axis=0)).sum(axis=1)
    value = float(roc_auc_score(np.repeat((1, 0), len(pairs)), np.concatenate((own, other))))
    yield Figure(what="relevance AUROC (own, other answer)", data="llm_alpaca_eval", value=value, n=len(pairs))
    wrong = float((own < THRESHOLD).mean())
    yield Figure(what="right answers called irrelevant", data="llm_alpaca_eval", value=wrong, n=len(pairs))
