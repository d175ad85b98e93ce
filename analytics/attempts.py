"""One batch is scored, whatever a text in it does to the process that scores it.

A text may end the process that scores it. So an attempt is written down before it is made; a batch whose worker died
is cut in halves until the text stands alone; a text that fails alone three times is parked, and all others are scored
exactly once, because scores and the end of the attempt are stored in one transaction.

A process may also be ended from outside. So before a text is tried alone, a harmless one is: only where that comes
through is a death held against the text.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Verdict
from store import scoring as ledger
from store.connection import Store
from store.errors import ConfigError
from store.evaluations import append_evaluations
from store.model import Evaluation
from store.scoring import Work

log = logging.getLogger(__name__)

HARMLESS = "The parcel will arrive on Tuesday."
MOST_DEATHS = 20


@dataclass(slots=True, kw_only=True)
class Text:
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
class Run:
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


def attempt(run: Run, batch: Sequence[Text]) -> None:
    """Score a batch; if that fails, its halves; a text alone, up to `settings.attempts` times."""
    alone = len(batch) == 1
    tries = max(batch[0].attempts, 1) if alone else 0
    if tries > run.settings.attempts:  # the last try ended this very process
        _park(run, batch, run.settings.attempts, RuntimeError("every try ended the process"))
        return
    while True:
        if alone:
            _control(run)
        with run.store.transaction() as tx:
            ledger.begin_attempt(tx, run.id, ids_of(batch), tries, now=run.now)
        error = _scored(run, batch)
        if error is None:
            return
        if not alone:
            half = len(batch) // 2
            attempt(run, batch[:half])
            attempt(run, batch[half:])
            return
        if tries >= run.settings.attempts:
            _park(run, batch, tries, error)
            return
        tries += 1


def _control(run: Run) -> None:
    """Have a harmless text scored; raises ConfigError when not even that comes through."""
    harmless = dict.fromkeys(run.evaluator.columns, HARMLESS)
    for _ in range(MOST_DEATHS):
        try:
            run.executor.submit(run.engine.score, [harmless], run.settings).result()
        except BrokenExecutor:
            continue
        except (ConfigError, CancelledError):
            raise
        except Exception:
            log.debug("%s: the harmless text was not scored", run.id, exc_info=True)
        return
    raise ConfigError(f"worker processes end on harmless texts too ({MOST_DEATHS} in a row): is memory short?")


def _scored(run: Run, batch: Sequence[Text]) -> Exception | None:
    """Score and store a batch; return what went wrong, if it may be the fault of a text in it."""
    task = run.executor.submit(run.engine.score, [text.content for text in batch], run.settings)
    try:
        scored = list(zip(batch, task.result(), strict=True))
    except (ConfigError, CancelledError):  # not the fault of a text: try again when it is mended
        with run.store.transaction() as tx:
            ledger.end_attempt(tx, run.id, ids_of(batch))
        raise
    except Exception as error:  # noqa: BLE001 - whatever a scorer raises, the other texts go on
        run.counts["failed_tasks"] += 1
        return error
    _keep(run, scored)
    return None


def _keep(run: Run, scored: Sequence[tuple[Text, Verdict]]) -> None:
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


def _park(run: Run, batch: Sequence[Text], tries: int, error: Exception) -> None:
    log.warning("%s: parked calls %s after %d tries: %s", run.id, ", ".join(ids_of(batch)), tries, error)
    with run.store.transaction() as tx:
        ledger.park(tx, run.id, ids_of(batch), tries, str(error), now=run.now)
    run.counts["parked"] += len(ids_of(batch))


def ids_of(batch: Sequence[Text]) -> list[str]:
    return [call_id for text in batch for call_id in text.ids]
