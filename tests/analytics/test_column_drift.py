"""Columns drift when they moved; a heavy tail is seen, and ordinary days are not called drift."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.column_drift import ColumnFinding, ColumnSides, find, judged, with_language
from analytics.verdict import Bout
from store.comparisons import Ground
from store.model import Comparison, Window

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
N = 500
BOUT = Bout(
    ground=Ground(subject="columns", basis="pinned", reference=Window(start=START, end=START + DAY)),
    current=Window(start=START + DAY, end=START + 2 * DAY),
    size=N,
)


def calls(
    seed: int, *, slower: float = 1.0, stuck: float = 0.0, new_model: float = 0.0, polish: float = 0.0
) -> pl.DataFrame:
    """Calls as services make them: log-normal latencies and costs, whole tokens, few names, some values missing."""
    rng = np.random.default_rng(seed)
    latency = rng.lognormal(6, 1, N) * slower
    latency[rng.random(N) < stuck] *= 5
    return pl.DataFrame(
        {
            "latency_ms": latency,
            "ttft_ms": [None] * N,
            "cost_usd": rng.lognormal(-6, 1, N),
            "input_tokens": rng.lognormal(6, 0.8, N).astype(int),
            "output_tokens": [int(x) if x > 60 else None for x in rng.lognormal(5, 0.5, N)],
            "model": np.where(rng.random(N) < new_model, "m-2", "m-1"),
            "finish_reason": np.where(rng.random(N) < 0.05, "length", "stop"),
            "status": ["ok"] * N,
            "language": np.where(rng.random(N) < polish, "pl", "en"),
        },
        schema_overrides={"ttft_ms": pl.Float64},
    )


def found(current: pl.DataFrame) -> list[ColumnFinding]:
    return find(ColumnSides(reference=calls(0), current=current), N, False)


def verdicts(current: pl.DataFrame, past: list[list[ColumnFinding]]) -> dict[str, Comparison]:
    def history(column: str, test: str) -> list[float]:
        return [one.finding.statistic for each in past for one in each if (one.column, one.test) == (column, test)]

    rows = judged(BOUT, found(current), history, needed=14)
    return {row.subject: row for row in rows if row.detector == "drift"}


@pytest.fixture(scope="module")
def past() -> list[list[ColumnFinding]]:
    return [found(calls(seed)) for seed in range(1, 15)]


def test_ordinary_days_do_not_drift(past):
    told = [verdicts(calls(seed), past)["columns"].drifted for seed in range(100, 110)]
    assert sum(told) == 0


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"slower": 1.5}, "latency_ms"),
        ({"stuck": 0.15}, "latency_ms"),
        ({"new_model": 0.05}, "model"),
        ({"polish": 0.05}, "language"),
    ],
)
def test_what_moved_is_found_and_nothing_else(past, change, column):
    told = verdicts(calls(200, **change), past)
    assert told["columns"].drifted
    assert told["columns"].details["columns"][0]["column"] == column
    assert [subject for subject, row in told.items() if row.drifted] == [column, "columns"]
    assert not told[column].provisional


def test_a_few_percent_that_became_slow_move_the_tail_more_than_the_level():
    def tested(current: pl.DataFrame) -> dict[str, float]:
        """Of each test of latency: its p-value."""
        return {one.test: one.finding.p_value for one in found(current) if one.column == "latency_ms"}

    slow, quick = tested(calls(203, stuck=0.05)), tested(calls(203, slower=0.3))
    assert slow["tail"] < 0.005 < slow["level"]
    assert quick["level"] < 0.005
    assert quick["tail"] > 0.9


def test_the_language_of_prompts_is_a_column():
    english = "Could you please tell me when the invoice for my last order was sent out to me?"
    polish = "Czy może mi Pan powiedzieć, kiedy została wysłana faktura za moje ostatnie zamówienie?"
    before = calls(0).drop("language").with_columns(input_text=pl.lit(english))
    now = before.with_columns(input_text=pl.Series([None, *[polish] * 20, *[english] * (N - 21)]))
    told = find(ColumnSides(reference=with_language(before.head(150)), current=now.head(150)), 150, False)
    (mix,) = (one for one in told if one.column == "language")
    assert mix.now == {"pl": round(20 / 149, 4)}
    assert mix.before == {"pl": 0.0}


def test_without_history_the_verdict_is_provisional_and_rests_on_chance():
    told = verdicts(calls(200, slower=2.0), [])
    assert told["latency_ms"].drifted
    assert told["latency_ms"].provisional
    assert not told["cost_usd"].drifted


def test_a_column_with_too_few_values_is_not_judged(past):
    assert "ttft_ms" not in verdicts(calls(200), past)
