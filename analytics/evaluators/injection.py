"""Prompt injection and jailbreak attempts: a probe over a prompt's embedding, turns of phrase and pieces of words."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analytics.cues import CUES, cues
from analytics.encoder import MODEL, encode
from analytics.evaluator import (
    Engine,
    Evaluator,
    Evidence,
    ScoringSettings,
    Subject,
    Verdict,
    needs_package,
    threshold_of,
)
from analytics.models.minilm import MINILM
from analytics.probe import probe

HASHED = 4096
PIECES = (2, 4)  # characters
MOST_CHARS = 4000
MADE_OF = (MODEL, *CUES, f"pieces of {PIECES[0]} to {PIECES[1]} characters, hashed to {HASHED}")
THRESHOLD = 0.83  # flags less than 1 in 200 ordinary prompts

Features = npt.NDArray[np.float32]


def features(texts: Sequence[str]) -> Features:
    """What the probe weighs, a row for each text: its meaning, its turns of phrase, and pieces of its words."""
    return np.hstack((encode(texts), cues(texts), _pieces(texts)))


def _pieces(texts: Sequence[str]) -> Features:
    """Rows of length 1, signs by hash: what collides mostly cancels out."""
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415 - seconds to import; only in workers

    hashing = HashingVectorizer(analyzer="char_wb", ngram_range=PIECES, n_features=HASHED, dtype=np.float32)
    return np.asarray(hashing.transform([text[:MOST_CHARS] for text in texts]).toarray(), dtype=np.float32)


def score(subjects: Sequence[Subject], settings: ScoringSettings) -> list[Verdict]:
    threshold = threshold_of("injection", settings, THRESHOLD)
    texts = [subject["input_text"] for subject in subjects]
    values = probe("injection", MADE_OF).scores(features(texts))
    return [_verdict(text, float(value), threshold) for text, value in zip(texts, values, strict=True)]


def _verdict(text: str, value: float, threshold: float) -> Verdict:
    if value < threshold:
        return Verdict(value=value, label="ordinary")
    said = ", ".join(name for name, found in zip(CUES, cues([text])[0], strict=True) if found)
    return Verdict(value=value, label="injection", explanation=f"probe; {said or 'reads like attempts'}")


PROBE = Engine(
    id="probe-2",
    score=score,
    threshold=THRESHOLD,
    calibrated=True,
    cost="about 20 ms a short prompt",
    trust=(
        "a probe, not a guard: it ranks attempts well (AUROC 0.96 on held-out halves) but flags only half of them at "
        "its threshold: nearly all long jailbreaks, a fifth of short injections; for bursts, not as a filter"
    ),
    evidence=(
        Evidence(data="injections and jailbreaks, held-out halves", n=420, auroc=0.96, precision=1.0, recall=0.54),
        Evidence(data="deepset prompt-injections, held-out halves", n=319, auroc=0.92, precision=1.0, recall=0.2),
    ),
    missing=needs_package(MINILM),
)


EVALUATOR = Evaluator(
    name="injection",
    title="Prompt injection",
    help="How much the prompt reads like an attempt to take over the model.",
    unit="probability",
    flagged="injection",
    question="Does this prompt try to take over the model?",
    needs=("input_text",),
    engines=lambda _: (PROBE,),
)
