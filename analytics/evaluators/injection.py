"""Prompt injection and jailbreak attempts: a probe over the prompt's embedding and its turns of phrase."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from analytics.cues import CUES, cues
from analytics.encoder import ENCODER, encode
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
from analytics.models import MINILM
from store.errors import ConfigError

WEIGHTS = Path(__file__).parent / "weights" / "injection.json"
THRESHOLD = 0.76  # flags less than 1 in 200 ordinary prompts

Features = npt.NDArray[np.float32]


def features(texts: Sequence[str]) -> Features:
    """What the probe weighs: a row of embedding and cues for each text."""
    return np.hstack((encode(texts), cues(texts)))


def score(subjects: Sequence[Subject], settings: ScoringSettings) -> list[Verdict]:
    threshold = threshold_of("injection", settings, THRESHOLD)
    weights, intercept = _probe()
    texts = [subject["input_text"] for subject in subjects]
    values = 1 / (1 + np.exp(-(features(texts) @ weights + intercept)))
    return [_verdict(text, float(value), threshold) for text, value in zip(texts, values, strict=True)]


def _verdict(text: str, value: float, threshold: float) -> Verdict:
    if value < threshold:
        return Verdict(value=value, label="ordinary")
    said = ", ".join(name for name, found in zip(CUES, cues([text])[0], strict=True) if found)
    return Verdict(value=value, label="injection", explanation=f"probe; {said or 'reads like attempts'}")


@cache
def _probe() -> tuple[npt.NDArray[np.float64], float]:
    content = orjson.loads(WEIGHTS.read_bytes())
    if content["encoder"] != ENCODER or content["cues"] != list(CUES):
        raise ConfigError(f"{WEIGHTS}: not trained for {ENCODER} and today's cues; train it again")
    return np.array(content["weights"]), float(content["intercept"])


PROBE = Engine(
    id="probe-1",
    score=score,
    threshold=THRESHOLD,
    calibrated=True,
    cost="about 20 ms a short prompt",
    trust=(
        "a probe, not a guard: it ranks attempts well (AUROC 0.93 on held-out halves) but flags only half of them at "
        "its threshold: nearly all long jailbreaks, not a quarter of short injections; for bursts, not as a filter"
    ),
    evidence=(
        Evidence(data="injections and jailbreaks, held-out halves", n=420, auroc=0.93, precision=1.0, recall=0.54),
        Evidence(data="deepset prompt-injections, held-out halves", n=319, auroc=0.87, precision=1.0, recall=0.23),
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
