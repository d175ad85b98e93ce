"""What an incident cost beyond what would have been spent anyway."""

from datetime import timedelta

from analytics.metric import NO_FILTERS, summary
from store.connection import Store
from store.model import Filters, Window

WEEK = timedelta(days=7)


def extra_cost(store: Store, window: Window, filters: Filters = NO_FILTERS) -> float | None:
    """Return the cost of a window in USD less that of the same hours last week, or of the time just before.

    None when either is unknown. Below 0 it was cheaper than usual.
    """
    last_week = Window(start=window.start - WEEK, end=window.end - WEEK)
    now = _cost(store, window, filters)
    then = next(
        (cost for one in (last_week, window.before()) if (cost := _cost(store, one, filters)) is not None), None
    )
    return None if now is None or then is None else now - then


def _cost(store: Store, window: Window, filters: Filters) -> float | None:
    cost: float | None = summary(store, ["cost_usd"], window, filters=filters)["cost_usd"].item()
    return cost
