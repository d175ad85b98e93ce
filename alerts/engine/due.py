"""Which windows are due: their ends stand on the clock, whenever the evaluation runs."""

from datetime import UTC, datetime, timedelta

from alerts.rule import Rule
from alerts.settings import AlertSettings

MONDAY = datetime(2000, 1, 3, tzinfo=UTC)  # window ends are counted from here: weeks end on Mondays


def floored(moment: datetime, every: timedelta) -> datetime:
    """The last window end at or before `moment`."""
    return moment.astimezone(UTC) - (moment - MONDAY) % every


def due(rule: Rule, until: datetime | None, settings: AlertSettings, now: datetime) -> list[datetime]:
    """Window ends that are to be evaluated, oldest first: the newest only for a new rule, at most `catch_up`."""
    last = floored(now - settings.late_offset, rule.every)
    if until is None:
        return [last]
    first = floored(until, rule.every) + rule.every
    count = (last - first) // rule.every + 1
    missed = range(max(0, count - settings.catch_up), max(0, count))
    return [first + index * rule.every for index in missed]
