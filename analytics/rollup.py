"""Bring the hourly rollups up to date: exactly the hours that were touched, however late their data came."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from store import rollup
from store.connection import Store
from store.model import Window

# One transaction for each: nobody waits long for the writer, and what is done stays done.
LONGEST = timedelta(days=1)


def refresh(store: Store, *, now: datetime) -> dict[str, int]:  # noqa: ARG001 - every job is told when it is due
    """Rebuild every dirty hour; return how many hours and rollup rows that were. Doing it again changes nothing."""
    hours = rows = 0
    for stretch in _cut(rollup.dirty(store)):
        with store.transaction() as tx:
            rebuilt = rollup.rebuild(tx, stretch)
        hours, rows = hours + rebuilt.hours, rows + rebuilt.rows
    return {"hours": hours, "rows": rows}


def _cut(stretches: list[Window]) -> Iterator[Window]:
    for stretch in stretches:
        start = stretch.start
        while start < stretch.end:
            end = min(start + LONGEST, stretch.end)
            yield Window(start=start, end=end)
            start = end
