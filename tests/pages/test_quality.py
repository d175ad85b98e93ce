"""The Quality page: every evaluator on it, how far each can be trusted, and what people say of its calls."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from analytics.evaluator import evaluators
from analytics.scoring import score
from leeway.workers import Inline
from store import reviews
from store.audit import recent_changes
from store.evaluations import add_feedback
from store.model import Status
from store.scoring import adopted_threshold, parked
from tests.pages.conftest import make_calls, said, visit


@pytest.mark.parametrize("name", evaluators())
def test_an_evaluator_appears_by_its_file_alone(world, now, name):
    """Its rate, its chart, how far to trust it, its calls, its review: nothing but its file names it."""
    evaluator = evaluators()[name]
    world(make_calls(120, now=now))
    for tab in ("Flagged calls", "By prompt version", "Review", "Scoring"):
        test = visit("quality", score=evaluator.flagged.replace("_", " "), below=tab, range="7d", reviewer="ana")
        assert not test.exception
        assert not test.error
        assert evaluator.title in said(test)
    assert evaluator.help.replace("'", "&#x27;") in said(test)


def test_evaluators_flag_with_labels_of_their_own():
    flags = [evaluator.flagged for evaluator in evaluators().values()]
    assert len(set(flags)) == len(flags)
    assert all(evaluator.title and evaluator.help for evaluator in evaluators().values())


def test_a_rate_stands_beside_how_sure_it_is(world, now):
    world(make_calls(240, now=now))
    text = said(visit("quality", range="7d"))
    assert re.search(r"1\d\.\d %", text)
    assert re.search(r"\d\.\d+–1\d\.\d %", text)
    assert "95 % interval" in text


def test_without_labels_the_page_asks_for_thirty(world, now):
    world(make_calls(60, now=now))
    assert "label 30 under *Review*" in said(visit("quality", score="toxic"))


def toxic_calls(runtime, n):
    """What the small world holds: toxic and fine answers, newest first."""
    return runtime.store.read(
        "SELECT call_id, event_time, flagged FROM data.evaluations WHERE name = 'toxicity' "
        "ORDER BY flagged DESC, call_id LIMIT $n",
        {"n": n},
    ).to_dicts()


def test_labels_make_an_agreement_and_a_threshold_that_is_adopted_with_a_click(world, now):
    runtime = world(make_calls(240, now=now))
    for row in toxic_calls(runtime, 60):
        reviews.add_label(
            runtime.store, call_id=row["call_id"], event_time=row["event_time"], name="toxicity",
            said=row["flagged"], label="toxic", how=reviews.BY_CHANCE, reviewer="ana", now=now,
        )  # fmt: skip
    test = visit("quality", score="toxic", range="7d")
    assert "You agree in 60 of 60" in said(test)
    adopt = next(button for button in test.button if button.label.startswith("Adopt"))
    assert adopt.label == "Adopt 0.90"
    adopt.click().run()
    assert not test.exception
    assert adopted_threshold(runtime.store, "toxicity/probe-1") == (0.9, "dashboard")
    assert recent_changes(runtime.store)["action"][0] == "scores.threshold"
    assert "adopted here" in said(visit("quality", score="toxic", range="7d"))


def test_too_few_labels_are_refused_with_how_many_are_needed(world, now):
    runtime = world(make_calls(240, now=now))
    for row in toxic_calls(runtime, 4):
        reviews.add_label(
            runtime.store, call_id=row["call_id"], event_time=row["event_time"], name="toxicity",
            said=True, label="toxic", how=reviews.BY_CHANCE, reviewer="ana", now=now,
        )  # fmt: skip
    assert "Label at least 7 more flagged calls" in said(visit("quality", score="toxic", range="7d"))


def test_a_reviewer_judges_one_call_after_the_other(world, now):
    runtime = world(make_calls(60, now=now))
    test = visit("quality", score="toxic", below="Review", range="7d", reviewer="ana")
    assert "Is this answer toxic?" in said(test)
    for key in ("agree", "disagree", "skip"):
        test.button(key=key).click().run()
        assert not test.exception
    told = reviews.labels(runtime.store, "toxicity", label="toxic")
    assert [one["said"] == one["flagged"] for one in told] == [True, False]
    assert {one["reviewer"] for one in told} == {"ana"}
    assert "ana 2" in said(test)


def test_two_reviewers_see_how_far_they_agree(world, now):
    runtime = world(make_calls(60, now=now))
    for reviewer in ("ana", "ben"):
        for row in toxic_calls(runtime, 12):
            reviews.add_label(
                runtime.store, call_id=row["call_id"], event_time=row["event_time"], name="toxicity",
                said=row["flagged"], label="toxic", how=reviews.BY_CHANCE, reviewer=reviewer, now=now,
            )  # fmt: skip
    assert "ana and ben" in said(visit("quality", score="toxic", below="Review", range="7d", reviewer="ana"))


def test_feedback_stands_by_session(world, now):
    runtime = world(make_calls(60, now=now))
    add_feedback(runtime.store, call_id="call-0003", name="thumb", label="down", comment="<b>wrong</b>", now=now)
    text = said(visit("quality", below="Feedback", range="7d"))
    assert "session-3" in text
    assert "wrong" in text
    assert "100 % of what was said is negative (n = 1)" in text


def test_calls_that_were_given_up_are_listed_and_tried_again(world, now):
    runtime = world(make_calls(20, now=now))
    with runtime.store.transaction() as tx:
        tx.execute(
            "INSERT INTO data.scoring_attempts VALUES ('call-0003', 'refusal/phrases-1', 3, true, 'SIGSEGV', $now)",
            {"now": now},
        )
    test = visit("quality", below="Scoring")
    assert "SIGSEGV" in said(test)
    test.button(key="unpark").click().run()
    assert parked(runtime.store).is_empty()
    assert "No call was given up" in said(test)


def test_an_evaluator_scores_again_when_asked(world, now):
    runtime = world(make_calls(20, now=now))
    settings = runtime.settings.scoring.model_copy(update={"off": ("toxicity", "relevance", "injection")})
    first = score(runtime.store, Inline(), settings, now=now)
    test = visit("quality", below="Scoring")
    test.selectbox(key="again").select("refusal").run()
    next(button for button in test.button if button.label == "Score again").click().run()
    assert not test.exception
    second = score(runtime.store, Inline(), settings, now=runtime.now() + timedelta(seconds=1))
    assert second["refusal"] == first["refusal"]
    assert "empty" not in second


def test_a_gap_between_groups_is_told_in_a_sentence(world, now):
    """One prompt in four speaks of women and gets long answers; one speaks of Sikhs, which says nothing."""
    calls = make_calls(240, now=now)
    told = [
        replace(call, input_text="shoes for women", output_text="a long answer " * 9) if i % 4 == 1 else call
        for i, call in enumerate(calls)
    ]
    told[2] = replace(told[2], input_text="I am a Sikh")
    world(told)
    text = said(visit("quality", below="By group mentioned", range="7d"))
    assert "prompts that mention **women** are answered at greater length" in text
    assert "too few" in text


@pytest.mark.parametrize(
    ("prompts", "said_of_it"),
    [
        (["order 5"], "No prompt of this range mentions a group"),
        (["shoes for women"], "Fewer than 30 prompts mention no group"),
        (["order 5"] * 20 + ["shoes for women"], "too few to tell"),
        (["order 5", "order 6", "shoes for women"], "**No clear gap**"),
    ],
)
def test_where_no_gap_is_clear_the_page_says_why(world, now, prompts, said_of_it):
    calls = make_calls(240, now=now, output_text="an answer")
    world([replace(call, input_text=prompts[i % len(prompts)]) for i, call in enumerate(calls)])
    test = visit("quality", below="By group mentioned", range="7d")
    assert not test.error
    assert said_of_it in said(test)


def test_answers_that_contradict_one_another_stand_side_by_side(world, now):
    """Each leads to both calls, and a change of model between them is told."""
    first, second = make_calls(2, now=now, input_text="How long is a refund?", status=Status.OK)
    world([replace(first, output_text="It takes 14 days."), replace(second, output_text="It takes 30 days.")])
    test = visit("quality", below="Contradictions", range="7d")
    assert not test.error
    row = test.dataframe[-1].value.iloc[0].tolist()
    assert {"14 day", "30 day", "trace?call=call-0000", "trace?call=call-0001"} <= {*row}
    assert "1 of them after a change of model" in said(test)


def test_where_no_answers_contradict_one_another_the_page_says_so(world, now):
    world(make_calls(40, now=now))
    text = said(visit("quality", below="Contradictions", range="7d"))
    assert "No answers contradict one another" in text
