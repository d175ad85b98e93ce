"""Ungrounded content: how far the answer goes beyond what it was given. A proxy for hallucination, not its rate."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from analytics.context import context_of
from analytics.encoder import encode
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
from analytics.grounding import Grounding, grounding, judged, with_meaning
from analytics.models import entailment
from analytics.models.folder import manifest
from analytics.models.minilm import MINILM
from store.errors import ConfigError

# 95 % of the supported answers of eight public sets stay below (the ninth, chatty dialogue, does not).
THRESHOLD = 0.55
NLI_THRESHOLD = 0.5
SHOWN_CHARS = 300
MOST_SAID = 32  # sentences of an answer that a model looks at; the others are held against the context by their words

TRUST = (
    "mean AUROC 0.80 over nine labelled sets (0.98 on answers from a given text, 0.63 on hard summaries): good for "
    "trends, not for judging one answer; free paraphrase looks ungrounded, and so does right knowledge from elsewhere"
)

Measure = Callable[[Sequence[Grounding]], Iterable[Grounding]]


def score_by(measure: Measure, default: float, subjects: Sequence[Subject], settings: ScoringSettings) -> list[Verdict]:
    threshold = threshold_of("ungrounded", settings, default)
    compared = [grounding(subject["output_text"], context_of(subject)) for subject in subjects]
    measured = iter(measure([found for found in compared if found]))
    return [
        _verdict(next(measured), threshold) if found else _not_measurable(subject)
        for subject, found in zip(subjects, compared, strict=True)
    ]


def _not_measurable(subject: Subject) -> Verdict:
    why = "no words to compare" if context_of(subject) else "no retrieved document and no quoted context was recorded"
    return Verdict(value=None, label="not_measurable", explanation=why)


def _verdict(found: Grounding, threshold: float) -> Verdict:
    value = float(np.clip(found.mean, 0, 1))
    label = "ungrounded" if value >= threshold else "grounded"
    measures = ", ".join(f"{what} {share:.0%}" for what, share in found.measures.items())
    explanation = f"least supported: “{found.worst_sentence[:SHOWN_CHARS]}” ({measures})"
    return Verdict(value=value, label=label, explanation=explanation)


def by_meaning(compared: Sequence[Grounding]) -> Iterator[Grounding]:
    """Add the likeness of each sentence to the context sentence that it is closest to, of those with like words."""
    pairs = [[(said, found.near(i)) for i, said in enumerate(found.said[:MOST_SAID])] for found in compared]
    texts = list(dict.fromkeys(text for told in pairs for said, near in told for text in (said, *near)))
    vectors = dict(zip(texts, encode(texts), strict=True))
    for found, told in zip(compared, pairs, strict=True):
        best = [max(float(vectors[said] @ vectors[other]) for other in near) for said, near in told]
        yield with_meaning(found, np.clip(best, 0, 1).tolist())


def by_inference(folder: Path, compared: Sequence[Grounding]) -> Iterator[Grounding]:
    """Ask a model of the user's own whether each sentence follows from the context sentences next to it."""
    judge = entailment.loaded(folder)
    pairs = [(" ".join(found.near(i)), said) for found in compared for i, said in enumerate(found.said[:MOST_SAID])]
    follows = iter(entailment.support(judge, *zip(*pairs, strict=True)).tolist() if pairs else ())
    for found in compared:
        yield judged(found, [next(follows) for _ in found.said[:MOST_SAID]])


LEXICAL = Engine(
    id="lexical-2",
    score=partial(score_by, iter, THRESHOLD),
    batch=256,
    threshold=THRESHOLD,
    cost="about 1 ms a call",
    trust=f"by its words alone: {TRUST}",
    evidence=(
        Evidence(data="BEGIN, Wizard of Wikipedia", n=558, auroc=0.92, precision=0.95, recall=0.58),
        Evidence(data="BEGIN, CMU-DoG", n=155, auroc=0.98, precision=1.0, recall=0.77),
        Evidence(data="BEGIN, TopicalChat", n=187, auroc=0.92, precision=0.99, recall=0.51),
        Evidence(data="Q², dialogue", n=528, auroc=0.67, precision=0.51, recall=0.68),
        Evidence(data="WiCE, claims", n=166, auroc=0.73, precision=0.94, recall=0.29),
        Evidence(data="QAGS, CNN/DM summaries", n=113, auroc=0.83, precision=1.0, recall=0.02),
        Evidence(data="QAGS, XSum summaries", n=121, auroc=0.73, precision=1.0, recall=0.02),
        Evidence(data="FaithBench, hard summaries", n=440, auroc=0.64, precision=0.62, recall=0.06),
        Evidence(data="summaries of many models, machine labels", n=338, auroc=0.81, precision=0.78, recall=0.36),
    ),
)

MEANING = Engine(
    id="minilm-2",
    score=partial(score_by, by_meaning, THRESHOLD),
    batch=128,
    threshold=THRESHOLD,
    cost="about 10 ms for each new sentence",
    trust=f"by its words and the likeness of its sentences: {TRUST}",
    evidence=(
        Evidence(data="BEGIN, Wizard of Wikipedia", n=558, auroc=0.92, precision=0.96, recall=0.54),
        Evidence(data="BEGIN, CMU-DoG", n=155, auroc=0.98, precision=1.0, recall=0.79),
        Evidence(data="BEGIN, TopicalChat", n=187, auroc=0.92, precision=0.99, recall=0.54),
        Evidence(data="Q², dialogue", n=528, auroc=0.67, precision=0.54, recall=0.64),
        Evidence(data="WiCE, claims", n=166, auroc=0.72, precision=0.96, recall=0.21),
        Evidence(data="QAGS, CNN/DM summaries", n=113, auroc=0.85, precision=1.0, recall=0.02),
        Evidence(data="QAGS, XSum summaries", n=121, auroc=0.72, recall=0.0),
        Evidence(data="FaithBench, hard summaries", n=440, auroc=0.63, precision=0.61, recall=0.04),
        Evidence(data="summaries of many models, machine labels", n=338, auroc=0.81, precision=0.83, recall=0.33),
    ),
    missing=needs_package(MINILM),
)


def _nli(folder: Path) -> Engine:
    try:
        told, wrong = manifest(folder), None
    except ConfigError as error:
        told, wrong = None, str(error)
    return Engine(
        id=told.id if told else "nli",
        score=partial(score_by, partial(by_inference, folder), NLI_THRESHOLD),
        batch=16,
        threshold=NLI_THRESHOLD,
        cost="a reading of up to 512 tokens for each sentence of the answer",
        trust=(
            "a model of your own: how well it tells supported from unsupported answers was not measured here; "
            "label some calls under Review to see"
        ),
        missing=lambda settings: wrong or needs_package("transformers")(settings),
    )


def _engines(settings: ScoringSettings) -> tuple[Engine, ...]:
    return (_nli(settings.nli), MEANING, LEXICAL) if settings.nli else (MEANING, LEXICAL)


EVALUATOR = Evaluator(
    name="ungrounded",
    title="Ungrounded answers",
    help="Share of the answer that is found neither in retrieved documents nor in context quoted in the prompt.",
    unit="share of the answer",
    flagged="ungrounded",
    question="Does this answer say what its context does not?",
    needs=("output_text",),
    reads=("retrieved", "system_text", "input_messages", "input_text"),
    engines=_engines,
)
