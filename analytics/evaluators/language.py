"""Answers in another language than the prompt's."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Subject, Verdict, needs_package

MIN_LETTERS = 40  # of fewer, the library errs too often
SURE = 0.95
MOST_CHARS = 2000
# Code, addresses and markup are English in every language.
NO_PROSE = re.compile(r"```.{0,20000}?(?:```|\Z)|`[^`\n]{1,200}`|https?://\S{1,500}|<[^<>]{1,200}>", re.DOTALL)
# Whoever asks for another language gets it.
ASKS_FOR_ONE = re.compile(
    r"\b(?:translat\w{0,6}|übersetz\w{0,6}|tradu\w{0,8}|traduz\w{0,6}|vertaal\w{0,4}|"
    r"(?:in|into|to|auf|en|em|ins) (?:english|german|french|spanish|italian|portuguese|dutch|chinese|japanese|russian|"
    r"arabic|englisch|deutsch|französisch|spanisch|anglais|allemand|espagnol|français|inglés|alemán|francés|español))\b",
    re.IGNORECASE,
)


def score(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [_verdict(subject["input_text"], subject["output_text"]) for subject in subjects]


def _verdict(asked: str, answered: str) -> Verdict:
    if ASKS_FOR_ONE.search(asked[:MOST_CHARS]):
        return Verdict(value=None, label="not_measurable", explanation="the prompt speaks of a language")
    theirs, ours = language_of(asked), language_of(answered)
    if theirs is None or ours is None:
        return Verdict(value=None, label="not_measurable", explanation="too short, or in no language for certain")
    if theirs == ours:
        return Verdict(value=0.0, label="same_language", explanation=ours)
    return Verdict(value=1.0, label="language_mismatch", explanation=f"asked in {theirs}, answered in {ours}")


def language_of(text: str) -> str | None:
    """The ISO 639-1 code; None where the prose is too short or the library is not sure."""
    prose = NO_PROSE.sub(" ", text[: 2 * MOST_CHARS])[:MOST_CHARS]
    if sum(map(str.isalpha, prose)) < MIN_LETTERS:
        return None
    code, probability = _identifier().classify(prose)
    return str(code) if probability >= SURE else None


@cache
def _identifier() -> Any:
    from py3langid import langid  # noqa: PLC0415 - reads its model; only in workers

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


EVALUATOR = Evaluator(
    name="language",
    title="Answers in another language",
    help="The answer is in another language than the prompt, which did not ask for one.",
    unit="share of calls",
    flagged="language_mismatch",
    question="Is this answer in the wrong language?",
    needs=("input_text", "output_text"),
    engines=lambda _: (
        Engine(
            id="py3langid-1",
            score=score,
            batch=256,
            cost="about 1 ms a call",
            trust="sure of sentences of forty letters or more; close relatives (Danish, Norwegian) may be confused",
            missing=needs_package("py3langid"),
        ),
    ),
)
