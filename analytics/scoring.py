"""The scoring job: every evaluator over calls that are not scored yet, newest hour first, each text once.

Time and calls are rationed. Within an hour, calls are taken in an order that has nothing to do with them, page by page
and each page to its end: when more comes in than can be scored, each hour is sampled as far as it goes, evenly, and
filled up when there is time. No rate has to be set, and each score of an hour counts for as many calls as it stands
for (`store.scoring`, `analytics/metrics/quality.py`).
"""

import hashlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any

import orjson

from analytics.attempts import Run, Text, attempt
from analytics.evaluator import Engine, Evaluator, ScoringSettings, engine_of, evaluators
from analytics.threshold import calibrate, threshold_in_force
from store import scoring as ledger
from store.connection import Store
from store.errors import ConfigError
from store.scoring import Work

log = logging.getLogger(__name__)

# Batches in a page: enough to sort by length, few enough that a page is done in half a minute.
PAGE_BATCHES = 8
# A call is stored a little after the moment that it says it came in at.
SETTLING = timedelta(minutes=10)


def score(
    store: Store,
    executor: Executor,
    settings: ScoringSettings,
    *,
    now: datetime,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    found: Mapping[str, Evaluator] | None = None,
) -> dict[str, int]:
    """Score what is not scored yet; return counts: scores and parked texts by evaluator, worker deaths.

    Stops after the page that passes `seconds` (None: when nothing is left). Evaluators take turns page by page: a slow
    one does not keep the others waiting, and those that look at the same texts do so one right after the other.
    """
    counts: Counter[str] = Counter()
    until = None if seconds is None else clock() + seconds
    runs = list(_runs(store, executor, settings, now=now, counts=counts, found=found or evaluators()))
    turns = deque(_page_by_page(run) for run in runs)
    while turns and (until is None or clock() < until):
        turn = turns.popleft()
        if next(turn, False):
            turns.append(turn)
    for run in runs:
        ledger.keep_samples(store, run.work)
    return dict(counts)


def _runs(
    store: Store,
    executor: Executor,
    settings: ScoringSettings,
    *,
    now: datetime,
    counts: Counter[str],
    found: Mapping[str, Evaluator],
) -> Iterator[Run]:
    for evaluator in found.values():
        if evaluator.name in settings.off:
            continue
        try:
            engine = engine_of(evaluator, settings)
        except ConfigError as error:
            log.warning("%s", error)
            counts[f"{evaluator.name}_unavailable"] = 1
            continue
        calibrate(store, evaluator, engine, settings, now=now)
        yield Run(
            store=store,
            executor=executor,
            evaluator=evaluator,
            engine=engine,
            settings=_with_threshold(store, evaluator, engine, settings),
            work=work_of(store, evaluator, engine, settings, now=now),
            now=now,
            counts=counts,
        )


def work_of(store: Store, evaluator: Evaluator, engine: Engine, settings: ScoringSettings, *, now: datetime) -> Work:
    """What an engine has to look for."""
    lookback = now - settings.lookback
    return ledger.work(
        store, evaluator.name, engine.scores_as(evaluator.name), needs=evaluator.needs, lookback=lookback
    )


def _with_threshold(store: Store, evaluator: Evaluator, engine: Engine, settings: ScoringSettings) -> ScoringSettings:
    found = threshold_in_force(store, evaluator, engine, settings)
    if found is None:
        return settings
    return settings.model_copy(update={"thresholds": {**settings.thresholds, evaluator.name: found.value}})


def _page_by_page(run: Run) -> Iterator[bool]:
    """Score all there is to score, the newest hour first; yields after each page."""
    try:
        while (limit := _allowed(run)) and (rows := _page(run, limit)):
            for batch in _batches(_distinct(rows), run.batch):
                attempt(run, batch)
            yield True
    except ConfigError as error:
        log.warning("%s: %s", run.id, error)
        run.counts[f"{run.evaluator.name}_unavailable"] = 1
        return
    if limit:
        ledger.settle(run.store, run.work, at=run.now - SETTLING)


def _allowed(run: Run) -> int:
    """How many calls the next page may hold."""
    page = min(run.settings.page, run.batch * PAGE_BATCHES)
    most = run.settings.calls_per_hour
    if most is None:
        return page
    done = ledger.scored_since(run.store, run.evaluator.name, run.now - timedelta(hours=1))
    return max(0, min(page, most - done))


def _page(run: Run, limit: int) -> list[dict[str, Any]]:
    return ledger.unscored(run.store, run.work, columns=run.evaluator.columns, limit=limit, now=run.now).to_dicts()


def _distinct(rows: Sequence[dict[str, Any]]) -> list[Text]:
    """Calls with the same texts are one piece of work."""
    texts: dict[bytes, Text] = {}
    for row in rows:
        call = row.pop("call_id"), row.pop("event_time")
        attempts = row.pop("attempts")
        key = hashlib.blake2b(orjson.dumps(row, default=str), digest_size=16).digest()
        text = texts.setdefault(key, Text(content=row))
        text.calls.append(call)
        text.attempts = max(text.attempts, attempts)
    return list(texts.values())


def _batches(texts: list[Text], size: int) -> Iterator[list[Text]]:
    """Batches of texts of like length; one that was tried before and not finished goes alone, and last."""
    fresh = sorted((text for text in texts if not text.attempts), key=lambda text: text.size)
    yield from (fresh[i : i + size] for i in range(0, len(fresh), size))
    yield from ([text] for text in texts if text.attempts)
