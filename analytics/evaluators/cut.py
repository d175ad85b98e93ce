"""Answers that stop before they are done."""

import re
from collections.abc import Sequence

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Subject, Verdict

CUT = frozenset({"length", "max_tokens", "max_output_tokens", "incomplete", "MAX_TOKENS"})
MIN_WORDS = 12  # titles, names and numbers end without a mark
# Prose ends in a mark; so do code, lists of short items, links and tables in marks of their own.
ENDED = re.compile(r"[.!?…:;。！？।؟)\]}>\"'”’»`*_|~=\d%€$#-]\s*\Z|[^\w\s,]\s*\Z")
# A comma or a word that needs another one after it.
HANGING = re.compile(
    r"(?:,|\b(?:a|an|the|and|or|but|of|to|for|with|in|on|at|by|from|is|are|was|were|that|which|because|if|und|oder|der|"
    r"die|das|ein|eine|mit|von|zu|et|ou|le|la|les|de|des|un|une|y|el|los|con|para|que))\s*\Z",
    re.IGNORECASE,
)


def score(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [_verdict(subject["output_text"], subject["finish_reason"]) for subject in subjects]


def _verdict(text: str, reason: str | None) -> Verdict:
    if reason in CUT:
        return Verdict(value=1.0, label="cut", explanation=f"ended by {reason}")
    last = text.rstrip().rpartition("\n")[2]
    if len(last.split()) >= MIN_WORDS and not ENDED.search(last[-80:]) and HANGING.search(last[-80:]):
        return Verdict(value=1.0, label="cut", explanation=f"ends in “{last[-60:]}”")
    return Verdict(value=0.0, label="ended")


EVALUATOR = Evaluator(
    name="cut",
    title="Cut answers",
    help="The answer stopped at the token limit, or in the middle of a sentence.",
    unit="share of calls",
    flagged="cut",
    question="Does this answer stop before it is done?",
    needs=("output_text",),
    reads=("finish_reason",),
    engines=lambda _: (
        Engine(
            id="rules-1",
            score=score,
            batch=512,
            cost="nothing",
            trust="exact where the client says why the answer ended; else only sentences that end in a word like “the”",
        ),
    ),
)
