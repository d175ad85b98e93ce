"""Who made a number move: the slices that carry the change between a reference and a current window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Side:
    value: float | None = None
    n: int = 0


_Values = tuple[str | None, ...]
_Slices = dict[_Values, _Side]


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
    kind = metric(name).kind
    groups = [tuple(by)] if by else SUSPECTS
    sides = (by_each(store, name, side, groups, filters=filters) for side in (window, reference))
    found: list[Contribution] = []
    for keys, *frames in zip(groups, *sides, strict=True):
        now, before = (_slices(frame) for frame in frames)
        if len({*now, *before}) > 1 or by:
            scale = window.length / reference.length
            shares = _total_shares(now, before, scale) if kind == "total" else _mean_shares(now, before)
            found += (
                _told(keys, values, now.get(values, _Side()), before.get(values, _Side()), moved)
                for values, moved in shares.items()
            )
    return sorted(found, key=lambda one: -round(one.excess, 6))


def _slices(frame: pl.DataFrame) -> _Slices:
    return {tuple(keys): _Side(value, n) for *keys, n, value in frame.iter_rows()}


def _total_shares(now: _Slices, before: _Slices, scale: float) -> Mapping[_Values, tuple[float, float]]:
    """(share, weight) of each slice: its part of the difference of two sums, its part of the old sum."""
    old = {values: (side.value or 0.0) * scale for values, side in before.items()}
    new = {values: side.value or 0.0 for values, side in now.items()}
    change = sum(new.values()) - sum(old.values())
    if not before or not now or not change:
        return {}
    whole = sum(old.values()) or 1.0
    return {
        values: ((new.get(values, 0.0) - old.get(values, 0.0)) / change, old.get(values, 0.0) / whole)
        for values in {**new, **old}
    }


def _mean_shares(now: _Slices, before: _Slices) -> Mapping[_Values, tuple[float, float]]:
    """(share, weight) of each slice, the metric taken as the mean of its slices weighted by their calls.

    Measured from the old mean, so that a slice counts both for what it became and for how much of it there is.
    Exact for rates and means; for quantiles, which do not add up, a fair guess.
    """
    mean = _mean(before)
    if mean is None or _mean(now) is None:
        return {}
    parts_now, parts_before = _parts(now), _parts(before)
    moved = {
        values: _distance(now, values, mean) * parts_now.get(values, 0.0)
        - _distance(before, values, mean) * parts_before.get(values, 0.0)
        for values in {**parts_now, **parts_before}
    }
    change = sum(moved.values())
    return {values: (by / change, parts_before.get(values, 0.0)) for values, by in moved.items()} if change else {}


def _parts(side: _Slices) -> dict[_Values, float]:
    known = {values: one.n for values, one in side.items() if one.value is not None}
    return {values: n / total for values, n in known.items()} if (total := sum(known.values())) else {}


def _mean(side: _Slices) -> float | None:
    parts = _parts(side)
    return sum(part * (side[values].value or 0.0) for values, part in parts.items()) if parts else None


def _distance(side: _Slices, values: _Values, mean: float) -> float:
    value = side[values].value if values in side else None
    return 0.0 if value is None else value - mean


def _told(keys: tuple[str, ...], values: _Values, new: _Side, old: _Side, moved: tuple[float, float]) -> Contribution:
    share, weight = moved
    return Contribution(
        slice=tuple(zip(keys, values, strict=True)),
        value=new.value,
        reference=old.value,
        n=new.n,
        n_reference=old.n,
        share=share,
        weight=weight,
    )
