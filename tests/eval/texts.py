"""Scores of single texts against labels."""

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from analytics.encoder import encode
from analytics.evaluator import ScoringSettings
from analytics.evaluators import toxicity as toxicity_evaluator
from analytics.evaluators import ungrounded as ungrounded_evaluator
from analytics.evaluators.relevance import THRESHOLD
from analytics.evaluators.weights import train_toxicity
from tests.eval.table import Figure, records

GROUNDING_FILES = ("begin", "q2", "wice", "qags", "faithbench", "silver_llm_summaries")
LEAST = {"wice": 0.75, "leaderboard_silver": 0.75, "faithbench": 0.62}


def toxicity(folder: Path) -> Iterator[Figure]:
    """The recipe of the probe on halves that it was not trained on, then the probe that ships.

    The one that ships was trained on whole sets: where FOLDER holds the very sets of its card, its figures flatter.
    """
    names = ("tox_davidson", "tox_hatecheck")
    if missing := [name for name in names if not (folder / f"{name}.jsonl").exists()]:
        yield from (Figure(what="toxicity AUROC", data=name, value=None) for name in missing)
        return
    rows = train_toxicity.read(folder)
    scores = train_toxicity.held_out(rows)
    seed = train_toxicity.SEED
    for number, (name, target) in enumerate(zip(names, (0.92, 0.86), strict=True)):
        mine = rows.source == number
        yield from _judged("toxicity", f"{name}, held-out halves", rows.labels[mine], scores[mine], target, seed)
        texts = [row["text"] for row in records(folder, name) or []]
        yield from _judged("toxicity, shipped probe", name, rows.labels[mine], np.array(_toxicity(texts)), None, None)
    yield from _harmless(folder)


def _judged(
    what: str, data: str, labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], target: float | None,
    seed: int | None,
) -> Iterator[Figure]:  # fmt: skip
    """AUROC; precision and recall at the threshold."""
    threshold = toxicity_evaluator.PROBE_THRESHOLD
    common = {"data": data, "n": len(labels), "seed": seed}
    yield Figure(what=f"{what} AUROC", value=float(roc_auc_score(labels, scores)), target=target, **common)  # type: ignore[arg-type]
    flags = scores >= threshold
    precision, recall, *_ = precision_recall_fscore_support(labels, flags, average="binary", zero_division=0)
    yield Figure(what=f"{what} precision at {threshold}", value=float(precision), **common)  # type: ignore[arg-type]
    yield Figure(what=f"{what} recall at {threshold}", value=float(recall), **common)  # type: ignore[arg-type]


def _harmless(folder: Path) -> Iterator[Figure]:
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
