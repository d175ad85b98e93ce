"""Traffic for the numbers: many calls at once, seeded."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.evaluator import evaluators
from store.calls import MARK_DIRTY_SQL, append_calls, call_table
from store.connection import Store
from store.model import LLMCall, TimeQuality, Window

NOW = datetime(2026, 3, 10, 12, 34, 56, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def add(store: Store) -> Callable[..., None]:
    """Append calls, each given by what matters of it."""
    count = iter(range(10**9))

    def append(*calls: dict[str, Any]) -> None:
        made = [
            LLMCall(**{"call_id": f"c{next(count)}", "source": "test", "event_time": NOW, **call}) for call in calls
        ]
        with store.transaction() as tx:
            append_calls(tx, call_table(made, source_id=None, ingested_at=NOW))

    return append


def traffic(seed: int, window: Window, n: int = 6000) -> dict[str, Any]:
    """Columns of `n` calls spread over a window; every dimension varies, some values are unknown."""
    rng = np.random.default_rng(seed)
    start = np.datetime64(window.start.replace(tzinfo=None), "us")
    length = int(window.length.total_seconds() * 1e6)
    # An even grid of latencies in random order: neighbours in rank lie 0.1 % apart, so quantiles are sharp.
    latency = 50 * 1.001 ** rng.permutation(n)
    pick = rng.choice
    return {
        "call_id": [f"{seed}-{i}" for i in range(n)],
        "source": ["test"] * n,
        "ingested_at": [NOW.replace(tzinfo=None)] * n,
        "event_time": start + np.sort(rng.integers(0, length, n)).astype("timedelta64[us]"),
        "time_quality": [TimeQuality.EXACT] * n,
        "latency_ms": latency,
        "ttft_ms": latency / 4,
        "status": pick(["ok", "error", "unknown"], n, p=[0.9, 0.05, 0.05]),
        "error_type": pick(["RateLimitError", "timeout", None], n, p=[0.02, 0.03, 0.95]),
        "operation": pick(["chat", "embedding"], n, p=[0.9, 0.1]),
        "provider": pick(["openai", "anthropic"], n),
        "model": pick(["gpt-4o", "claude-sonnet-4-5", None], n, p=[0.5, 0.4, 0.1]),
        "request_model": pick(["gpt-4o", "claude-sonnet-4-5"], n),
        "prompt_name": pick(["answer", "summary"], n),
        "prompt_version": pick(["v1", "v2", "v3"], n),
        "tenant": pick([f"tenant-{i}" for i in range(8)], n),
        "user_id": pick([f"user-{i}" for i in range(60)], n),
        "service": pick(["web", "batch"], n),
        "environment": pick(["prod", "staging"], n),
        "finish_reason": pick(["stop", "length", None], n),
        "input_tokens": rng.integers(100, 2000, n),
        "cache_read_tokens": [None if i % 3 else 50 for i in range(n)],
        "output_tokens": rng.integers(50, 300, n),
        "cost_usd": rng.uniform(0.001, 0.01, n),
        "cost_status": pick(["priced", "guessed"], n),
        "tokens_origin": ["provider"] * n,
        "content_state": pick(["full", "absent"], n),
    }


@pytest.fixture
def add_traffic(store: Store) -> Callable[..., None]:
    """Store the columns of `traffic` as they are."""

    def append(columns: dict[str, Any]) -> None:
        rows = pa.table({name: pa.array(values) for name, values in columns.items()})
        with store.transaction() as tx:
            tx.insert("data.calls", rows)
            with tx.staged(rows):
                tx.execute(MARK_DIRTY_SQL)

    return append


@pytest.fixture
def make_traffic() -> Callable[..., dict[str, Any]]:
    return traffic


@pytest.fixture
def scored_traffic(store: Store, add_traffic: Callable[..., None]) -> Callable[[int, Window, int], None]:
    """Store `traffic` with scores of all evaluators; some toxic ones were scored twice, and the newest counts."""

    def append(seed: int, window: Window, n: int) -> None:
        add_traffic(traffic(seed, window, n))
        with store.transaction() as tx:
            for name, flagged, fine in EVALUATORS:
                tx.execute(SCORE_SQL, {"name": name, "flagged": flagged, "fine": fine})
            tx.execute(SECOND_THOUGHT_SQL)

    return append


FINE = {"ungrounded": "not_measurable"}  # what is said of calls that are not flagged
EVALUATORS = tuple((one.name, one.flagged, FINE.get(one.name, "fine")) for one in evaluators().values())
SCORE_SQL = """
    INSERT INTO data.evaluations
    SELECT call_id, event_time, $name, $name || '/test-1', 0.5,
        CASE hash(call_id || $name) % 4 WHEN 0 THEN $flagged WHEN 1 THEN $fine ELSE 'grounded' END AS label,
        label = $flagged, NULL, ingested_at
    FROM data.calls WHERE hash(call_id) % 10 < 8
"""
SECOND_THOUGHT_SQL = """
    INSERT INTO data.evaluations
    SELECT call_id, event_time, name, 'toxicity/test-2', value, 'fine', false, NULL, created_at + INTERVAL 1 HOUR
    FROM data.evaluations WHERE name = 'toxicity' AND hash(call_id) % 3 = 0
"""
