"""What calls cost, and how far to trust it."""

from datetime import date, timedelta

import genai_prices
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from analytics import price_list
from analytics.prices import PriceOverride, PriceSettings, in_force, price_calls
from store.model import Window

LIST = PriceSettings()
ONE = {"provider": "openai", "request_model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100}


def costs(store) -> dict[str, tuple[float | None, str]]:
    rows = store.read("SELECT call_id, cost_usd, cost_status FROM data.calls").iter_rows()
    return {call_id: (cost, status) for call_id, cost, status in rows}


def own(**given: object) -> PriceSettings:
    return PriceSettings(overrides=(PriceOverride.model_validate({"input_mtok": 1, "output_mtok": 2, **given}),))


def test_every_call_gets_a_status_and_unknown_cost_is_never_zero(store, now, add):
    add(
        {**ONE, "call_id": "listed"},
        {**ONE, "call_id": "alike", "request_model": "acme-gpt-4o-eu"},
        {**ONE, "call_id": "told", "request_model": "our-own", "reported_cost_usd": 0.5},
        {**ONE, "call_id": "told and listed", "reported_cost_usd": 0.5},
        {**ONE, "call_id": "told and alike", "request_model": "acme-gpt-4o-eu", "reported_cost_usd": 0.5},
        {**ONE, "call_id": "unknown", "request_model": "our-own"},
        {**ONE, "call_id": "no input", "input_tokens": None},
        {**ONE, "call_id": "no output", "output_tokens": None},
        {"call_id": "nothing"},
    )
    assert price_calls(store, LIST, now=now) == {"priced": 2, "guessed": 1, "reported": 2, "unpriced": 4}
    assert costs(store) == {
        "listed": (pytest.approx(0.0035), "priced"),
        "alike": (pytest.approx(0.0035), "guessed"),
        "told": (0.5, "reported"),
        "told and listed": (pytest.approx(0.0035), "priced"),
        "told and alike": (0.5, "reported"),
        "unknown": (None, "unpriced"),
        "no input": (None, "unpriced"),
        "no output": (None, "unpriced"),
        "nothing": (None, "unpriced"),
    }
    assert price_calls(store, LIST, now=now) == {"priced": 0, "guessed": 0, "reported": 0, "unpriced": 0}


@pytest.mark.parametrize(
    ("provider", "model", "status"),
    [
        ("openai", "gpt-4o-2024-08-06", "priced"),
        ("anthropic", "claude-sonnet-4-5-20250929", "priced"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "priced"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0", "priced"),
        ("mistral_ai", "mistral-large-latest", "priced"),
        ("x_ai", "grok-4", "priced"),
        ("openai", "text-embedding-3-small", "priced"),
        (None, "gpt-4o-mini", "priced"),
        (None, "openai/gpt-4o", "guessed"),
        ("openrouter", "anthropic/claude-3-5-sonnet", "guessed"),
        ("azure", "gpt-4o-prod", "guessed"),
        ("openai", "gpt-4o-2031-01-01", "guessed"),
        ("our-gateway", "gpt-4", "guessed"),
        ("openai", "gpt-9", None),
        ("azure", "support-answers", None),
        ("ollama", "llama3.1:8b", None),
        (None, "my-large-model", None),
    ],
)
def test_names_that_people_use_find_their_price(provider, model, status):
    entry = price_list.entry(provider, model)
    assert (entry.status.value if entry else None) == status
    assert entry is None or entry.model.id in entry.source


def test_the_entry_that_a_price_came_from_is_named(store, now, add):
    add({**ONE, "request_model": "acme-gpt-4o-eu"})
    price_calls(store, LIST, now=now)
    assert store.one("SELECT source FROM data.prices").endswith(": openai/gpt-4o")


MODELS = (
    ("openai", "gpt-4o"), ("openai", "gpt-4o-audio-preview"), ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"), ("google", "gemini-2.5-flash"), ("deepseek", "deepseek-chat"),
    ("openai", "text-embedding-3-small"),
)  # fmt: skip
counts = st.integers(0, 500_000)


@given(
    usages=st.lists(
        st.tuples(st.sampled_from(MODELS), counts, counts, counts, counts, st.integers(0, 200 * 24 * 60)), min_size=1
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_costs_are_those_of_the_price_list_cached_tokens_tiers_and_hours_included(store, now, add, usages):
    with store.transaction() as tx:
        tx.execute("DELETE FROM data.calls")
    expected = []
    for (provider, model), plain, read, written, output, minutes in usages:
        at = now - timedelta(minutes=minutes)
        usage = {"input_tokens": plain + read + written, "cache_read_tokens": read, "output_tokens": output}
        if written:
            usage["cache_write_tokens"] = written
        add({"provider": provider, "response_model": model, "event_time": at, **usage})
        total = genai_prices.calc_price(
            genai_prices.Usage(**usage), model, provider_id=provider, genai_request_timestamp=at
        ).total_price
        expected.append(float(total))
    price_calls(store, LIST, now=now)
    found = store.read("SELECT cost_usd FROM data.calls ORDER BY try_cast(substr(call_id, 2) AS BIGINT)")["cost_usd"]
    assert found.to_list() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_audio_has_its_own_price(store, now, add):
    add({"provider": "openai", "response_model": "gpt-4o-audio-preview", "input_tokens": 1000, "output_tokens": 500,
         "input_audio_tokens": 400, "output_audio_tokens": 300})  # fmt: skip
    price_calls(store, LIST, now=now)
    usage = genai_prices.Usage(
        input_tokens=1000, output_tokens=500, input_audio_tokens=400, output_audio_tokens=300
    )  # fmt: skip
    expected = genai_prices.calc_price(usage, "gpt-4o-audio-preview", provider_id="openai").total_price
    assert store.one("SELECT cost_usd FROM data.calls") == pytest.approx(float(expected))


def test_subsets_that_exceed_the_whole_never_make_a_cost_negative(store, now, add):
    add({**ONE, "input_tokens": 100, "cache_read_tokens": 900, "cache_write_tokens": 900, "output_audio_tokens": 900})
    price_calls(store, LIST, now=now)
    assert store.one("SELECT cost_usd FROM data.calls") == pytest.approx((100 * 1.25 + 100 * 10) / 1e6)


def test_the_model_that_answered_is_billed_not_the_name_it_was_asked_by(store, now, add):
    add({**ONE, "provider": "azure", "request_model": "our-deployment", "response_model": "gpt-4o-2024-08-06"})
    assert price_calls(store, LIST, now=now)["priced"] == 1


def test_own_prices_come_before_the_list_from_their_day_on(store, now, add):
    day = timedelta(days=1)
    prices = PriceSettings(
        overrides=(
            PriceOverride.model_validate(
                {"model": "GPT-4o*", "input_mtok": 1, "output_mtok": 0, "from": now.date() - day}
            ),
            PriceOverride(model="gpt-4o", provider="OpenAI", input_mtok=2, output_mtok=0),
            PriceOverride(model="gpt-4o", provider="azure", input_mtok=9, output_mtok=9, since=now.date()),
            PriceOverride(model="house-*", input_mtok=10, output_mtok=0, cache_read_mtok=1, cache_write_mtok=20),
        )
    )
    add(
        {**ONE, "call_id": "new"},
        {**ONE, "call_id": "old", "event_time": now - 5 * day},
        {**ONE, "call_id": "house", "request_model": "house-7", "cache_read_tokens": 500, "cache_write_tokens": 100},
    )  # fmt: skip
    price_calls(store, prices, now=now)
    assert costs(store) == {
        "new": (pytest.approx(0.001), "priced"),
        "old": (pytest.approx(0.002), "priced"),
        "house": (pytest.approx((400 * 10 + 500 * 1 + 100 * 20) / 1e6), "priced"),
    }
    sources = set(store.read("SELECT source FROM data.prices")["source"])
    assert sources == {f"own price: GPT-4o* from {now.date() - day}", "own price: gpt-4o", "own price: house-*"}


def test_when_own_prices_change_exactly_the_calls_they_touch_are_priced_again(store, now, add):
    models = {"a": "gpt-4o", "b": "gpt-4o-mini", "c": "house"}
    add(*({**ONE, "call_id": call_id, "request_model": model} for call_id, model in models.items()))
    assert price_calls(store, LIST, now=now)["unpriced"] == 1
    assert price_calls(store, own(model="gpt-4o"), now=now) == {"priced": 1, "guessed": 0, "reported": 0, "unpriced": 0}
    assert costs(store)["a"][0] == pytest.approx(0.0012)
    assert price_calls(store, own(model="house"), now=now)["priced"] == 2
    assert costs(store)["a"][0] == pytest.approx(0.0035)
    assert costs(store)["c"][0] == pytest.approx(0.0012)
    assert store.one("SELECT count(*) FROM data.prices") == 3


def test_priced_hours_are_marked_for_the_rollup_once(store, now, add):
    add(ONE, {**ONE, "event_time": now - timedelta(hours=5)})
    with store.transaction() as tx:
        tx.execute("DELETE FROM data.dirty_hours")
    price_calls(store, LIST, now=now)
    assert store.read("FROM data.dirty_hours").height == 2


def test_the_price_table_says_what_is_in_force_and_since_which_day(store, now, add):
    add(*({**ONE, "event_time": now - timedelta(days=days)} for days in range(3)))
    add({**ONE, "provider": "google", "request_model": "gemini-2.5-pro"}, {**ONE, "request_model": "house"})
    price_calls(store, LIST, now=now)
    table = in_force(store, Window(start=now - timedelta(days=7), end=now + timedelta(days=1)))
    told = table.select("model", "calls", "unpriced_calls", "status", "day", "tier_start", "input_mtok").rows()
    assert told == [
        ("gpt-4o", 3, 0, "priced", now.date(), 0, 2.5),
        ("gemini-2.5-pro", 1, 0, "priced", now.date(), 0, 1.25),
        ("gemini-2.5-pro", 1, 0, "priced", now.date(), 200_000, 2.5),
        ("house", 1, 1, "unpriced", now.date(), 0, None),
    ]


@pytest.mark.parametrize("wrong", [{"input_mtok": -1}, {"per_token": 1}])
def test_a_wrong_own_price_is_refused(wrong):
    with pytest.raises(ValidationError):
        own(model="m", **wrong)


def test_a_price_that_changes_by_the_hour_has_a_row_for_each_stretch():
    entry = price_list.entry("deepseek", "deepseek-chat")
    assert entry is not None
    rows = list(price_list.rows(entry, date(2026, 3, 1)))
    assert [(row["from_minute"], row["to_minute"]) for row in rows] == [(0, 30), (30, 990), (990, 1440)]
