"""How scoring stands: what waits, what was given up, at what pace, by which engine and threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from analytics.evaluator import Engine, Evaluator, Evidence, ScoringSettings, engine_of, evaluators
from analytics.scoring import work_of
from analytics.threshold import Threshold, threshold_in_force
from store import scoring as ledger
from store.connection import Store
from store.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One evaluator.

    `missing`: why it does not score (then nothing else is known). `last_hour`: calls scored in it.
    """

    name: str
    missing: str | None = None
    engine: str | None = None
    cost: str = ""
    trust: str = ""
    evidence: Sequence[Evidence] = ()
    threshold: Threshold | None = None
    waiting: int = 0
    last_hour: int = 0


def standings(store: Store, settings: ScoringSettings, *, now: datetime) -> dict[str, Standing]:
    """Every evaluator that is not switched off, by name."""
    pace = ledger.pace(store, since=now - timedelta(hours=1))
    return {
        name: _standing(store, evaluator, settings, pace.get(name, 0), now)
        for name, evaluator in evaluators().items()
        if name not in settings.off
    }


def _standing(store: Store, evaluator: Evaluator, settings: ScoringSettings, last_hour: int, now: datetime) -> Standing:
    try:
        engine: Engine = engine_of(evaluator, settings)
    except ConfigError as error:
        return Standing(name=evaluator.name, missing=str(error), last_hour=last_hour)
    return Standing(
        name=evaluator.name,
        engine=engine.scores_as(evaluator.name),
        cost=engine.cost,
        trust=engine.trust,
        evidence=engine.evidence,
        threshold=threshold_in_force(store, evaluator, engine, settings),
        waiting=ledger.waiting(store, work_of(store, evaluator, engine, settings, now=now)),
        last_hour=last_hour,
    )
