"""Which threshold an evaluator flags by, and where it comes from."""

from dataclasses import dataclass
from typing import Literal

from analytics.evaluator import Engine, Evaluator, ScoringSettings
from store.connection import Store
from store.scoring import adopted_threshold, first_week_quantile

# The threshold of a calibrated engine: this quantile of the user's own first week, once that holds enough scores.
CALIBRATION_QUANTILE = 0.995
CALIBRATION_CALLS = 1000

Origin = Literal["settings", "adopted", "first week", "default"]


@dataclass(frozen=True, slots=True)
class Threshold:
    value: float
    origin: Origin


def threshold_in_force(
    store: Store, evaluator: Evaluator, engine: Engine, settings: ScoringSettings
) -> Threshold | None:
    """What was set by hand comes first, then what somebody adopted on the page, then this user's own first week.

    None when the engine has no threshold.
    """
    if engine.threshold is None:
        return None
    if evaluator.name in settings.thresholds:
        return Threshold(settings.thresholds[evaluator.name], "settings")
    scores_as = engine.scores_as(evaluator.name)
    if (adopted := adopted_threshold(store, scores_as)) is not None:
        return Threshold(adopted, "adopted")
    if engine.calibrated:
        own = first_week_quantile(store, scores_as, CALIBRATION_QUANTILE, at_least=CALIBRATION_CALLS)
        if own is not None:
            return Threshold(own, "first week")
    return Threshold(engine.threshold, "default")
