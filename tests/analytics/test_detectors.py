"""Detectors see a shift, and only a shift."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from analytics.detector import Finding, Sides, detectors, run
from analytics.detectors import novelty
from analytics.detectors.evidently import columns
from analytics.explanation import cluster, explain
from analytics.verdict import line


def sides(*, shifted: float, n: int = 200) -> Sides:
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(3 * n, 32)) + 2
    fresh = rng.normal(size=(int(shifted * n), 32)) - 2
    rows = np.vstack((draws, fresh)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    current = np.vstack((rows[2 * n : 3 * n - len(fresh)], rows[3 * n :]))
    return Sides(reference=rows[: 2 * n], sampled=rows[:n], current=current, own=novelty.own(rows[: 2 * n]))


@pytest.mark.parametrize("name", ["mean_distance", "novelty", "rarity"])
def test_a_vote_sees_a_new_tenth_and_not_chance(name: str):
    same, moved = (run((name,), sides(shifted=share), 0)[name] for share in (0.0, 0.1))
    assert same.threshold
    assert moved.threshold
    assert same.statistic < same.threshold
    assert moved.statistic > moved.threshold
    assert same.p_value is not None
    assert moved.p_value is not None
    assert moved.p_value <= 0.01 < same.p_value


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # its own imports warn; in a worker nobody minds
@pytest.mark.parametrize("name", ["evidently_model", "evidently_distance"])
def test_evidently_gives_its_score_and_flag_and_leaves_our_vectors_alone(name: str):
    given = sides(shifted=0.5)
    before = given.current.copy()
    finding = run((name,), given, 0)[name]
    assert finding.flagged is True
    assert (given.current == before).all()
    assert not detectors()[name].votes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_evidently_scores_logarithms_of_columns_and_shares_of_names():
    rng = np.random.default_rng(3)
    before = pl.DataFrame({"latency_ms": rng.lognormal(6, 1, 500), "model": ["a"] * 500, "cost_usd": [None] * 500})
    now = before.with_columns(latency_ms=rng.lognormal(7, 1, 500), model=pl.Series(["a", "b"] * 250))
    found = columns(before, now, ("latency_ms", "cost_usd"), ("model",), least=100)
    assert set(found) == {"latency_ms", "model"}
    assert found["latency_ms"].statistic == pytest.approx(1.0, abs=0.2)
    assert all(finding.flagged for finding in found.values())
    same = columns(before, before, (), ("model",), least=100)
    assert same["model"].flagged is False
    assert columns(before, now, (), (), least=100) == {}


def test_the_line_is_drawn_by_history_once_there_is_enough():
    finding = Finding(statistic=1.0, threshold=0.5, spread=0.0816)
    assert line(finding, [0.1] * 3, needed=4, deviations=3).provisional
    drawn = line(finding, [0.1, 0.2, 0.3, 0.2], needed=4, deviations=3)
    assert not drawn.provisional
    assert drawn.threshold == pytest.approx(0.2 + 3 * 0.0816, abs=1e-3)


def test_a_history_without_spread_does_not_make_a_hair_trigger():
    finding = Finding(statistic=0.0, threshold=0.5, spread=0.1)
    assert line(finding, [0.1] * 4, needed=4, deviations=3).threshold == pytest.approx(0.1 + 3 * 0.1 * (4 / 7) ** 0.5)


def test_a_topic_of_its_own_comes_before_a_habit_that_has_odd_texts_today():
    """Both have company among the novel texts; only around one of them the reference holds as many as ever."""
    rng = np.random.default_rng(2)
    usual, habit, fresh = np.eye(64)[:3]

    def near(direction: np.ndarray, n: int, spread: float) -> np.ndarray:
        rows = direction + rng.normal(size=(n, 64)) * spread / 8
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    reference = np.vstack((near(usual, 300, 0.5), near(habit, 300, 0.5)))
    odd = near(habit, 12, 1.2)
    current = np.vstack((near(usual, 100, 0.5), near(habit, 100, 0.5), odd, near(fresh, 10, 0.5)))
    rows = [
        {"call_id": str(i), "text": f"text {'new' if i >= 212 else 'old'} {i}", "tenant": None, "model": None,
         "prompt_name": None, "prompt_version": None}
        for i in range(len(current))
    ]  # fmt: skip
    told: dict[str, Any] = explain(
        reference=reference, unusual=novelty.limit(novelty.own(reference)), clusters=cluster(reference, ["t"] * 600, 0),
        current=current, rows=rows,
    )  # fmt: skip
    first = told["topics"][0]
    assert first["new"]
    assert set(first["calls"]) <= {str(i) for i in range(212, 222)}
    assert {one["topic"] for one in told["novel"][:10]} == {first["name"]}
