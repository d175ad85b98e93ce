"""How scoring stands: what waits, what was given up, at what pace, by which engine and threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics.evaluator import Engine, Evaluator, Evidence, ScoringSettings, engine_of, evaluators
from analytics.scoring import work_of
from analytics.threshold import Threshold, threshold_in_force
from store import scoring as ledger
from store.connection import Store
from store.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One evaluator.

    `missing`: why it does not score (then nothing else is known). `versions`: calls by what gave them their newest
    score.
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
    versions: Sequence[tuple[str, int]] = ()

    @property
    def scored(self) -> int:
        return sum(calls for _, calls in self.versions)

    @property
    def outdated(self) -> int:
        """Calls whose score is another version's."""
        return sum(calls for version, calls in self.versions if version != self.engine)


def standings(store: Store, settings: ScoringSettings, *, now: datetime) -> dict[str, Standing]:
    """Every evaluator that is not switched off, by name."""
    found = ledger.versions(store, since=now - settings.lookback, now=now).partition_by("name", as_dict=True)
    versions = {str(name): frame.select("evaluator", "calls", "last_hour").rows() for (name,), frame in found.items()}
    return {
        name: _standing(store, evaluator, settings, versions.get(name, []), now)
        for name, evaluator in evaluators().items()
        if name not in settings.off
    }


def _standing(
    store: Store,
    evaluator: Evaluator,
    settings: ScoringSettings,
    versions: Sequence[tuple[str, int, int]],
    now: datetime,
) -> Standing:
    said = [(version, calls) for version, calls, _ in versions]
    last_hour = sum(calls for *_, calls in versions)
    try:
        engine: Engine = engine_of(evaluator, settings)
    except ConfigError as error:
        return Standing(name=evaluator.name, missing=str(error), versions=said, last_hour=last_hour)
    return Standing(
        name=evaluator.name,
        engine=engine.scores_as(evaluator.name),
        cost=engine.cost,
        trust=engine.trust,
        evidence=engine.evidence,
        threshold=threshold_in_force(store, evaluator, engine, settings),
        waiting=ledger.waiting(store, work_of(store, evaluator, engine, settings, now=now)),
        last_hour=last_hour,
        versions=said,
    )
