"""Every panel's query over 10 M calls of 60 days: milliseconds against the target of 100.

Run with `python -m tests.benchmarks panels`; LEEWAY_BENCH_CALLS sets another number of calls.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics import rollup
from analytics import window as w
from analytics.contributors import contributors
from analytics.metric import series, summary
from analytics.prices import PriceSettings, in_force, price_calls
from store import facets
from store.connection import Store, StoreSettings
from store.model import Window

CALLS = int(os.environ.get("LEEWAY_BENCH_CALLS", "10_000_000"))
DAYS = 60
NOW = datetime(2026, 3, 10, 12, 34, tzinfo=UTC)
TARGET_MS = 100
ROUNDS = 5

# Times rise with the row number, as they do when logs come in; the rest is drawn by hashing it.
# What belongs together goes together: a prompt is sent by one service to one of two models, versions follow in time.
CALLS_SQL = """
    INSERT INTO data.calls BY NAME
    WITH drawn AS (
        SELECT i, $start + to_microseconds((i - $low) * $step) AS moment, (hash(i, 1) % 4)::INT AS prompt,
            (prompt + hash(i, 2) % 2)::INT AS model_number, (hash(i, 3) % 100)::INT AS luck
        FROM range($low, $high) AS r(i)
    )
    SELECT
        'call-' || i AS call_id, 'bench' AS source, moment AS ingested_at, moment AS event_time,
        'exact' AS time_quality, moment AS started_at,
        200 * exp(2 * ((hash(i, 4) % 1000) / 500.0 - 1)) AS latency_ms, latency_ms / 5 AS ttft_ms,
        CASE WHEN luck < 2 THEN 'error' ELSE 'ok' END AS status,
        CASE luck WHEN 0 THEN 'RateLimitError' WHEN 1 THEN 'timeout' END AS error_type, 'chat' AS operation,
        CASE WHEN model_number < 3 THEN 'openai' ELSE 'anthropic' END AS provider,
        ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1', 'claude-sonnet-4-5', 'claude-haiku-4-5'][1 + model_number] AS model,
        model AS request_model, ['answer', 'summary', 'route', 'extract'][1 + prompt] AS prompt_name,
        'v' || $version AS prompt_version, 'tenant-' || hash(i, 7) % 20 AS tenant,
        'user-' || hash(i, 8) % 20000 AS user_id, 'session-' || i // 8 AS session_id,
        CASE WHEN prompt < 2 THEN 'web' ELSE 'batch' END AS service,
        CASE WHEN hash(i, 10) % 10 < 8 THEN 'prod' ELSE 'staging' END AS environment,
        CASE WHEN hash(i, 11) % 50 = 0 THEN 'length' ELSE 'stop' END AS finish_reason,
        100 + (hash(i, 12) % 3000)::INT AS input_tokens, (hash(i, 13) % 100)::INT AS cache_read_tokens,
        10 + (hash(i, 14) % 500)::INT AS output_tokens, 'provider' AS tokens_origin, 'full' AS content_state
    FROM drawn
"""
SCORES_SQL = """
    INSERT INTO data.evaluations
    SELECT call_id, event_time, $name, $name || '/bench-1', 0.1,
        CASE WHEN hash(call_id, $name) % 100 = 0 THEN $flagged ELSE 'fine' END AS label, label = $flagged, NULL,
        event_time
    FROM data.calls WHERE event_time >= $start AND event_time < $end
"""
DIRTY_SQL = "INSERT INTO data.dirty_hours SELECT DISTINCT date_trunc('hour', event_time) FROM data.calls"
OVERVIEW = ("calls", "cost_usd", "unpriced_calls", "error_rate", "rate_limited_rate", "latency_p50", "latency_p95")
QUALITY = ("toxic_rate", "ungrounded_rate")


def fill(store: Store) -> None:
    day, step = timedelta(days=1), DAYS * 86_400_000_000 // CALLS
    first, per_day = NOW - DAYS * day, CALLS // DAYS
    for number in range(DAYS):
        start = first + number * day
        low = number * per_day
        with store.transaction() as tx:
            asked = {"start": start, "step": step, "low": low, "high": low + per_day, "version": number // 20}
            tx.execute(CALLS_SQL, asked)
            for name, flagged in (("toxicity", "toxic"), ("ungrounded", "ungrounded")):
                tx.execute(SCORES_SQL, {"name": name, "flagged": flagged, "start": start, "end": start + day})
    with store.transaction() as tx:
        tx.execute(DIRTY_SQL)


def panels(store: Store) -> Iterator[tuple[str, Callable[[], object]]]:
    for days in (1, 7, 30, 60):
        window = w.last(timedelta(days=days), NOW)
        bucket = w.bucket_for(window)
        whole = w.whole(window, bucket)

        def drawn(
            *names: str, by: tuple[str, ...] = (), whole: Window = whole, bucket: timedelta = bucket, **only: str
        ) -> Callable[[], object]:
            filters = {key: (value,) for key, value in only.items()}
            return lambda: series(store, names, whole, bucket=bucket, by=by, filters=filters)

        def told(*names: str, by: tuple[str, ...] = (), window: Window = window) -> Callable[[], object]:
            return lambda: summary(store, names, window, by=by)

        yield f"{days:2} d  overview tiles", told(*OVERVIEW)
        yield (
            f"{days:2} d  latency quantiles by model",
            drawn("latency_p50", "latency_p95", "latency_p99", by=("model",)),
        )
        yield f"{days:2} d  latency, one model in prod", drawn("latency_p95", model="gpt-4o", environment="prod")
        yield f"{days:2} d  cost by model", drawn("cost_usd", by=("model",))
        yield (
            f"{days:2} d  cost by prompt",
            told("cost_usd", "calls", "cost_per_call", by=("prompt_name", "prompt_version")),
        )
        yield f"{days:2} d  cost by tenant", told("cost_usd", by=("tenant",))
        yield f"{days:2} d  cost by user", told("cost_usd", by=("user_id",))
        yield f"{days:2} d  error rate", drawn("error_rate", "rate_limited_rate")
        yield f"{days:2} d  quality", told(*QUALITY)
        hourly = w.bucket_for(window, finest=w.HOUR)
        yield f"{days:2} d  quality over time", drawn(*QUALITY, whole=w.whole(window, hourly), bucket=hourly)
        yield f"{days:2} d  scored share", told("scored_share")
        yield f"{days:2} d  models to choose from", lambda window=window: facets.values(store, "model", window)
        yield f"{days:2} d  users to choose from", lambda window=window: facets.values(store, "user_id", window)
        yield f"{days:2} d  prices in force", lambda window=window: in_force(store, window)
    yield "      how far the data reaches", lambda: facets.extent(store)
    hour = w.last(w.HOUR, NOW)
    yield " 1 h  who made the cost move", lambda: contributors(store, "cost_usd", hour, hour.before())
    yield " 1 h  who made latency move", lambda: contributors(store, "latency_p95", hour, hour.before())
    yield " 1 h  error rate by tenant, as a rule asks", lambda: summary(store, ["error_rate"], hour, by=("tenant",))
    yield " 1 h  toxic rate, as a rule asks", lambda: summary(store, ["toxic_rate"], hour)


def timed(label: str, work: Callable[[], object], rounds: int = 1) -> float:
    """Run, print and return the median in ms; CPU time beside it, which a busy machine does not stretch."""
    took, burnt = [], []
    for _ in range(rounds):
        begun, used = time.perf_counter(), time.process_time()
        work()
        took.append(1000 * (time.perf_counter() - begun))
        burnt.append(1000 * (time.process_time() - used))
    middle = statistics.median(took)
    slow = "SLOW " if rounds > 1 and middle > TARGET_MS else ""
    print(f"{middle:9.1f} ms {statistics.median(burnt):9.1f} ms CPU  {slow}{label}", flush=True)
    return middle


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Store(StoreSettings(path=Path(folder) / "panels.duckdb")) as store:
        timed(f"make {CALLS:,} calls, each scored twice", lambda: fill(store))
        timed("price them", lambda: price_calls(store, PriceSettings(), now=NOW))
        timed("roll them up", lambda: rollup.refresh(store, now=NOW))
        store.checkpoint()
        took = [timed(label, work, ROUNDS) for label, work in panels(store)]
        print(f"{sum(ms <= TARGET_MS for ms in took)} of {len(took)} panels within {TARGET_MS} ms")


if __name__ == "__main__":
    main()
