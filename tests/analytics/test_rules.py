"""What the evaluators without a model say of a call: leaks, languages, searches, cut answers."""

import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.evaluator import ScoringSettings, Verdict
from analytics.evaluators import cut, language, pii, retrieval
from analytics.leaks import hidden, iban, kinds_in, luhn
from tests.eval.planted import PLANTED, planted

SETTINGS = ScoringSettings()
AT = datetime(2026, 3, 1, tzinfo=UTC)
ENGLISH = "Please tell me when my parcel is going to arrive, I have been waiting for a week."
GERMAN = "Ihr Paket ist unterwegs und wird voraussichtlich am Donnerstag bei Ihnen ankommen."


@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_planted_is_found_by_its_kind_and_never_repeated(kind: str):
    rng = random.Random(kind)
    for _ in range(20):
        secret = PLANTED[kind](rng)
        (verdict,) = pii.score([{"output_text": f"Sure, it is {secret}"}], SETTINGS)
        assert verdict.label == "pii"
        assert kind in (verdict.explanation or "")
        assert secret not in (verdict.explanation or "")
    assert any(kind in kinds_in(planted(kind, rng)) for _ in range(5))


@pytest.mark.parametrize(
    "text",
    [
        "The order 4111 1111 1111 1112 has a wrong checksum.",
        "DE89 3704 0044 0532 0130 01 is no account, and XX12 3456 7890 1234 no country.",
        "Version 2.10.4 of 2026-03-01 took 12:30:45 and 1,234,567 rows; see std::vector, 999.1.1.1 and 127.0.0.1.",
        "Set sk-... or OPENAI_API_KEY, write to @support, or call 112.",
        "::::::::",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str):
    assert pii.score([{"output_text": text}], SETTINGS)[0] == Verdict(value=0.0, label="nothing_found")


def test_checksums_are_checked():
    assert luhn("4111 1111 1111 1111")
    assert not luhn("4111 1111 1111 1112")
    assert kinds_in("4111 1111 1111 1111 12/27") == ["card number"]
    assert kinds_in("41111111111111111234") == []
    assert iban("GB82 WEST 1234 5698 7654 32 AND MORE")
    assert not iban("GB82 WEST")


@given(st.text(max_size=500))
def test_any_text_can_be_looked_at(text: str):
    assert isinstance(kinds_in(text), list)


@pytest.mark.ml
@pytest.mark.parametrize(
    ("asked", "answered", "label"),
    [
        (ENGLISH, GERMAN, "language_mismatch"),
        (ENGLISH, ENGLISH, "same_language"),
        (f"Translate this: {ENGLISH}", GERMAN, "not_measurable"),
        (ENGLISH, "Am Donnerstag.", "not_measurable"),
        (ENGLISH, f"```\n{GERMAN}\n```", "not_measurable"),
    ],
)
def test_an_answer_in_another_language_is_told_from_one_that_was_asked_for(asked: str, answered: str, label: str):
    assert language.score([{"input_text": asked, "output_text": answered}], SETTINGS)[0].label == label


@pytest.mark.parametrize(
    ("documents", "label"),
    [
        ([], "empty_retrieval"),
        ({"documents": []}, "empty_retrieval"),
        ([{"content": "a", "score": 0.9}, {"content": "b", "score": 0.4}], "retrieved"),
        ([{"content": "a", "score": 0.9}, {"content": "b", "score": 0.895}], "flat"),
        ([{"content": "a", "metadata": {"updated_at": "2023-05-01"}}], "stale"),
        ([{"content": "a", "updated_at": "2026-02-01T00:00:00Z"}, "plain"], "retrieved"),
        ([{"content": "a", "date": "last spring"}], "retrieved"),
    ],
)
def test_searches_that_bring_nothing_or_nothing_new_are_told(documents: object, label: str):
    (verdict,) = retrieval.score([{"retrieved": json.dumps(documents), "started_at": AT}], SETTINGS)
    assert (verdict.label, verdict.value) == (label, float(label == "empty_retrieval"))


def test_documents_that_are_plain_text_count_and_without_a_time_nothing_is_stale():
    (plain, old) = retrieval.score(
        [
            {"retrieved": "a note", "started_at": AT},
            {"retrieved": json.dumps([{"content": "a", "date": "2001-01-01"}]), "started_at": None},
        ],
        SETTINGS,
    )
    assert (plain.label, old.label) == ("retrieved", "retrieved")


LONG = "The pump runs at nine bar and stops when the pressure reaches the limit of"


@pytest.mark.parametrize(
    ("text", "reason", "label"),
    [
        ("It is because", "length", "cut"),
        (LONG, "stop", "cut"),
        (LONG, None, "cut"),
        (f"{LONG} ten.", "stop", "ended"),
        ("Nine bar", "stop", "ended"),
        (f"{LONG}\n- ten bar", None, "ended"),
    ],
)
def test_answers_that_stop_too_early_are_cut(text: str, reason: str | None, label: str):
    assert cut.score([{"output_text": text, "finish_reason": reason}], SETTINGS)[0].label == label


def test_what_is_found_can_be_hidden():
    text = "Mail ana@acme.com or pay with 4111 1111 1111 1111, order 4111 1111 1111 1112."
    shown = hidden(text)
    assert kinds_in(shown) == []
    assert shown.startswith("Mail [")
    assert "order 4111 1111 1111 1112" in shown
