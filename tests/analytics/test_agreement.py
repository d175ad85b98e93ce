"""How far evaluators and people agree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.agreement import ENOUGH, agreement, pairs, proposal
from analytics.interval import wilson
from store.reviews import BY_CHANCE, NOVEL

verdicts = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def labelled(n: int, said: bool, *, flagged: bool = True, value: float = 0.8, how: str = BY_CHANCE, **more: Any) -> Any:
    start = more.pop("start", 0)
    return [
        {"call_id": f"{flagged}-{value}-{start + i}", "reviewer": "ana", "said": said, "how": how, "value": value,
         "flagged": flagged, **more}
        for i in range(n)
    ]  # fmt: skip


def test_odd_cases_are_left_out_of_the_agreement():
    found = agreement(
        labelled(8, said=True) + labelled(2, said=False, start=8) + labelled(5, said=False, flagged=False)
        + labelled(3, said=False, value=0.7, how=NOVEL)
    )  # fmt: skip
    assert (found.flagged.right, found.flagged.n) == (8, 10)
    assert (found.passed.right, found.passed.n) == (5, 5)
    assert (found.both.right, found.both.n, found.odd) == (13, 15, 3)


def test_without_labels_nothing_is_known():
    assert agreement([]).both.value is None
    assert agreement([]).both.interval == (0.0, 1.0)
    assert ENOUGH == 30


def test_a_threshold_is_proposed_once_labels_make_it_sure():
    labels = labelled(20, said=False, value=0.6) + labelled(40, said=True, value=0.9)
    found = proposal(labels, 0.9, low=False)
    assert found.threshold == 0.9
    assert (found.precision.right, found.precision.n) == (40, 40)
    assert proposal(labels, 0.5, low=False).threshold == 0.6


def test_too_few_labels_are_refused_with_the_number_that_is_needed():
    found = proposal(labelled(10, said=True, value=0.9), 0.8, low=False)
    assert (found.threshold, found.needed) == (None, 1)
    assert proposal(labelled(11, said=True, value=0.9), 0.8, low=False).threshold == 0.9
    assert proposal([], 0.95, low=False).needed == 52
    wrong = proposal(labelled(30, said=False), 0.8, low=False)
    assert wrong.threshold is None
    assert wrong.needed >= 11


def test_where_low_values_are_flagged_the_threshold_lies_below():
    labels = labelled(20, said=False, value=0.14) + labelled(40, said=True, value=0.05)
    assert proposal(labels, 0.9, low=True).threshold == pytest.approx(0.05)


def test_calls_that_are_not_flagged_say_nothing_of_a_threshold():
    assert proposal(labelled(100, said=True, flagged=False), 0.5, low=False).threshold is None


def two(said: list[tuple[bool, bool]]) -> list[dict[str, Any]]:
    return [
        {"call_id": str(i), "reviewer": name, "said": says, "how": None}
        for i, both in enumerate(said)
        for name, says in zip(("ana", "ben"), both, strict=True)
    ]


def test_kappa_is_that_of_cohens_example():
    """Cohen's kappa of the textbook table 20, 5, 10, 15 is 0.4."""
    said = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    (pair,) = pairs(two(said))
    assert (pair.n, pair.agreed, pair.kappa) == (50, pytest.approx(0.7), pytest.approx(0.4))


@given(verdicts)
def test_kappa_does_not_depend_on_the_order_of_reviewers(said: list[tuple[bool, bool]]):
    (one,) = pairs(two(said))
    (other,) = pairs(two([(b, a) for a, b in said]))
    assert one.kappa == (other.kappa if other.kappa is None else pytest.approx(other.kappa))
    assert one.kappa is None or -1 <= one.kappa <= 1


def test_reviewers_without_a_call_in_common_have_no_kappa():
    assert pairs(labelled(3, said=True) + labelled(3, said=True, value=0.1, start=9)) == []
    apart = [{"call_id": str(i), "reviewer": str(i), "said": True, "how": None} for i in range(3)]
    assert pairs(apart) == []


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share_and_narrows_with_more_calls(right: int, n: int):
    share = min(right, n) / n
    wide, narrow = wilson(share, n), wilson(share, 4 * n)
    assert 0 <= wide.low <= share + 1e-9
    assert share - 1e-9 <= wide.high <= 1
    assert narrow.high - narrow.low < wide.high - wide.low
