"""What the filter pickers offer."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics import rollup
from store import facets
from store.calls import append_calls, call_table
from store.errors import ConfigError
from store.model import LLMCall, Window

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def filled(store):
    calls = [
        LLMCall(
            call_id=str(i), source="t", event_time=NOW - i * HOUR, model=model, prompt_name=prompt, prompt_version=v
        )
        for i, (model, prompt, v) in enumerate(
            [("a", "answer", "1"), ("b", "answer", "2"), ("b", "answer", "2"), (None, None, None), ("old", None, None)]
        )
    ]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOW + HOUR))
    return store


def test_values_come_with_their_calls_most_used_first_and_only_from_the_window(filled):
    found = facets.values(filled, "model", Window(start=NOW - 3 * HOUR, end=NOW + HOUR))
    assert found.rows() == [("b", 2), ("a", 1)]
    assert facets.values(filled, "model", Window(start=NOW - 3 * HOUR, end=NOW + HOUR), limit=1).height == 1


@pytest.mark.parametrize("rebuilt", [True, False])
def test_a_long_range_offers_the_same_values_whether_rolled_up_yet_or_not(filled, rebuilt):
    if rebuilt:
        rollup.refresh(filled, now=NOW)
    found = facets.values(filled, "model", Window(start=NOW - 90 * HOUR, end=NOW + HOUR))
    assert found.rows() == [("b", 2), ("a", 1), ("old", 1)]


def test_prompts_come_with_their_versions(filled):
    found = facets.prompts(filled, Window(start=NOW - 3 * HOUR, end=NOW + HOUR))
    assert found.select("prompt_name", "prompt_version", "calls").rows() == [("answer", "2", 2), ("answer", "1", 1)]


def test_the_extent_says_how_far_the_data_reaches_and_how_fresh_it_is(filled):
    assert facets.extent(filled) == facets.Extent(calls=5, first_at=NOW - 4 * HOUR, last_at=NOW, ingested_at=NOW + HOUR)


def test_an_empty_database_has_no_extent(store):
    assert facets.extent(store) == facets.Extent(calls=0, first_at=None, last_at=None, ingested_at=None)


def test_only_dimensions_can_be_asked_for(store):
    with pytest.raises(ConfigError, match="'output_text'"):
        facets.values(store, "output_text", Window(start=NOW, end=NOW))
