"""Who made a number move: the slices that carry the change between a reference and a current window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from analytics.metric import NO_FILTERS, by_each, metric
from store.connection import Store
from store.model import Filters, Slice, Window

# Whom a change can come from, in the order in which people ask. A version means nothing without its prompt; status,
# error type and finish reason say what happened, not to whom: ask for them by name.
SUSPECTS = (
    ("prompt_name", "prompt_version"), ("prompt_name",), ("model",), ("provider",), ("tenant",), ("user_id",),
    ("service",), ("environment",), ("agent_name",), ("operation",), ("response_model",),
)  # fmt: skip
MOST = 200  # slices of one group of dimensions that are told: users can be many thousands
# How much more of the change a slice carries than its size explains: what sorts the suspects.
EXCESS = pl.min_horizontal("share", 1.0) - pl.col("weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A slice's part in a change.

    `value` and `reference`: the metric in this slice, now and then (None: no calls). `share`: the part of the whole
    change that it carries; below 0 it pulled the other way, above 1 others pulled against it. `weight`: the part it
    had of the whole in the reference, which is the share it would carry if all had moved alike.
    """

    slice: Slice
    value: float | None
    reference: float | None
    n: int
    n_reference: int
    share: float
    weight: float

    @property
    def excess(self) -> float:
        """How much more of the change it carries than its size explains: what sorts the suspects."""
        return min(self.share, 1.0) - self.weight


def contributors(
    store: Store,
    name: str,
    window: Window,
    reference: Window,
    *,
    filters: Filters = NO_FILTERS,
    by: Sequence[str] = (),
) -> list[Contribution]:
    """Return the slices of `by` that carry the change of a metric, the most telling first.

    Without `by` every suspect is asked, and dimensions with one value only are left out. A reference of another length
    is scaled. For totals the share is that of the difference; for rates and levels each slice counts with its part of
    the calls, so that a slice can also tell by having grown. Empty when nothing changed or one side has no calls.
    """
    moved = _moved_totals if metric(name).kind == "total" else _moved_means
    groups = [tuple(by)] if by else SUSPECTS
    sides = (by_each(store, name, side, groups, filters=filters) for side in (window, reference))
    found: list[Contribution] = []
    for keys, now, before in zip(groups, *sides, strict=True):
        slices = _beside(now, before, keys, name)
        if by or len(slices) > 1:
            told = moved(slices, window.length / reference.length).sort(EXCESS.round(6), descending=True)
            found += [_told(keys, row) for row in (told if by else told.head(MOST)).iter_rows()]
    return sorted(found, key=lambda one: -round(one.excess, 6))


def _beside(now: pl.DataFrame, before: pl.DataFrame, keys: Sequence[str], name: str) -> pl.DataFrame:
    """One row a slice: `keys`, `value`, `reference`, `n`, `n_reference`; null on the side that has no calls of it."""
    new = now.select(*keys, pl.col(name).alias("value"), "n")
    old = before.select(*keys, pl.col(name).alias("reference"), pl.col("n").alias("n_reference"))
    both = new.join(old, on=keys, how="full", coalesce=True, nulls_equal=True, maintain_order="left_right")
    return both.select(*keys, "value", "reference", pl.col("n", "n_reference").fill_null(0))


def _moved_totals(slices: pl.DataFrame, scale: float) -> pl.DataFrame:
    """Add `share` and `weight`: a slice's part of the difference of two sums, and its part of the old sum."""
    new, old = slices["value"].fill_null(0.0), slices["reference"].fill_null(0.0) * scale
    change = (new - old).sum()
    if not change or not slices["n"].sum() or not slices["n_reference"].sum():
        return _shared(slices.clear(), old.clear(), old.clear())
    return _shared(slices, (new - old) / change, old / (old.sum() or 1.0))


def _moved_means(slices: pl.DataFrame, scale: float) -> pl.DataFrame:  # noqa: ARG001 - a mean does not grow with time
    """Add `share` and `weight`, the metric taken as the mean of its slices weighted by their calls.

    Measured from the old mean, so that a slice counts both for what it became and for how much of it there is.
    Exact for rates and means; for quantiles, which do not add up, a fair guess.
    """
    slices = slices.filter(pl.col("value").is_not_null() | pl.col("reference").is_not_null())
    new, old = _parts(slices["value"], slices["n"]), _parts(slices["reference"], slices["n_reference"])
    mean = (slices["reference"] * old).sum()
    by = ((slices["value"] - mean) * new).fill_null(0.0) - ((slices["reference"] - mean) * old).fill_null(0.0)
    change = by.sum()
    if not change or not new.sum() or not old.sum():
        return _shared(slices.clear(), old.clear(), old.clear())
    return _shared(slices, by / change, old)


def _parts(values: pl.Series, calls: pl.Series) -> pl.Series:
    """The part of each slice in the calls of which the metric is known."""
    known = calls.cast(pl.Float64) * values.is_not_null()
    return known / (known.sum() or 1.0)


def _shared(slices: pl.DataFrame, share: pl.Series, weight: pl.Series) -> pl.DataFrame:
    return slices.with_columns(share=share, weight=weight)


def _told(keys: Sequence[str], row: Sequence[Any]) -> Contribution:
    *values, value, reference, n, n_reference, share, weight = row
    return Contribution(
        slice=tuple(zip(keys, values, strict=True)), value=value, reference=reference, n=n, n_reference=n_reference,
        share=share, weight=weight,
    )  # fmt: skip
