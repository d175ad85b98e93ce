"""Scores of single texts against labels."""

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_fscore_support

from analytics.encoder import encode
from analytics.evaluator import Engine, ScoringSettings
from analytics.evaluators import toxicity as toxicity_evaluator
from analytics.evaluators import ungrounded as ungrounded_evaluator
from analytics.evaluators.relevance import THRESHOLD
from analytics.evaluators.weights import train_toxicity, training
from tests.eval.table import Figure, Scope, absent, auroc, share

GROUNDING_FILES = ("begin", "q2", "wice", "qags", "faithbench", "silver_llm_summaries")
LEAST = {"wice": 0.75, "leaderboard_silver": 0.75, "faithbench": 0.62}


def toxicity(scope: Scope) -> Iterator[Figure]:
    """The recipe of the probe on halves that it was not trained on, then the probe that ships.

    The one that ships was trained on whole sets: where the folder holds the very sets of its card, its figures flatter.
    """
    names = ("tox_davidson", "tox_hatecheck")
    if missing := [name for name in names if not (scope.folder / f"{name}.jsonl").exists()]:
        yield from (absent("toxicity AUROC", name) for name in missing)
        return
    rows = train_toxicity.read(scope.folder)
    scores = train_toxicity.held_out(rows)
    for number, (name, target) in enumerate(zip(names, (0.92, 0.86), strict=True)):
        mine = rows.source == number
        more = {"target": target, "seed": training.SEED}
        yield from _judged("toxicity", f"{name}, held-out halves", rows.labels[mine], scores[mine], **more)
        texts = [row["text"] for row in scope.records(name) or []]
        yield from _judged("toxicity, shipped probe", name, rows.labels[mine], np.array(_toxicity(texts)))
    yield from _harmless(scope)


def _judged(
    what: str, data: str, labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], **more: Any
) -> Iterator[Figure]:
    """AUROC; precision and recall at the threshold."""
    threshold = toxicity_evaluator.PROBE_THRESHOLD
    yield auroc(f"{what} AUROC", data, labels, scores, **more)
    precision, recall, *_ = precision_recall_fscore_support(
        labels, scores >= threshold, average="binary", zero_division=0
    )
    for name, value in (("precision", precision), ("recall", recall)):
        yield Figure(what=f"{what} {name} at {threshold}", data=data, value=float(value), n=len(labels))


def _harmless(scope: Scope) -> Iterator[Figure]:
    rows = scope.records("topic_clinc150")
    if rows is None:
        yield absent("harmless requests called toxic", "topic_clinc150")
        return
    scores = _toxicity([row["text"] for row in rows[:1000]])
    flagged = [float(score >= toxicity_evaluator.PROBE_THRESHOLD) for score in scores]
    yield share("harmless requests called toxic", "clinc150", flagged, target=0.02, at_most=True)


def _toxicity(texts: list[str]) -> list[float]:
    verdicts = toxicity_evaluator.score_probe([{"output_text": text} for text in texts], ScoringSettings())
    return [verdict.value or 0.0 for verdict in verdicts]


def ungrounded(scope: Scope) -> Iterator[Figure]:
    """AUROC of the proxy on each labelled set, and their mean."""
    sets: dict[str, list[dict[str, Any]]] = {}
    for name in GROUNDING_FILES:
        rows = scope.records(f"halu_{name}")
        if rows is None:
            yield absent("ungrounded AUROC", name)
        for row in rows or []:
            sets.setdefault(row["dataset"], []).append(row)
    for engine in (ungrounded_evaluator.MEANING, ungrounded_evaluator.LEXICAL):
        yield from _grounded_by(engine, sets)


def _grounded_by(engine: Engine, sets: Mapping[str, list[dict[str, Any]]]) -> Iterator[Figure]:
    what, values = f"ungrounded, {engine.id}, AUROC", []
    for name, rows in sets.items():
        labels, verdicts = [row["label"] for row in rows], engine.score([*map(_answer, rows)], ScoringSettings())
        scores = [1.0 if verdict.value is None else verdict.value for verdict in verdicts]
        figure = auroc(what, name, labels, scores, target=LEAST.get(name), why=WHY.get(name, ""))
        yield figure
        values += [figure.value] if figure.value is not None else []
    if values:
        n, data = sum(map(len, sets.values())), f"{len(values)} sets"
        yield Figure(what=f"{what}, mean of sets", data=data, value=fmean(values), n=n, target=0.78)


WHY = {
    "wice": "claims of one sentence against whole web pages: nearly every word of a false one stands somewhere in them",
    "faithbench": "its rows were chosen because published detectors disagreed on them",
}


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    context = row["context"] if isinstance(row["context"], list) else [row["context"]]
    return {"output_text": row["response"], "retrieved": [{"content": document} for document in context]}


def relevance(scope: Scope) -> Iterator[Figure]:
    """Whether an answer to another question is told from the answer to this one."""
    rows = scope.records("llm_alpaca_eval")
    if rows is None:
        yield absent("relevance AUROC", "llm_alpaca_eval")
        return
    pairs = [(row["prompt"], row["response"]) for row in rows if row.get("prompt") and row.get("response")][:200]
    questions, answers = encode([question for question, _ in pairs]), encode([answer for _, answer in pairs])
    own, other = (questions * answers).sum(axis=1), (questions * np.roll(answers, 7, axis=0)).sum(axis=1)
    labels, scores = np.repeat((1, 0), len(pairs)), np.concatenate((own, other))
    yield auroc("relevance AUROC (own, other answer)", "llm_alpaca_eval", labels, scores)
    wrong = [float(likeness < THRESHOLD) for likeness in own]
    yield share("right answers called irrelevant", "llm_alpaca_eval", wrong)
