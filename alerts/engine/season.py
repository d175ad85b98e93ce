"""What is normal at this hour of this week, and how far from it a value lies, in robust deviations.

A value is taken by its logarithm, `L`. What is normal is the median of the values of the same hour of the week, one
hour more or less, in each of the four weeks before; `r` is what remains. The spread `s` is 1.4826 times the median
absolute deviation of `r` over the 14 days before the day, at least 0.03; `z = r / s`. With less history: of the same
hour of the day (from three days on), of weekdays or weekends apart (from fourteen).

Two sums find what one value hides: a moving average of `z` in units of its own spread (EWMA), and the sum of what goes
beyond one deviation (CUSUM). Both look back over a fixed stretch, so that it does not matter when one began to look.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

Values = np.ndarray[tuple[int], np.dtype[np.float64]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]
Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]

DAY, WEEK, HOUR = timedelta(days=1), timedelta(days=7), timedelta(hours=1)
SATURDAY = 5
FLOOR = 1e-6  # logarithms know no 0
SPREAD_OVER = timedelta(days=14)
LEAST_SPREAD = 0.03
TO_DEVIATION = 1.4826  # from a median absolute deviation, were it a normal distribution's
FEWEST_ALIKE, FEWEST_RESTS = 3, 20
# From how much history on, and with which days before it an hour is compared.
BY_DAY, BY_KIND_OF_DAY, BY_WEEK = timedelta(days=3), timedelta(days=14), timedelta(days=28)
ALPHA = 0.2  # of the moving average
EWMA_OVER = 64  # values: what is older weighs less than a millionth
CUSUM_OVER = timedelta(days=7)
MOST = 8.0  # deviations that one value counts for: one odd window is no shift
ALLOWED = 1.0  # deviations that the sum lets pass
MEMORY = BY_WEEK + SPREAD_OVER + 2 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """By place: `normal` and `spread` are of the logarithm; not a number where nothing can be said."""

    normal: Values
    spread: Values
    z: Values
    ewma: Values
    cusum_up: Values
    cusum_down: Values

    def usual(self, place: int, deviations: float = 0.0) -> float:
        """The value that lies so many deviations from what is normal there."""
        return float(np.exp(self.normal[place] + deviations * self.spread[place]))


def season(values: Values, first: datetime, step: timedelta, zone: str) -> Season:
    """Work out what is normal at each place of a grid whose windows end at `first` and every `step` after."""
    logs = np.log(np.maximum(values, FLOOR))
    normal = _normal(logs, first, step, zone)
    spread = _spread(logs - normal, first, step)
    z = (logs - normal) / spread
    return Season(
        normal=normal, spread=spread, z=z, ewma=_ewma(z), cusum_up=_cusum(z, step), cusum_down=_cusum(-z, step)
    )


def _normal(logs: Values, first: datetime, step: timedelta, zone: str) -> Values:
    normal = np.full(len(logs), np.nan)
    seen = np.flatnonzero(~np.isnan(logs))
    if not len(seen):
        return normal
    clock = _clock(first, step, zone, len(logs))
    age = np.arange(len(logs)) - seen[0]
    ages = (BY_DAY, BY_KIND_OF_DAY, BY_WEEK, timedelta.max)
    for rung, days in enumerate((range(1, 14), range(1, 28), range(7, 29, 7))):
        places = np.flatnonzero((age >= ages[rung] / step) & (age < ages[rung + 1] / step))
        normal[places] = _median(clock.alike(logs, places, days, same_kind=rung == 1), FEWEST_ALIKE)
    return normal


class _Clock:
    """Where on the grid the same hours of other days lie, by the clock of a place."""

    def __init__(self, first: datetime, step: timedelta, zone: str, length: int) -> None:
        self.day = max(1, round(DAY / step))
        self.around = round(HOUR / step) if step <= HOUR else 0
        local = [(first + place * step).astimezone(ZoneInfo(zone)) for place in range(length)]
        self.ahead = np.array([round((moment.utcoffset() or timedelta(0)) / step) for moment in local], dtype=np.int64)
        self.weekend = np.array([(moment - step / 2).weekday() >= SATURDAY for moment in local])

    def alike(self, logs: Values, places: Places, days: range, *, same_kind: bool) -> Table:
        """A row for each of `places`: the values of the same hour, and around it, so many days before."""
        columns = []
        for back in days:
            then = places - back * self.day
            then = then + self.ahead[places] - self.ahead[np.maximum(then, 0)]
            fits = then >= 0
            if same_kind:
                fits &= self.weekend[np.maximum(then, 0)] == self.weekend[places]
            for aside in range(-self.around, self.around + 1):
                at = then + aside
                columns.append(np.where(fits & (at >= 0), logs[np.clip(at, 0, len(logs) - 1)], np.nan))
        return np.stack(columns, axis=1)


@lru_cache(maxsize=4)
def _clock(first: datetime, step: timedelta, zone: str, length: int) -> _Clock:
    """The slices of a rule lie on the same grid."""
    return _Clock(first, step, zone, length)


def _median(rows: Table, fewest: int) -> Values:
    """The median of the known values of each row; not a number where they are too few."""
    ordered = np.sort(rows, axis=1)
    count = np.sum(~np.isnan(ordered), axis=1)
    last = np.maximum(count - 1, 0)
    at = np.arange(len(rows))
    middle = (ordered[at, last // 2] + ordered[at, (last + 1) // 2]) / 2
    return np.where(count >= fewest, middle, np.nan)


def _spread(rests: Values, first: datetime, step: timedelta) -> Values:
    """The spread of what remains, worked out anew at each midnight (UTC) and in force for a day."""
    spread = np.full(len(rests), np.nan)
    day, over = max(1, round(DAY / step)), round(SPREAD_OVER / step)
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    start = -((first - midnight) // step)  # a place at or before the first, at which a day begins
    for begin in range(start, len(rests), day):
        before = rests[max(0, begin - over) : max(0, begin)]
        known = before[~np.isnan(before)]
        if len(known) >= FEWEST_RESTS:
            found = TO_DEVIATION * float(np.median(np.abs(known - np.median(known))))
            spread[max(0, begin) : begin + day] = max(LEAST_SPREAD, found)
    return spread


def _ewma(z: Values) -> Values:
    """The moving average of the known values in units of its own spread; where one is unknown it stays as it was."""
    known = np.flatnonzero(~np.isnan(z))
    if not len(known):
        return np.full(len(z), np.nan)
    weights = ALPHA * (1 - ALPHA) ** np.arange(EWMA_OVER)
    smooth = np.convolve(np.clip(z[known], -MOST, MOST), weights)[: len(known)] / np.sqrt(ALPHA / (2 - ALPHA))
    last = np.searchsorted(known, np.arange(len(z)), side="right") - 1
    return np.where(last >= 0, smooth[np.maximum(last, 0)], np.nan)


def _cusum(z: Values, step: timedelta) -> Values:
    """max(0, c + z - 1) from value to value, begun a week ago: the largest sum of any stretch that ends here."""
    moved = np.where(np.isnan(z), 0.0, np.clip(z, -MOST, MOST) - ALLOWED)
    total = np.concatenate([[0.0], np.cumsum(moved)])
    over = round(CUSUM_OVER / step)
    padded = np.concatenate([np.full(over, total[0]), total])
    lowest = np.lib.stride_tricks.sliding_window_view(padded, over + 1).min(axis=1)
    return np.asarray((total - lowest)[1:])
