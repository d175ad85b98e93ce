"""Answers that contradict one another, and near misses that do not."""

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analytics.consistency import MOST, Answer, contradicting, contradiction, contradictions
from analytics.encoder import ENCODER
from store.calls import append_calls, call_table
from store.embeddings import DIMENSIONS, append_vectors
from store.model import ContentState, LLMCall, Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def answer(prompt: str, text: str, at: int = 0, model: str = "a") -> Answer:
    return Answer(call_id=f"c{at}", event_time=NOON + timedelta(minutes=at), model=model, prompt=prompt, text=text)


@pytest.mark.parametrize(
    ("one", "other", "about", "said"),
    [
        ("Refunds take 14 days.", "A refund takes 30 days.", "number", ("14 day", "30 day")),
        ("It costs $1,200.", "It costs $900 a year.", "number", ("1200 $", "900 $")),
        ("It ends on 5 March 2026.", "It ends on 12 March 2026.", "date", ("5 march 2026", "12 march 2026")),
        ("Yes, it is.", "No, it is not.", "yes or no", ("yes", "no")),
        ("You cannot return it.", "You can return it.", "yes or no", ("you cannot", "you can")),
    ],
)
def test_a_contradiction_is_named(one, other, about, said):
    found = contradiction(answer("How is it?", one), answer("How is it?", other))
    assert found is not None
    assert (found.about, found.said) == (about, said)


@pytest.mark.parametrize(
    ("prompt", "one", "again", "other"),
    [
        ("Where is order 4711?", "It takes 3 days.", "Where is order 4712?", "It takes 5 days."),
        ("What is the fee in Germany?", "It is $5.", "What is the fee in France?", "It is $8."),
        ("Can I return it?", "Yes.", "Can I not return it?", "No."),
        ("How long?", "It takes 14 days.", "How long?", "It takes 3 steps."),
        ("How long?", "It takes 14 days.", "How long?", "It takes 14 days, at most 2 weeks."),
        ("How long?", "It takes 3 days, with customs 9 days.", "How long?", "It takes 3 days."),
        ("Can I?", "You cannot do that.", "Can I?", "You can't do that."),
        ("When?", "On 5 March, or on 7 March.", "When?", "On 5 March."),
        ("Can you?", "Yes, gladly.", "Can you?", "No problem, here it is."),
        ("Can I?", "Yes, you can.", "Can I?", "There is no limit."),
    ],
)
def test_near_misses_are_none(prompt, one, again, other):
    assert contradiction(answer(prompt, one), answer(again, other)) is None
    assert contradiction(answer(again, other), answer(prompt, one)) is None


def test_like_prompts_are_found_by_text_and_by_vector_and_a_changed_model_is_told():
    answers = [
        answer("How long does a refund take?", "14 days", 0),
        answer("how long does a refund take", "30 days", 1, model="b"),
        answer("Until when is my money back?", "60 days", 2, model="b"),
        answer("How heavy is it?", "90 days", 3),
    ]  # fmt: skip
    vectors = np.zeros((4, 2), np.float32)
    vectors[1], vectors[2], vectors[3] = (1, 0), (0.96, 0.28), (0, 1)
    found = contradicting(answers, vectors)
    assert [(one.first.call_id, one.second.call_id) for one in found] == [("c1", "c2"), ("c0", "c1")]
    assert [one.model_changed for one in found] == [False, True]


def test_stored_vectors_bring_like_prompts_together(store):
    calls = [
        LLMCall(
            call_id=f"c{i}", source="t", event_time=NOON + timedelta(minutes=i), content_state=ContentState.FULL,
            input_text=prompt, output_text=f"It takes {i + 2} days.",
        )
        for i, prompt in enumerate(("How long is a refund?", "How long are refunds?", "How long is a delivery?"))
    ]  # fmt: skip
    vectors = np.zeros((2, DIMENSIONS), np.float32)
    vectors[:, 0] = 1
    hashes = [hashlib.md5(str(call.input_text).encode(), usedforsecurity=False).hexdigest() for call in calls[:2]]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOON))
    append_vectors(store, ENCODER, hashes, vectors, now=NOON)
    (found,) = contradictions(store, Window(start=NOON, end=NOON + timedelta(hours=1)), {})
    assert (found.first.call_id, found.second.call_id, found.said) == ("c0", "c1", ("2 day", "3 day"))


def test_only_the_newest_pairs_are_told():
    answers = [answer("How long?", f"{i} days", i) for i in range(MOST + 10)]
    found = contradicting(answers, np.zeros((len(answers), 2), np.float32))
    assert len(found) == MOST
    assert found[0].second.call_id == f"c{MOST + 9}"
