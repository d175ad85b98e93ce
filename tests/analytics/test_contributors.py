"""Who made a number move."""

from datetime import timedelta

import numpy as np
import pytest

from analytics import window as w
from analytics.contributors import contributors
from store.model import Status, Window

SEEDS = range(5)


def planted(columns: dict, rng: np.random.Generator) -> tuple[dict[str, str], np.ndarray]:
    """Choose one slice of one dimension, and the calls in it."""
    dimension = str(rng.choice(["tenant", "model", "provider", "service", "environment"]))
    value = str(rng.choice([v for v in set(columns[dimension]) if v is not None]))
    return {dimension: value}, np.array([v == value for v in columns[dimension]])


def harmed(metric: str, columns: dict, hit: np.ndarray, rng: np.random.Generator) -> dict:
    """Make a metric worse for the calls that are hit."""
    if metric == "error_rate":
        failing = hit & (rng.random(len(hit)) < 0.3)
        return {**columns, "status": np.where(failing, "error", columns["status"])}
    if metric == "latency_p95":
        return {**columns, "latency_ms": np.where(hit, columns["latency_ms"] * 4, columns["latency_ms"])}
    column = {"cost_usd": "cost_usd", "cost_per_call": "cost_usd", "output_tokens_per_call": "output_tokens"}[metric]
    return {**columns, column: np.where(hit, columns[column] * 3, columns[column])}


@pytest.mark.parametrize("metric", ["cost_usd", "cost_per_call", "error_rate", "latency_p95", "output_tokens_per_call"])
def test_the_slice_that_got_worse_comes_out_first(store, now, add_traffic, make_traffic, metric):
    found = {}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        window = Window(start=now - timedelta(days=seed + 1), end=now - timedelta(days=seed, hours=12))
        add_traffic(make_traffic(seed, window.before(), 2500))
        calm = make_traffic(100 + seed, window, 2500)
        slice_, hit = planted(calm, rng)
        add_traffic(harmed(metric, calm, hit, rng))
        first = contributors(store, metric, window, window.before())[0]
        found[seed] = (slice_, dict(first.slice))
        assert first.excess > 0.3
    assert [first for _, first in found.values()] == [slice_ for slice_, _ in found.values()]


def test_a_prompt_version_that_is_new_is_named_with_its_prompt(store, now, add):
    window = w.last(w.HOUR, now)
    for at, version, tokens in ((now - timedelta(minutes=90), "v6", 100), (now - timedelta(minutes=30), "v7", 300)):
        for tenant in ("a", "b"):
            add(*({"event_time": at, "prompt_name": "answer", "prompt_version": version, "tenant": tenant,
                   "output_tokens": tokens},) * 40)  # fmt: skip
            add(*({"event_time": at, "prompt_name": "other", "prompt_version": "v1", "tenant": tenant,
                   "output_tokens": 100},) * 40)  # fmt: skip
    first = contributors(store, "output_tokens_per_call", window, window.before())[0]
    assert first.slice == (("prompt_name", "answer"), ("prompt_version", "v7"))
    assert (first.reference, first.value, first.n) == (None, 300, 80)
    assert first.share == pytest.approx(1)


def test_the_shares_of_one_dimension_add_up_to_the_whole_change(store, now, add_traffic, make_traffic):
    window = w.last(timedelta(hours=6), now)
    add_traffic(make_traffic(1, window.before(), 1000))
    add_traffic(make_traffic(2, window, 1500))
    for metric in ("calls", "cost_usd", "error_rate", "output_tokens_per_call"):
        parts = contributors(store, metric, window, window.before(), by=("tenant",))
        assert sum(one.share for one in parts) == pytest.approx(1), metric
        assert sum(one.weight for one in parts) == pytest.approx(1), metric


def test_a_longer_reference_is_scaled_to_the_window(store, now, add):
    window, reference = w.last(w.HOUR, now), Window(start=now - 5 * w.HOUR, end=now - w.HOUR)
    add(*({"event_time": now - timedelta(minutes=1), "tenant": "a"},) * 2)
    add(*({"event_time": now - timedelta(minutes=1), "tenant": "b"},) * 3)
    add(*({"event_time": now - timedelta(hours=2), "tenant": tenant} for tenant in "ab" for _ in range(8)))
    found = contributors(store, "calls", window, reference, by=("tenant",))
    assert [(dict(one.slice)["tenant"], one.share) for one in found] == [("b", 1.0), ("a", 0.0)]


def test_a_dimension_with_one_value_tells_nothing(store, now, add):
    window = w.last(w.HOUR, now)
    add({"event_time": now - timedelta(minutes=90), "model": "m"})
    add(*({"event_time": now - timedelta(minutes=9), "model": "m"},) * 3)
    assert contributors(store, "calls", window, window.before()) == []
    assert len(contributors(store, "calls", window, window.before(), by=("model",))) == 1


@pytest.mark.parametrize("metric", ["calls", "error_rate"])
def test_without_two_sides_there_is_nothing_to_compare(store, now, add, metric):
    window = w.last(w.HOUR, now)
    assert contributors(store, metric, window, window.before(), by=("tenant",)) == []
    add(*({"event_time": now - timedelta(minutes=9), "tenant": t, "status": Status.ERROR} for t in "ab"))
    assert contributors(store, metric, window, window.before()) == []


def test_no_change_has_no_contributors(store, now, add):
    window = w.last(w.HOUR, now)
    for minutes in (9, 69):
        add(*({"event_time": now - timedelta(minutes=minutes), "tenant": t, "status": Status.OK} for t in "ab"))
    for metric in ("calls", "error_rate"):
        assert contributors(store, metric, window, window.before(), by=("tenant",)) == []
