"""What kind of reference windows are compared with.

`pinned`: one that stands still, the beginning of the traffic or a window that somebody accepted. `rolling`: the day (or
other length) before. `same_weekday`: the same day a week before. `release FIELD=VALUE`: the first calls since that
service_version, prompt_version or model was first seen.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from store import references
from store.connection import Store
from store.errors import ConfigError
from store.model import Window

PINNED, ROLLING, SAME_WEEKDAY, RELEASE = "pinned", "rolling", "same_weekday", "release"
MOVING = (ROLLING, SAME_WEEKDAY)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
BACK = {ROLLING: 7, SAME_WEEKDAY: 4}  # stretches tried, the nearest first, until one is clean and large enough
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # a line of every grid of windows
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def checked(basis: str) -> str:
    """Return `basis` if it is one. Raises ValueError that lists what there is."""
    kind, _, release = basis.partition(" ")
    field, _, value = release.partition("=")
    right = kind in (PINNED, *MOVING) and not release
    if not right and not (kind == RELEASE and field in references.RELEASES and value):
        fields = ", ".join(references.RELEASES)
        raise ValueError(
            f"{basis!r} is no reference: use pinned, rolling, same_weekday or 'release FIELD=VALUE' (FIELD: {fields})"
        )
    return basis


def stretches(store: Store, basis: str, moment: datetime, length: timedelta) -> Iterator[Window]:
    """Where a reference for a window that begins at `moment` may lie, the best first.

    Raises ConfigError when the release was never seen.
    """
    if basis == ROLLING:
        day = before(moment, length)
        yield from (Window(start=day - (n + 1) * length, end=day - n * length) for n in range(BACK[ROLLING]))
    elif basis == SAME_WEEKDAY:
        day = before(moment, DAY)
        yield from (Window(start=day - n * WEEK, end=day - n * WEEK + DAY) for n in range(1, BACK[SAME_WEEKDAY] + 1))
    else:
        yield Window(start=_since(store, basis), end=moment)


def _since(store: Store, basis: str) -> datetime:
    if basis == PINNED:
        return FIRST
    field, _, value = basis.removeprefix(f"{RELEASE} ").partition("=")
    found = references.first_seen(store, field, value)
    if found is None:
        raise ConfigError(f"no call has {field} {value!r}: choose one that was seen, or another kind of reference")
    return found


def before(moment: datetime, window: timedelta) -> datetime:
    """The last grid line at or before `moment`."""
    return EPOCH + (moment - EPOCH) // window * window


def after(moment: datetime, window: timedelta) -> datetime:
    """The first grid line at or after `moment`."""
    line = before(moment, window)
    return line if line == moment else line + window
