"""Which threshold an evaluator flags by, and where it comes from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analytics.evaluator import Engine, Evaluator, ScoringSettings
from store.connection import Store
from store.scoring import adopt_threshold, adopted_threshold, first_week_quantile

CALIBRATION_CALLS = 1000  # of the first week; from fewer, no quantile near 1 can be told
FIRST_WEEK: Literal["first week"] = "first week"

Origin = Literal["settings", "adopted", "first week", "default"]


@dataclass(frozen=True, slots=True)
class Threshold:
    value: float
    origin: Origin


def threshold_in_force(
    store: Store, evaluator: Evaluator, engine: Engine, settings: ScoringSettings
) -> Threshold | None:
    """What was set by hand comes first, then what was adopted: on the page, or from this user's own first week.

    None when the engine has no threshold.
    """
    if engine.threshold is None:
        return None
    if evaluator.name in settings.thresholds:
        return Threshold(settings.thresholds[evaluator.name], "settings")
    adopted = adopted_threshold(store, engine.scores_as(evaluator.name))
    if adopted is None:
        return Threshold(engine.threshold, "default")
    value, who = adopted
    return Threshold(value, FIRST_WEEK if who == FIRST_WEEK else "adopted")


def calibrate(store: Store, evaluator: Evaluator, engine: Engine, settings: ScoringSettings, *, now: datetime) -> None:
    """Adopt the threshold that follows from this user's own first week, once that is over and nobody chose another.

    The first week is taken for ordinary: of its calls, as many as `settings.false_flags` says lie above.
    """
    scores_as = engine.scores_as(evaluator.name)
    if not engine.calibrated or adopted_threshold(store, scores_as) is not None:
        return
    own = first_week_quantile(store, scores_as, 1 - settings.false_flags, at_least=CALIBRATION_CALLS)
    if own is not None:
        why = f"{1 - settings.false_flags:.1%} of the first week's scores lie below"
        adopt_threshold(store, scores_as, own, why=why, actor=FIRST_WEEK, now=now)
