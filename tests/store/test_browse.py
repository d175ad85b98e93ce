"""Looking at calls one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from store import browse
from store.browse import Order, Quick, Selection
from store.calls import append_calls, call_table
from store.evaluations import append_evaluations
from store.model import Evaluation, LLMCall, Status, Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = Window(start=NOON - timedelta(hours=12), end=NOON + timedelta(hours=12))


@pytest.fixture
def filled(store):
    calls = [
        LLMCall(
            call_id=f"c{number}", source="test", event_time=NOON + timedelta(minutes=number), latency_ms=100.0 * number,
            output_tokens=50 - number, status=Status.ERROR if number == 3 else Status.OK, model="m", trace_id="t",
            input_text=f"Where is parcel {number}?", error_message="Boom" if number == 3 else None,
        )
        for number in range(10)
    ]  # fmt: skip
    scores = [
        Evaluation(
            call_id="c5", event_time=NOON + timedelta(minutes=5), name="toxicity", evaluator="toxicity/probe-1",
            value=value, label=label, flagged=label == "toxic", created_at=NOON + timedelta(hours=hour),
        )
        for hour, value, label in ((1, 0.1, "fine"), (2, 0.9, "toxic"))
    ]  # fmt: skip
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOON))
        append_evaluations(tx, scores)
    return store


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({}, [f"c{number}" for number in range(9, -1, -1)]),
        ({"quick": Quick.ERRORS}, ["c3"]),
        ({"quick": "toxic"}, ["c5"]),
        ({"quick": "fine"}, []),
        ({"quick": Quick.SLOW}, ["c9"]),
        ({"search": "PARCEL 7"}, ["c7"]),
        ({"search": "boom"}, ["c3"]),
        ({"search": "c4"}, ["c4"]),
        ({"filters": {"model": ("other",)}}, []),
        ({"window": Window(start=NOON, end=NOON + timedelta(minutes=2))}, ["c1", "c0"]),
    ],
)
def test_a_selection_holds_what_it_says(filled, chosen, ids):
    selection = Selection(**{"window": DAY, **chosen})
    assert browse.page(filled, selection)["call_id"].to_list() == ids
    assert browse.count(filled, selection) == len(ids)


@pytest.mark.parametrize(("order", "first"), [(Order.NEWEST, "c9"), (Order.SLOWEST, "c9"), (Order.LONGEST, "c0")])
def test_pages_follow_one_another_in_the_chosen_order(filled, order, first):
    selection = Selection(window=DAY)
    pages = [browse.page(filled, selection, order=order, limit=4, offset=offset) for offset in (0, 4, 8)]
    ids = [call_id for page in pages for call_id in page["call_id"]]
    assert ids[0] == first
    assert len(set(ids)) == 10


def test_the_newest_score_flags_a_call(filled):
    page = browse.page(filled, Selection(window=DAY, search="c5"))
    assert page["flags"].to_list() == [["toxic"]]
    assert browse.scores(filled, "c5", NOON)["label"].to_list() == ["toxic"]


def test_every_call_has_the_one_before_and_after_it(filled):
    selection = Selection(window=DAY)
    at = NOON + timedelta(minutes=4)
    assert browse.neighbours(filled, selection, call_id="c4", at=at) == ("c3", "c5")
    assert browse.neighbours(filled, selection, call_id="c0", at=NOON) == (None, "c1")
    only_errors = Selection(window=DAY, quick=Quick.ERRORS)
    assert browse.neighbours(filled, only_errors, call_id="c4", at=at) == ("c3", None)


def test_a_call_is_found_by_its_id_or_as_the_first_of_its_trace(filled):
    assert browse.call(filled, call_id="c2")["input_text"] == "Where is parcel 2?"
    assert browse.call(filled, trace_id="t")["call_id"] == "c0"
    assert browse.call(filled, call_id="none") is None
    assert browse.calls_of_trace(filled, "t", NOON).height == 10


def test_an_export_stops_at_its_limit(filled, monkeypatch):
    monkeypatch.setattr(browse, "EXPORT_ROWS", 3)
    selection = Selection(window=DAY)
    assert sum(page.height for page in browse.pages(filled, selection, limit=100)) == 10
    assert sum(page.height for page in browse.pages(filled, selection, limit=5)) == 5
