"""Relevance: whether the answer speaks of what was asked."""

from collections.abc import Sequence

import numpy as np

from analytics.encoder import encode
from analytics.evaluator import Engine, Evaluator, ScoringSettings, Subject, Verdict, needs_package, threshold_of
from analytics.models.minilm import MINILM

THRESHOLD = 0.15
MIN_WORDS = 3  # "thanks!" and "yes" ask nothing that an answer could miss


def score(subjects: Sequence[Subject], settings: ScoringSettings) -> list[Verdict]:
    threshold = threshold_of("relevance", settings, THRESHOLD)
    vectors = encode([s["input_text"] for s in subjects] + [s["output_text"] for s in subjects])
    questions, answers = np.split(vectors, 2)
    likeness = np.clip((questions * answers).sum(axis=1), 0, 1)
    return [_verdict(s["input_text"], float(value), threshold) for s, value in zip(subjects, likeness, strict=True)]


def _verdict(question: str, value: float, threshold: float) -> Verdict:
    if len(question.split()) < MIN_WORDS:
        return Verdict(value=None, label="not_measurable", explanation="the prompt is too short to be missed")
    return Verdict(value=value, label="irrelevant" if value < threshold else "relevant")


MINILM_SIMILARITY = Engine(
    id="minilm-1",
    score=score,
    threshold=THRESHOLD,
    cost="about 70 ms a long answer, 20 ms a short one",
    trust=(
        "tells an answer to another question from an answer to this one; says nothing on whether it is right, and "
        "only sees the first 256 tokens of each"
    ),
    missing=needs_package(MINILM),
)

EVALUATOR = Evaluator(
    name="relevance",
    title="Irrelevant answers",
    help="Likeness of meaning between the question and the answer.",
    unit="cosine similarity",
    flagged="irrelevant",
    question="Does this answer miss the question?",
    low=True,
    needs=("input_text", "output_text"),
    engines=lambda _: (MINILM_SIMILARITY,),
)
