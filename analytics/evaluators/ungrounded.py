"""Ungrounded content: how far the answer goes beyond what it was given. A proxy for hallucination, not its rate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analytics.context import context_of
from analytics.evaluator import Engine, Evaluator, Evidence, ScoringSettings, Subject, Verdict, threshold_of
from analytics.grounding import Grounding, grounding

# 95 % of the supported answers of eight public sets stay below (the ninth, chatty dialogue, does not).
THRESHOLD = 0.75
SHOWN_CHARS = 300


def score(subjects: Sequence[Subject], settings: ScoringSettings) -> list[Verdict]:
    threshold = threshold_of("ungrounded", settings, THRESHOLD)
    return [_verdict(subject, threshold) for subject in subjects]


def _verdict(subject: Mapping[str, Any], threshold: float) -> Verdict:
    context = context_of(subject)
    found = grounding(subject["output_text"], context)
    if found is None:
        why = "no retrieved document and no quoted context was recorded" if not context else "no words to compare"
        return Verdict(value=None, label="not_measurable", explanation=why)
    return Verdict(
        value=float(np.clip(found.mean, 0, 1)),
        label="ungrounded" if found.mean >= threshold else "grounded",
        explanation=_explained(found),
    )


def _explained(found: Grounding) -> str:
    return (
        f"least supported: “{found.worst_sentence[:SHOWN_CHARS]}” (word pairs not in the context "
        f"{found.novel_bigrams:.0%}, words out of its order {found.unshared_sequence:.0%}, "
        f"sentences without a match {found.unmatched_sentences:.0%})"
    )


LEXICAL = Engine(
    id="lexical-1",
    score=score,
    batch=256,
    threshold=THRESHOLD,
    cost="about 0.5 ms a call",
    trust=(
        "mean AUROC 0.78 over nine labelled sets (0.97 on answers from a given text, 0.64 on hard summaries): "
        "good for trends, not for judging one answer; close paraphrase looks ungrounded, and so does correct knowledge "
        "from elsewhere"
    ),
    evidence=(
        Evidence(data="BEGIN, Wizard of Wikipedia", n=558, auroc=0.91, precision=0.96, recall=0.54),
        Evidence(data="BEGIN, CMU-DoG", n=155, auroc=0.97, precision=1.0, recall=0.78),
        Evidence(data="BEGIN, TopicalChat", n=187, auroc=0.92, precision=1.0, recall=0.48),
        Evidence(data="Q², dialogue", n=528, auroc=0.65, precision=0.51, recall=0.64),
        Evidence(data="WiCE, claims", n=166, auroc=0.66, precision=0.86, recall=0.34),
        Evidence(data="QAGS, CNN/DM summaries", n=113, auroc=0.86, precision=1.0, recall=0.02),
        Evidence(data="QAGS, XSum summaries", n=121, auroc=0.66, precision=1.0, recall=0.03),
        Evidence(data="FaithBench, hard summaries", n=440, auroc=0.64, precision=0.65, recall=0.05),
        Evidence(data="summaries of many models, machine labels", n=338, auroc=0.79, precision=0.79, recall=0.31),
    ),
)

EVALUATOR = Evaluator(
    name="ungrounded",
    title="Ungrounded answers",
    help="Share of the answer that is found neither in retrieved documents nor in context quoted in the prompt.",
    unit="share of the answer",
    flagged="ungrounded",
    question="Does this answer say what its context does not?",
    needs=("output_text",),
    reads=("retrieved", "system_text", "input_messages", "input_text"),
    engines=lambda _: (LEXICAL,),
)
