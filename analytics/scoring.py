"""The scoring job: every evaluator over calls that are not scored yet, newest hour first, each text once.

Time and calls are rationed. Within an hour, calls are taken in an order that has nothing to do with them, page by page
and each page to its end: when more comes in than can be scored, each hour is sampled as far as it goes, evenly, and
filled up when there is time. No rate has to be set, and each score of an hour counts for as many calls as it stands
for (`store.scoring`, `analytics/metrics/quality.py`).

A text may end the process that scores it. So an attempt is written down before it is made; a batch whose worker died
is cut in halves until the text stands alone; a text that fails alone three times is parked, and all others are scored
exactly once, because scores and the end of the attempt are stored in one transaction.
"""

import hashlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Verdict, engine_of, evaluators
from analytics.threshold import threshold_in_force
from store import scoring as ledger
from store.connection import Store
from store.errors import ConfigError
from store.evaluations import append_evaluations
from store.model import Evaluation
from store.scoring import Work

log = logging.getLogger(__name__)

# Batches in a page: enough to sort by length, few enough that a page is done in half a minute.
PAGE_BATCHES = 8
# A call is stored a little after the moment that it says it came in at.
SETTLING = timedelta(minutes=10)


@dataclass(slots=True, kw_only=True)
class _Text:
    """What several calls may share: the columns an evaluator reads."""

    content: dict[str, Any]
    attempts: int = 0
    calls: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [call_id for call_id, _ in self.calls]

    @property
    def size(self) -> int:
        return sum(len(value) for value in self.content.values() if isinstance(value, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One evaluator in one run of the job."""

    store: Store
    executor: Executor
    evaluator: Evaluator
    engine: Engine
    settings: ScoringSettings
    work: Work
    now: datetime
    counts: Counter[str]

    @property
    def id(self) -> str:
        return self.work.evaluator

    @property
    def batch(self) -> int:
        return self.settings.batch or self.engine.batch


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
) -> Iterator[_Run]:
    for evaluator in found.values():
        if evaluator.name in settings.off:
            continue
        try:
            engine = engine_of(evaluator, settings)
        except ConfigError as error:
            log.warning("%s", error)
            counts[f"{evaluator.name}_unavailable"] = 1
            continue
        yield _Run(
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


def _page_by_page(run: _Run) -> Iterator[bool]:
    """Score all there is to score, the newest hour first; yields after each page."""
    try:
        while (limit := _allowed(run)) and (rows := _page(run, limit)):
            for batch in _batches(_distinct(rows), run.batch):
                _attempt(run, batch)
            yield True
    except ConfigError as error:
        log.warning("%s: %s", run.id, error)
        run.counts[f"{run.evaluator.name}_unavailable"] = 1
        return
    if limit:
        ledger.settle(run.store, run.work, at=run.now - SETTLING)


def _allowed(run: _Run) -> int:
    """How many calls the next page may hold."""
    page = min(run.settings.page, run.batch * PAGE_BATCHES)
    most = run.settings.calls_per_hour
    if most is None:
        return page
    done = ledger.scored_since(run.store, run.evaluator.name, run.now - timedelta(hours=1))
    return max(0, min(page, most - done))


def _page(run: _Run, limit: int) -> list[dict[str, Any]]:
    return ledger.unscored(run.store, run.work, columns=run.evaluator.columns, limit=limit).to_dicts()


def _distinct(rows: Sequence[dict[str, Any]]) -> list[_Text]:
    """Calls with the same texts are one piece of work."""
    texts: dict[bytes, _Text] = {}
    for row in rows:
        call = row.pop("call_id"), row.pop("event_time")
        attempts = row.pop("attempts")
        key = hashlib.blake2b(orjson.dumps(row, default=str), digest_size=16).digest()
        text = texts.setdefault(key, _Text(content=row))
        text.calls.append(call)
        text.attempts = max(text.attempts, attempts)
    return list(texts.values())


def _batches(texts: list[_Text], size: int) -> Iterator[list[_Text]]:
    """Batches of texts of like length; one that was tried before and not finished goes alone, and last."""
    fresh = sorted((text for text in texts if not text.attempts), key=lambda text: text.size)
    yield from (fresh[i : i + size] for i in range(0, len(fresh), size))
    yield from ([text] for text in texts if text.attempts)


def _attempt(run: _Run, batch: Sequence[_Text]) -> None:
    """Score a batch; if that fails, its halves; a text alone, up to `settings.attempts` times."""
    alone = len(batch) == 1
    tries = max(batch[0].attempts, 1) if alone else 0
    if tries > run.settings.attempts:  # the last try ended this very process
        _park(run, batch, run.settings.attempts, RuntimeError("every try ended the process"))
        return
    while True:
        with run.store.transaction() as tx:
            ledger.begin_attempt(tx, run.id, _ids(batch), tries, now=run.now)
        error = _scored(run, batch)
        if error is None:
            return
        if not alone:
            half = len(batch) // 2
            _attempt(run, batch[:half])
            _attempt(run, batch[half:])
            return
        if tries >= run.settings.attempts:
            _park(run, batch, tries, error)
            return
        tries += 1


def _scored(run: _Run, batch: Sequence[_Text]) -> Exception | None:
    """Score and store a batch; return what went wrong, if it may be the fault of a text in it."""
    task = run.executor.submit(run.engine.score, [text.content for text in batch], run.settings)
    try:
        scored = list(zip(batch, task.result(), strict=True))
    except (ConfigError, CancelledError):  # not the fault of a text: try again when it is mended
        with run.store.transaction() as tx:
            ledger.end_attempt(tx, run.id, _ids(batch))
        raise
    except Exception as error:  # noqa: BLE001 - whatever a scorer raises, the other texts go on
        run.counts["failed_tasks"] += 1
        return error
    _keep(run, scored)
    return None


def _keep(run: _Run, scored: Sequence[tuple[_Text, Verdict]]) -> None:
    said = [
        Evaluation(
            call_id=call_id,
            event_time=event_time,
            name=run.evaluator.name,
            evaluator=run.id,
            value=verdict.value,
            label=verdict.label,
            flagged=verdict.label == run.evaluator.flagged,
            explanation=verdict.explanation,
            created_at=run.now,
        )
        for text, verdict in scored
        for call_id, event_time in text.calls
    ]
    with run.store.transaction() as tx:
        run.counts[run.evaluator.name] += append_evaluations(tx, said)
        ledger.end_attempt(tx, run.id, [evaluation.call_id for evaluation in said])


def _park(run: _Run, batch: Sequence[_Text], tries: int, error: Exception) -> None:
    log.warning("%s: parked calls %s after %d tries: %s", run.id, ", ".join(_ids(batch)), tries, error)
    with run.store.transaction() as tx:
        ledger.park(tx, run.id, _ids(batch), tries, str(error), now=run.now)
    run.counts["parked"] += len(_ids(batch))


def _ids(batch: Sequence[_Text]) -> list[str]:
    return [call_id for text in batch for call_id in text.ids]
