"""Answers by the group of people that a prompt mentions."""

import random
import re
from datetime import UTC, datetime, timedelta
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.identities import GROUPS, patterns
from analytics.identity import FEW, Measured, compared, identity
from analytics.interval import newcombe, welch
from store.calls import append_calls, call_table
from store.evaluations import append_evaluations
from store.mentions import LENGTH, NONE
from store.model import ContentState, Evaluation, LLMCall, Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = Window(start=NOON - timedelta(hours=1), end=NOON + timedelta(hours=12))
shares = st.floats(0, 1)
sizes = st.integers(1, 5000)


def drawn(rng: random.Random, n: int, *, refused: float = 0.05, length: float = 5.0) -> dict[str, Measured]:
    lengths = [rng.gauss(length, 0.8) for _ in range(n)]
    mean = sum(lengths) / n
    return {
        **{name: Measured(n=n, mean=sum(rng.random() < refused for _ in range(n)) / n)
           for name in ("refusal", "toxicity")},
        LENGTH: Measured(n=n, mean=mean, variance=sum((one - mean) ** 2 for one in lengths) / (n - 1)),
    }  # fmt: skip


def test_without_a_gap_one_is_rarely_called_clear():
    rng = random.Random(4)
    worlds = 150
    alarms = 0
    for _ in range(worlds):
        told = [(f"g{i}", n, drawn(rng, n)) for i, n in enumerate((30, 60, 120))]
        alarms += bool(compared([(NONE, 600, drawn(rng, 600)), *told]).clear)
    assert alarms <= worlds * 0.06  # three measures, one in a hundred each, and chance on top


@pytest.mark.parametrize("measure", ["refusal", "toxicity", LENGTH])
def test_a_planted_gap_is_found_and_only_that(measure):
    rng = random.Random(5)
    planted = {**drawn(rng, 200), measure: drawn(rng, 200, refused=0.25, length=4.5)[measure]}
    found = compared([(NONE, 2000, drawn(rng, 2000)), ("a", 200, planted), ("b", 200, drawn(rng, 200))])
    assert [(name, which) for name, which, _ in found.clear] == [("a", measure)]


def test_more_groups_at_once_ask_for_more_certainty():
    none, one = (NONE, 500, {"refusal": Measured(n=500, mean=0.05)}), {"refusal": Measured(n=100, mean=0.15)}
    alone = compared([none, ("a", 100, one)]).groups[0].gaps["refusal"].interval
    among = compared([none, *((f"g{i}", 100, one) for i in range(20))]).groups[0].gaps["refusal"].interval
    assert among.low < alone.low < alone.high < among.high


def test_too_few_calls_are_not_compared_and_cost_the_others_nothing():
    none, one = (NONE, 500, {"refusal": Measured(n=500, mean=0.05)}), {"refusal": Measured(n=100, mean=0.15)}
    few = [(f"few{i}", FEW - 1, {"refusal": Measured(n=FEW - 1, mean=1.0)}) for i in range(20)]
    found = compared([none, ("a", 100, one), *few])
    assert found.groups[0] == compared([none, ("a", 100, one)]).groups[0]
    assert all(group.few and not group.gaps for group in found.groups[1:])


def test_with_nothing_to_compare_with_there_is_no_gap():
    assert not compared([("a", 100, {"refusal": Measured(n=100, mean=1.0)})]).groups[0].gaps
    assert compared([]).groups == ()


@given(shares, sizes, shares, sizes)
def test_newcombes_interval_holds_the_difference_and_turns_with_it(p: float, n: int, q: float, m: int):
    there, back = newcombe((p, n), (q, m)), newcombe((q, m), (p, n))
    assert there.low - 1e-9 <= p - q <= there.high + 1e-9
    assert there == pytest.approx((-back.high, -back.low))


def test_intervals_are_those_of_the_literature():
    assert newcombe((56 / 70, 70), (48 / 80, 80)) == pytest.approx((0.0524, 0.3339), abs=1e-4)  # Newcombe 1998, (a)
    half = 2.0452 * (2 / 30 + 1e-12) ** 0.5  # t of 29 degrees of freedom: the other side is as good as known
    assert welch((1.0, 2.0, 30), (0.0, 1e-9, 1000)) == pytest.approx((1 - half, 1 + half), abs=1e-3)
    assert welch((1.0, 0.0, 30), (0.5, 0.0, 30)) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("prompt", "groups"),
    [
        ("My MUSLIM neighbours asked", {"Muslims"}),
        ("two black women and a rabbi", {"Black people", "women", "Jews"}),
        ("a black jacket, an old phone and a straight line to Turkey", set()),
        ("the manual says management, mention, blindly, jewel, gayety", set()),
        ("Refugees in a wheelchair", {"immigrants", "disabled people"}),
    ],
)
def test_words_count_whole_and_only_where_they_speak_of_people(prompt, groups):
    assert {group for group, pattern in patterns().items() if re.search(pattern, prompt)} == groups


def test_the_lists_hold_plain_words_only():
    assert all(re.fullmatch("[a-z -]+", word) for words in GROUPS.values() for word in words)


def test_calls_are_sorted_by_what_their_prompts_mention(store):
    """Women are refused half of the time, others never; failed calls and prompts without text do not count."""
    prompts = ["a dress for women", "a dress"]
    calls = [
        LLMCall(
            call_id=f"c{i:03}", source="t", event_time=NOON + timedelta(minutes=i), content_state=ContentState.FULL,
            input_text=prompts[i % 2] if i < 190 else None, output_text="x" * (20 if i % 2 else 10),
        )
        for i in range(200)
    ]  # fmt: skip
    said = [
        Evaluation(
            call_id=call.call_id, event_time=call.event_time, name="refusal", evaluator="refusal/phrases-1", value=0.0,
            label="refusal" if i % 4 == 0 else "answered", flagged=i % 4 == 0, created_at=NOON,
        )
        for i, call in enumerate(calls)
    ]  # fmt: skip
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOON))
        append_evaluations(tx, said)
    found = identity(store, DAY, {})
    assert found.none is not None
    assert (found.none.calls, [group.name for group in found.groups]) == (95, ["women"])
    assert found.groups[0].measured["refusal"].mean == pytest.approx(48 / 95)
    assert found.groups[0].measured["refusal"].n == pytest.approx(95)
    assert found.groups[0].gaps[LENGTH].difference == pytest.approx(-log(2))
    assert {measure for _, measure, _ in found.clear} == {"refusal", LENGTH}
    assert identity(store, DAY, {"model": ["other"]}).none is None
