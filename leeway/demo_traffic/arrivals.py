"""When calls come and how many tokens they have, after the Azure LLM inference traces of 2023."""

import json
import random
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

DURATION = timedelta(hours=48)
# How busy each hour of the shops' day is. The demo's clock says 15:00 at its end, whenever it is made: so the night
# lies where the story wants it.
BUSY = (
    0.28, 0.22, 0.20, 0.20, 0.22, 0.30, 0.45, 0.70, 1.00, 1.25, 1.35, 1.35,
    1.25, 1.30, 1.35, 1.30, 1.25, 1.20, 1.15, 1.10, 0.95, 0.75, 0.55, 0.40,
)  # fmt: skip
HOUR_AT_THE_END = 15
FIVE_MINUTES = 300.0


class Profile:
    """The measured shape: how calls bunch within an hour, and the quantiles of their token counts."""

    def __init__(self, folder: Path) -> None:
        raw = json.loads((folder / "azure_2023_profile.json").read_text(encoding="utf-8"))
        self.bunching: list[float] = raw["conversation"]["share_of_mean_per_5_minutes"]
        self._quantiles: dict[tuple[str, str], list[int]] = {
            (kind, side): raw[kind][f"{side}_tokens_at_every_5_percent"]
            for kind in ("conversation", "code")
            for side in ("input", "output")
        }

    def tokens(self, kind: str, side: str, rng: random.Random) -> int:
        """Draw a token count of `kind` (conversation, code) and `side` (input, output), without the outermost 5 %."""
        steps = list(pairwise(self._quantiles[kind, side][1:-1]))
        low, high = steps[rng.randrange(len(steps))]
        return round(low + (high - low) * rng.random())


def arrivals(now: datetime, visits: int, profile: Profile, rng: random.Random) -> list[datetime]:
    """About `visits` moments of the two days up to `now`, in order."""
    start = now - DURATION
    slots = int(DURATION.total_seconds() / FIVE_MINUTES)
    weights = [_busy(slot) * profile.bunching[slot % len(profile.bunching)] for slot in range(slots)]
    scale = visits / sum(weights)
    moments = [
        start + timedelta(seconds=(slot + rng.random()) * FIVE_MINUTES)
        for slot, weight in enumerate(weights)
        for _ in range(_rounded(weight * scale, rng))
    ]
    return sorted(moments)


def _busy(slot: int) -> float:
    hours = slot * FIVE_MINUTES / 3600 + HOUR_AT_THE_END - DURATION.total_seconds() / 3600
    return BUSY[int(hours) % 24]


def _rounded(expected: float, rng: random.Random) -> int:
    """A whole number with the mean `expected` and some of the noise that counts have."""
    return max(0, round(rng.gauss(expected, expected**0.5)))
