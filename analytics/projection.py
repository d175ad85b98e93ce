"""What the month has cost so far, and what it comes to if the last days go on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from analytics.metric import NO_FILTERS, summary
from analytics.window import DAY, floor
from store.connection import Store
from store.model import Filters, Window

RECENT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Priced calls only. `projected_usd` is None without a whole day to go by."""

    spent_usd: float | None
    projected_usd: float | None
    ends_at: datetime


def month(store: Store, *, now: datetime, filters: Filters = NO_FILTERS) -> Month:
    """The calendar month (UTC) of `now`: spent so far, plus the mean of the last whole days for each day left."""
    starts_at = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends_at = (starts_at + timedelta(days=32)).replace(day=1)
    spent = _cost(store, Window(start=starts_at, end=now), filters)
    daily = _recent_daily(store, now, filters)
    projected = None if daily is None else (spent or 0.0) + daily * ((ends_at - now) / DAY)
    return Month(spent_usd=spent, projected_usd=projected, ends_at=ends_at)


def _recent_daily(store: Store, now: datetime, filters: Filters) -> float | None:
    """Mean cost of the last whole days on which there were calls; a log that began yesterday counts one day."""
    today = floor(now, DAY)
    days = [Window(start=today - n * DAY, end=today - (n - 1) * DAY) for n in range(1, RECENT_DAYS + 1)]
    costs = [cost for day in days if (cost := _cost(store, day, filters)) is not None]
    return sum(costs) / len(costs) if costs else None


def _cost(store: Store, window: Window, filters: Filters) -> float | None:
    if window.start >= window.end:
        return None
    cost: float | None = summary(store, ["cost_usd"], window, filters=filters)["cost_usd"].item()
    return cost
