"""A scoring worker that is killed at random costs no call its score, and none is scored twice.

`LEEWAY_SCORING_KILLS=50 pytest tests/acceptance/test_scoring_crash.py` kills more often.
"""

import itertools
import multiprocessing
import os
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from analytics.evaluator import ScoringSettings
from analytics.scoring import score
from leeway.workers import Workers
from store.calls import append_calls, call_table
from store.connection import Store
from store.model import ContentState, LLMCall, Status
from store.scoring import parked
from tests.analytics import poison

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
KILLS = int(os.environ.get("LEEWAY_SCORING_KILLS", "6"))
SEED = int(os.environ.get("LEEWAY_CRASH_SEED", "7"))
BATCH, POISON_EVERY = 150, 50
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Killing(threading.Thread):
    """End whatever worker lives, after a random while, so many times."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.done = 0

    def run(self) -> None:
        chance = random.Random(SEED)
        while self.done < KILLS:
            time.sleep(chance.uniform(0.01, 0.6))
            for child in multiprocessing.active_children():
                child.kill()
                self.done += 1


def add(store: Store, number: int) -> None:
    """More calls, one in fifty of them a text that ends its scorer by itself."""
    calls = [
        LLMCall(
            call_id=f"{number}-{i}", source="test", event_time=NOW - timedelta(seconds=i), status=Status.OK,
            content_state=ContentState.FULL,
            output_text="poison" + f" {number}-{i}" if i % POISON_EVERY == 0 else f"answer {number}-{i}",
        )
        for i in range(BATCH)
    ]  # fmt: skip
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=NOW))


def test_every_call_is_scored_exactly_once_and_poison_is_parked(store: Store):
    killing = Killing()
    killing.start()
    workers = Workers(1)
    found = {"poison": poison.evaluator(poison.kills_slowly)}
    try:
        for number in itertools.count(1):
            add(store, number)
            score(store, workers, ScoringSettings(batch=8), now=NOW, found=found)
            if not killing.is_alive():
                break
    finally:
        workers.close()
    print(f"killed {killing.done} times, seed {SEED}; {workers.deaths} deaths, {number * BATCH} calls")  # noqa: T201
    scored = Counter(store.read("SELECT call_id FROM data.evaluations")["call_id"].to_list())
    given_up = set(parked(store, limit=10**6)["call_id"].to_list())
    everything = {f"{n}-{i}" for n in range(1, number + 1) for i in range(BATCH)}
    assert killing.done >= KILLS
    assert set(scored.values()) == {1}
    assert given_up == {call_id for call_id in everything if int(call_id.partition("-")[2]) % POISON_EVERY == 0}
    assert set(scored) == everything - given_up
    assert store.one("SELECT count(*) FROM data.scoring_attempts WHERE NOT parked") == 0
