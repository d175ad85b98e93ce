"""What an evaluator is: something that can be said of one call by looking at its texts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from store.declared import declared
from store.duration import Duration
from store.errors import ConfigError

Subject = Mapping[str, Any]  # the call's columns that the evaluator reads, as stored (JSON columns are text)


class ScoringSettings(BaseModel):
    """How calls are scored.

    `detoxify`, `nli`: folders made by `leeway models prepare`. `thresholds`: label thresholds by evaluator, over the
    defaults. `false_flags`: the share of your first week that a probe may flag; its threshold follows from that.
    `lookback`: calls that came in earlier are left alone. `core_share`: how much of one core scoring may take;
    `calls_per_hour`: how many calls each evaluator may score in an hour (None: any number). What is too much for
    either is sampled. `batch`: texts per task (None: the engine's own). `attempts`: tries of a text on its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    detoxify: Path | None = None
    nli: Path | None = None
    thresholds: dict[str, float] = Field(default_factory=dict)
    false_flags: float = Field(default=0.005, gt=0, lt=0.5)
    off: tuple[str, ...] = ()
    lookback: Duration = timedelta(days=30)
    core_share: float = Field(default=0.75, gt=0, le=1)
    calls_per_hour: int | None = Field(default=None, gt=0)
    batch: int | None = Field(default=None, gt=0)
    page: int = Field(default=1024, gt=0)
    attempts: int = Field(default=3, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`value` None: it could not be measured, and `label` says so."""

    value: float | None
    label: str
    explanation: str | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a score must be a number, not {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A figure of an engine on labelled data: AUROC, and precision and recall at its default threshold."""

    data: str
    n: int
    auroc: float | None = None
    precision: float | None = None
    recall: float | None = None


def _nothing_missing(_: ScoringSettings) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One way to work a score out.

    `score` runs in a worker: as many verdicts as subjects, in their order; it may load a model there on first use.
    `missing` says what has to be installed or configured before it can; None when it is ready.
    `trust` says in one sentence how far to believe it; `evidence` on what that was measured, empty where nothing was.
    """

    id: str
    score: Callable[[Sequence[Subject], ScoringSettings], list[Verdict]]
    trust: str
    evidence: tuple[Evidence, ...] = ()
    cost: str
    threshold: float | None = None
    calibrated: bool = False  # the threshold moves to the user's own first week
    batch: int = 32  # texts per task: small where one takes long
    missing: Callable[[ScoringSettings], str | None] = _nothing_missing

    def scores_as(self, name: str) -> str:
        """What stands with each score: the evaluator's name, this engine and its version."""
        return f"{name}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """`needs`: columns without which a call is not scored; `reads`: what is handed over beside them.

    Values lie in [0, 1]; `unit` says what of. `flagged` is the label that rates count, `low`: it is given to values
    below the threshold, not above. `question` is what a person is asked of a call. `engines`: best first.
    """

    name: str
    title: str
    help: str
    unit: str
    flagged: str
    low: bool = False
    question: str = ""
    needs: tuple[str, ...]
    reads: tuple[str, ...] = ()
    engines: Callable[[ScoringSettings], Sequence[Engine]]

    @property
    def asks(self) -> str:
        """What a person is asked of a call."""
        return self.question or f"Is it {self.flagged}?"

    @property
    def rate(self) -> str:
        """The name of the metric that counts what it flags."""
        return f"{self.flagged}_rate"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.needs + self.reads


@cache
def evaluators() -> Mapping[str, Evaluator]:
    """Every evaluator there is, by name."""
    return declared(Evaluator, "analytics.evaluators")


def engine_of(evaluator: Evaluator, settings: ScoringSettings) -> Engine:
    """Return the best engine that is ready; raises ConfigError that names what each of them lacks."""
    lacks = []
    for engine in evaluator.engines(settings):
        missing = engine.missing(settings)
        if missing is None:
            return engine
        lacks.append(missing)
    raise ConfigError(f"{evaluator.name} is not scored: {'; '.join(lacks)}")


def threshold_of(evaluator: str, settings: ScoringSettings, default: float) -> float:
    return settings.thresholds.get(evaluator, default)


def needs_package(package: str) -> Callable[[ScoringSettings], str | None]:
    """Return a `missing` that looks for `package` without importing it."""

    def missing(_: ScoringSettings) -> str | None:
        return None if find_spec(package) else f"{package} is not installed: pip install 'leeway[ml]'"

    return missing
