"""The URL is the state: what it says is what a page shows."""

from datetime import UTC, datetime, timedelta

import pytest

from pages.parts import filters, links
from store.model import Window
from tests.pages.conftest import make_calls, said, visit


def counted(test) -> str:
    """The line of the Calls page that says how many there are."""
    return next(text.value for text in test.markdown if text.value.endswith(("calls", "call")))


@pytest.mark.parametrize(
    ("query", "sql"),
    [
        ({"range": "7d"}, "true"),
        ({"range": "7d", "model": "gpt-4o"}, "model = 'gpt-4o'"),
        ({"range": "7d", "model": "gpt-4o,acme-7b"}, "model IN ('gpt-4o', 'acme-7b')"),
        ({"range": "7d", "prompt": "reply"}, "prompt_name = 'reply'"),
        ({"range": "7d", "prompt": "reply@v2", "tenant": "south"}, "prompt_version = 'v2' AND tenant = 'south'"),
        ({"range": "7d", "user": "user-3", "environment": "production"}, "user_id = 'user-3'"),
        ({"range": "7d", "quick": "errors"}, "status = 'error'"),
        ({"range": "7d", "quick": "unpriced"}, "cost_status = 'unpriced'"),
        ({"range": "7d", "quick": "toxic"}, "call_id IN (SELECT call_id FROM evaluations WHERE label = 'toxic')"),
        ({"range": "7d", "q": "question 17"}, "contains(input_text, 'question 17')"),
        ({"range": "7d", "q": "session-3"}, "session_id = 'session-3'"),
    ],
)
def test_calls_shows_as_many_as_the_url_asks_for(world, now, query, sql):
    runtime = world(make_calls(200, now=now))
    expected = runtime.store.one(f"SELECT count(*) FROM calls WHERE {sql}")  # noqa: S608 - ours
    test = visit("calls", **query)
    assert not test.exception
    assert counted(test).startswith(f"**{expected:,}**")


def test_absolute_times_win_and_end_before_their_end(world, now):
    runtime = world(make_calls(200, now=now))
    start, end = now - timedelta(hours=20), now - timedelta(hours=10)
    sql = "SELECT count(*) FROM calls WHERE event_time >= $start AND event_time < $end"
    window = Window(start=start.replace(microsecond=0), end=end.replace(microsecond=0))
    expected = runtime.store.one(sql, {"start": window.start, "end": window.end})
    test = visit("calls", **{"from": links.at(start), "to": links.at(end)})
    assert counted(test).startswith(f"**{expected:,}**")


def test_sql_in_a_search_finds_nothing_and_breaks_nothing(world, now):
    world(make_calls(60, now=now))
    test = visit("calls", range="7d", q="'); DROP TABLE data.calls; --")
    assert not test.exception
    assert not test.error
    assert "No calls match" in said(test)


@pytest.mark.parametrize(
    "query", [{"from": "yesterday", "to": "today"}, {"from": "2026-02-01", "to": "2026-01-01"}, {}]
)
def test_times_that_make_no_window_fall_back_to_the_range(query):
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert filters.window_of({**query, "range": "6h"}, now) == Window(start=now - timedelta(hours=6), end=now)


def test_a_chart_is_cut_so_that_each_point_rests_on_enough_calls():
    day = Window(start=datetime(2026, 5, 1, tzinfo=UTC), end=datetime(2026, 5, 2, tzinfo=UTC))
    choice = filters.Choice(window=day, filters={})
    assert choice.bucket(1_000_000) == timedelta(minutes=15)
    assert choice.bucket(500) == timedelta(hours=1)
    assert choice.bucket(3) == timedelta(hours=2)


def test_a_slice_goes_into_the_url_and_comes_back():
    slice_ = {"model": "gpt-4o", "prompt_name": "reply", "prompt_version": "v2", "tenant": None}
    query = links.sliced(slice_)
    assert query == {"model": "gpt-4o", "prompt": "reply@v2", "tenant": "", "user": "", "environment": ""}
    assert filters.filters_of(query) == {
        "model": ("gpt-4o",),
        "prompt_name": ("reply",),
        "prompt_version": ("v2",),
    }


def test_what_is_drawn_over_in_a_chart_becomes_the_range_in_whole_minutes():
    window = filters.brushed(["2026-03-10 12:41:20.5", "2026-03-10 10:02:59"])
    assert window == Window(
        start=datetime(2026, 3, 10, 10, 2, tzinfo=UTC), end=datetime(2026, 3, 10, 12, 41, tzinfo=UTC)
    )


def test_a_stroke_shorter_than_a_minute_is_no_range():
    assert filters.brushed(["2026-03-10 10:02:10", "2026-03-10 10:02:40"]) is None
