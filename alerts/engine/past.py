"""What a slice's values were, window by window on a fixed grid: for kinds of rules that know what is normal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from alerts.engine.season import Season, season

Values = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """`step`: the length of a window and the distance to the next. `memory`: how far back the first one may lie."""

    step: timedelta
    memory: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """`values[i]` belongs to the window that ended at `first + i * step`; not a number is unknown."""

    first: datetime
    step: timedelta
    values: Values
    _seasons: dict[str, Season] = field(default_factory=dict, compare=False, repr=False)

    def place(self, end: datetime) -> int:
        """The index of the window that ended at `end`. Raises IndexError outside of the grid."""
        place = (end - self.first) // self.step
        if not 0 <= place < len(self.values):
            raise IndexError(f"{end} is outside of what was read")
        return place

    def until(self, end: datetime) -> Values:
        """The values up to and with the last window that was over at `end`."""
        return self.values[: max(0, (end - self.first) // self.step + 1)]

    def season(self, zone: str) -> Season:
        """What is normal at each place by the clock of `zone`; worked out once."""
        if zone not in self._seasons:
            self._seasons[zone] = season(self.values, self.first, self.step, zone)
        return self._seasons[zone]


def known(values: Sequence[float | None]) -> Values:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
