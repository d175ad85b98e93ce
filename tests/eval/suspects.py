"""Whether the first slice that a message names is the one made worse: regressions planted in one slice each."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from alerts.evidence import telling
from analytics.contributors import contributors
from store.calls import append_calls, call_table
from store.connection import Store, StoreSettings
from store.model import LLMCall, Status, Window
from tests.eval.table import Figure, Scope, share

SEED = 20260302
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, APART = timedelta(hours=1), timedelta(hours=6)
PLANTED, CALLS = 120, 1200  # regressions of each metric; calls an hour
MODELS = {"gpt-x": "openai", "gpt-y": "openai", "claude-x": "anthropic", "gemini-x": "google"}
PROMPTS = [("chat", "1"), ("chat", "2"), ("summary", "1"), ("search", "1"), ("search", "2")]
TENANTS = ["acme", "blue", "corp", "dale", "east"]
SLICES = [
    *(({"model": name}) for name in MODELS), *({"tenant": name} for name in TENANTS),
    *({"prompt_name": name, "prompt_version": version} for name, version in PROMPTS),
]  # fmt: skip


def suspects(scope: Scope) -> Iterator[Figure]:
    """Share of planted single-slice regressions whose slice is named first."""
    for name in ("latency_p95", "error_rate", "cost_usd", "cost_per_call"):
        draw = Random(SEED)
        with TemporaryDirectory() as folder, Store(StoreSettings(path=Path(folder) / "eval.duckdb")) as store:
            right = [float(_named(store, name, number, draw)) for number in range(scope.some(PLANTED))]
        data = f"{name}, one slice made worse"
        yield share("first slice named is right", data, right, target=0.95, seed=SEED)


def _named(store: Store, name: str, number: int, draw: Random) -> bool:
    """Plant a regression in an hour of its own and ask who it was."""
    start = FIRST + number * APART
    planted = draw.choice(SLICES)
    before, now = Window(start=start, end=start + HOUR), Window(start=start + HOUR, end=start + 2 * HOUR)
    calls = [_call(f"{number}-{place}", start, draw, planted, name) for place in range(2 * CALLS)]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=start))
        tx.execute("UPDATE data.calls SET cost_usd = reported_cost_usd WHERE event_time >= $start", {"start": start})
    found = telling(contributors(store, name, now, before))
    return bool(found) and {key: value for key, value in found[0].slice if value is not None} == planted


def _call(call_id: str, start: datetime, draw: Random, planted: dict[str, str], name: str) -> LLMCall:
    at = start + timedelta(seconds=draw.uniform(0, 7200))
    model = draw.choices(list(MODELS), [5, 3, 2, 1])[0]
    prompt, version = draw.choice(PROMPTS)
    labels: dict[str, Any] = {
        "model": model, "tenant": draw.choices(TENANTS, [5, 3, 2, 1, 1])[0], "prompt_name": prompt,
        "prompt_version": version,
    }  # fmt: skip
    worse = at >= start + HOUR and all(labels[key] == value for key, value in planted.items())
    failing = draw.random() < (0.2 if worse and name == "error_rate" else 0.02)
    times = 3.0 if worse else 1.0
    return LLMCall(
        call_id=call_id, source="eval", event_time=at, provider=MODELS[model], user_id=f"u{draw.randrange(60)}",
        latency_ms=draw.lognormvariate(7, 0.5) * times, status=Status.ERROR if failing else Status.OK,
        reported_cost_usd=draw.lognormvariate(-6, 0.5) * times, **labels,
    )  # fmt: skip
