"""Stretches of time: how long, how finely cut, and what to compare them with. All UTC, all half-open."""

from datetime import UTC, datetime, timedelta

from store.model import Window

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Each divides the next whole unit, so buckets start where a clock or a calendar does (weeks on Monday).
STEPS = (
    MINUTE / 2, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY,
)  # fmt: skip
MOST_POINTS = 300  # more than a chart has pixels for
# Longer windows are cut no finer than this: the rollups of latencies know no less than six hours.
LONGEST_FINE, COARSE = 7 * DAY, 6 * HOUR
# Where DuckDB's time_bucket starts counting; a Monday.
ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)


def last(span: timedelta, now: datetime) -> Window:
    """The window of length `span` that ends now."""
    return Window(start=now - span, end=now)


def bucket_for(window: Window, *, finest: timedelta = STEPS[0]) -> timedelta:
    """The finest step that cuts `window` into at most 300 points; beyond a week no finer than six hours.

    Cut scores no finer than an hour: then they are read from their rollup.
    """
    finest = max(finest, COARSE) if window.length > LONGEST_FINE else finest
    for step in STEPS:
        if step >= finest and window.length / step <= MOST_POINTS:
            return step
    weeks = -(-window.length // (MOST_POINTS * STEPS[-1]))
    return weeks * STEPS[-1]


def floor(moment: datetime, bucket: timedelta) -> datetime:
    """The start of the bucket that `moment` lies in."""
    return moment.astimezone(UTC) - (moment - ORIGIN) % bucket


def ceil(moment: datetime, bucket: timedelta) -> datetime:
    """The first start of a bucket that is not before `moment`."""
    return moment.astimezone(UTC) + (ORIGIN - moment) % bucket


def whole(window: Window, bucket: timedelta) -> Window:
    """`window` without its partial edge buckets: half an hour must not look like a drop. May be empty."""
    start = ceil(window.start, bucket)
    return Window(start=start, end=max(start, floor(window.end, bucket)))
