"""What a sum comes to by the end of its period, if the rest goes on like the last weeks, and how sure that is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from alerts.engine.past import Past

DAY, WEEK_DAYS = timedelta(days=1), 7
HISTORY = timedelta(days=28)
FEWEST_DAYS = 3
FOR_SEASON = 14  # days of history from which on a weekday is compared with its like
SURE = 1.645  # deviations to either side hold 90 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """In the unit of the sum; between `low` and `high` with 90 % confidence."""

    value: float
    low: float
    high: float


def forecast(past: Past, so_far: float, now: datetime, until: datetime) -> Forecast | None:
    """Return what `so_far` grows to `until` then; None with less than three whole days to go by."""
    days = _days(past, now)
    left = (until - now) / DAY
    if len(days) < FEWEST_DAYS:
        return None
    cycle = WEEK_DAYS if len(days) >= FOR_SEASON else 1
    usual = np.array([days[place::cycle].mean() for place in range(cycle)])
    ahead = np.arange(int(np.ceil(left)))
    parts = np.minimum(1.0, left - ahead)
    rest = float((usual[-(ahead + 1) % cycle] * parts).sum())
    error = days - usual[np.arange(len(days)) % cycle]
    spread = float(np.sqrt((error**2).sum() / max(1, len(days) - cycle)))
    doubt = SURE * spread * float(np.sqrt(left + left * left / len(days)))
    value = so_far + rest
    return Forecast(value=value, low=max(so_far, value - doubt), high=value + doubt)


def _days(past: Past, now: datetime) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The sums of the whole days of 24 h before `now`, the last one first; hours without calls cost nothing."""
    values = past.until(now)
    per_day = round(DAY / past.step)
    seen = np.flatnonzero(~np.isnan(values))
    if not len(seen):
        return np.array([])
    whole = min((len(values) - int(seen[0])) // per_day, HISTORY // DAY)
    recent = np.nan_to_num(values[len(values) - whole * per_day :])
    return np.asarray(recent.reshape(whole, per_day).sum(axis=1)[::-1])
