"""Each page in each state a user can meet it in."""

from pathlib import Path

import pytest

from tests.pages.conftest import PAGES, make_calls, said, visit

STATES_NO_DATA = ("overview", "calls", "cost", "quality", "drift")
FILTERED = ("overview", "calls", "cost", "quality")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_with_data(world, now, page):
    world(make_calls(240, now=now))
    test = visit(page, call="call-0003")
    assert not test.exception
    assert not test.error


@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_without_any_data(world, page):
    world()
    test = visit(page)
    assert not test.exception
    assert not test.error
    if page in STATES_NO_DATA:
        assert "No calls yet" in [heading.value for heading in test.subheader]
        assert "leeway demo" in said(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_with_few_calls_and_no_rate_of_them(world, now, page):
    world(make_calls(5, now=now))
    test = visit(page, range="7d")
    assert not test.exception
    assert not test.error
    if page == "overview":
        assert "too few for a rate" in said(test)


@pytest.mark.parametrize("page", FILTERED)
def test_a_page_that_matches_nothing_offers_to_clear_the_filters(world, now, page):
    world(make_calls(60, now=now))
    test = visit(page, model="nobody-called-this")
    assert "No calls match" in said(test)
    test.button[0].click().run()
    assert not test.exception
    assert "No calls match" not in said(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_whose_database_is_damaged_says_so_and_shows_no_traceback(world, now, page):
    runtime = world(make_calls(40, now=now))
    with runtime.store.transaction() as tx:
        tx.execute("ALTER TABLE data.calls RENAME TO lost")
    test = visit(page, call="call-0003")
    assert not test.exception
    assert test.error
    assert "Reload the page" in test.error[0].value


def test_the_menu_holds_every_page_there_is():
    there = {path.stem for path in Path("pages").glob("*.py")} - {"__init__", "_shell"}
    assert there == set(PAGES)
