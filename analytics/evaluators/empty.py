"""Empty answers."""

from collections.abc import Sequence

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Subject, Verdict
from store.model import ContentState

NO_WORDS = ("null", "none", "n/a", "{}", "[]", '""', "...", "…")


def score(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [_verdict(subject) for subject in subjects]


def _verdict(subject: Subject) -> Verdict:
    if subject["content_state"] == ContentState.PARTIAL:
        return Verdict(value=None, label="not_measurable", explanation="the answer was not recorded")
    text = (subject["output_text"] or "").strip()
    if not text.strip("\u200b\ufeff") or text.lower() in NO_WORDS:
        if subject["tool_calls"]:
            return Verdict(value=0.0, label="tool_call")
        return Verdict(value=1.0, label="empty")
    return Verdict(value=0.0, label="said")


EVALUATOR = Evaluator(
    name="empty",
    title="Empty answers",
    help="The call succeeded but said nothing; calls that asked for a tool instead are fine.",
    unit="share of calls",
    flagged="empty",
    question="Is this answer empty?",
    needs=(),
    reads=("output_text", "tool_calls", "content_state"),
    engines=lambda _: (
        Engine(
            id="rules-1",
            score=score,
            batch=512,
            cost="nothing",
            trust="exact, where the content of the answer was recorded",
        ),
    ),
)
