"""One metric over many overlapping windows at once: the same numbers as `measure` window by window."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from analytics.metric import NO_FILTERS, metric, names_asked
from store import sliding as stored
from store.connection import Store
from store.errors import ConfigError
from store.model import DIMENSIONS, Filters, Sample, Window


def sliding(
    store: Store, name: str, ends: Window, *, length: timedelta, every: timedelta, filters: Filters = NO_FILTERS,
    by: Sequence[str] = (),
) -> Mapping[datetime, Sequence[Sample]]:  # fmt: skip
    """Return the samples of each window of `length` that ends at a multiple of `every` within `ends`, by its end.

    Windows without calls are left out. Read from raw rows, whatever the range. Raises ConfigError for an unknown name.
    """
    wanted = metric(name)
    if unknown := set(by) - {*DIMENSIONS}:
        raise ConfigError(f"no dimension is called {min(unknown)!r}: use one of {', '.join(DIMENSIONS)}")
    names = names_asked(wanted, wanted.relation)
    asked = stored.Overlapping(ends=ends, length=length, every=every, filters=filters, by=tuple(by), names=names)
    frame = stored.sliding(store, wanted.relation, sql=wanted.sql, n=wanted.n, asked=asked)
    found: dict[datetime, list[Sample]] = {}
    for end, *values, n, value in frame.iter_rows():
        slice_ = tuple(zip(by, values, strict=True))
        found.setdefault(end, []).append(Sample(slice=slice_, value=value, n=n or 0))
    return found
