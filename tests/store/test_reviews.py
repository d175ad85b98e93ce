"""What people say of calls, and which calls they are asked about."""

from datetime import UTC, datetime, timedelta

import pytest

from store import reviews
from store.calls import append_calls, call_table
from store.connection import Store
from store.evaluations import add_feedback, append_evaluations
from store.model import Evaluation, LLMCall, Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = Window(start=NOON - timedelta(hours=1), end=NOON + timedelta(hours=12))
NAMES = ("toxicity",)


@pytest.fixture
def scored(store: Store) -> Store:
    """Twenty calls in four sessions; the first four are flagged."""
    calls = [
        LLMCall(call_id=f"c{n:02}", source="t", event_time=NOON + timedelta(minutes=n), session_id=f"s{n % 4}")
        for n in range(20)
    ]
    said = [
        Evaluation(
            call_id=call.call_id, event_time=call.event_time, name="toxicity", evaluator="toxicity/probe-1",
            value=0.9 if n < 4 else 0.1, label="toxic" if n < 4 else "fine", flagged=n < 4, created_at=NOON,
        )
        for n, call in enumerate(calls)
    ]  # fmt: skip
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOON))
        append_evaluations(tx, said)
    return store


def queued(store: Store, reviewer: str = "ana") -> dict[str, str]:
    rows = reviews.queue(store, "toxicity", DAY, reviewer=reviewer, names=NAMES)
    return dict(rows.select("call_id", "reason").rows())


def label(store: Store, call_id: str, said: bool, reviewer: str = "ana", how: str = reviews.BY_CHANCE) -> None:
    reviews.add_label(
        store, call_id=call_id, event_time=NOON, name="toxicity", said=said, label="toxic", how=how,
        reviewer=reviewer, now=NOON + timedelta(hours=1),
    )  # fmt: skip


def test_calls_by_chance_are_flagged_and_not_in_turn(scored: Store):
    rows = reviews.queue(scored, "toxicity", DAY, reviewer="ana", names=NAMES)
    assert rows["flagged"][:8].to_list() == [False, True] * 4
    assert set(rows["reason"]) == {reviews.BY_CHANCE}


def test_a_call_that_feedback_contradicts_comes_first(scored: Store):
    add_feedback(scored, call_id="c00", name="thumb", label="up", now=NOON)
    add_feedback(scored, call_id="c01", name="thumb", value=0, now=NOON)
    add_feedback(scored, call_id="c19", name="rating", value=0.0, now=NOON)
    add_feedback(scored, call_id="c18", name="stars", value=4, now=NOON)
    found = queued(scored)
    assert found["c00"] == reviews.LIKED
    assert found["c19"] == reviews.DISLIKED
    assert found["c01"] == found["c18"] == reviews.BY_CHANCE


def test_what_a_reviewer_has_labelled_goes_to_the_other_one(scored: Store):
    label(scored, "c05", said=True)
    assert "c05" not in queued(scored, "ana")
    assert queued(scored, "ben")["c05"] == reviews.ANOTHER_OPINION
    told = reviews.labels(scored, "toxicity", label="toxic")
    assert [(one["reviewer"], one["said"], one["flagged"]) for one in told] == [("ana", True, False)]


def test_texts_that_drift_found_novel_are_in_the_queue(scored: Store):
    with scored.transaction() as tx:
        tx.execute(
            """
            INSERT INTO data.comparisons BY NAME
            SELECT 'novelty' AS detector, 'input_text' AS subject, 'pinned' AS basis,
                $at AS reference_start, $at AS reference_end,
                $at AS current_start, $at + INTERVAL 1 HOUR AS current_end, 1 AS n_reference, 1 AS n_current,
                $at AS created_at, '{"novel": [{"call_id": "c07", "novelty": 2}]}' AS details
            """,
            {"at": NOON},
        )
    assert queued(scored)["c07"] == reviews.NOVEL


def test_a_label_from_elsewhere_counts_by_its_word_or_its_value(scored: Store):
    add_feedback(scored, call_id="c00", name="toxicity", label="toxic", user="ana", now=NOON)
    add_feedback(scored, call_id="c01", name="toxicity", label="fine", user="ana", now=NOON)
    add_feedback(scored, call_id="c02", name="toxicity", value=1, user="ana", now=NOON)
    told = reviews.labels(scored, "toxicity", label="toxic")
    assert {one["call_id"]: one["said"] for one in told} == {"c00": True, "c01": False, "c02": True}


def test_thumbs_are_counted_by_session_the_unhappiest_first(scored: Store):
    for call_id, word in (("c00", "up"), ("c01", "down"), ("c05", "down"), ("c02", "up")):
        add_feedback(scored, call_id=call_id, name="thumb", label=word, comment=f"about {call_id}", now=NOON)
    add_feedback(scored, call_id="c03", name="toxicity", label="toxic", now=NOON)
    rows = reviews.sessions(scored, DAY, names=NAMES)
    assert rows.select("session_id", "up", "down").rows() == [("s1", 0, 2), ("s0", 1, 0), ("s2", 1, 0)]
