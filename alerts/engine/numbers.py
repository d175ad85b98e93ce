"""Where a rule's numbers come from: one window at a time, or a whole stretch of windows in one reading.

Both give the same numbers. A stretch read once can be asked again and again: a preview tries many settings on it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from alerts.condition import kinds
from alerts.engine.due import floored
from alerts.engine.past import Grid, Past, Values
from alerts.rule import MetricInfo, Rule
from store.alerts import slice_key
from store.errors import LeewayError
from store.model import Filters, Sample, Slice, Window

log = logging.getLogger(__name__)

AT_ONCE, MOMENT = timedelta(days=7), timedelta(microseconds=1)

Measure = Callable[[str, Window, Filters, tuple[str, ...]], Sequence[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Windows of one `length`, whose ends are the multiples of `every` within `ends`, both ends included."""

    ends: Window
    length: timedelta
    every: timedelta


# Metric, stretch, filters, group-by: the samples by the end of their window; windows without calls are left out.
Sliding = Callable[[str, Stretch, Filters, tuple[str, ...]], Mapping[datetime, Sequence[Sample]]]
Pasts = Mapping[str, Past]  # by slice


def one_by_one(measure: Measure) -> Sliding:
    """A stretch, read window by window: for numbers that are not in a database."""

    def sliding(
        name: str, stretch: Stretch, filters: Filters, by: tuple[str, ...]
    ) -> Mapping[datetime, Sequence[Sample]]:
        found = {}
        end = floored(stretch.ends.end, stretch.every)
        while end >= stretch.ends.start:
            found[end] = measure(name, Window(start=end - stretch.length, end=end), filters, by)
            end -= stretch.every
        return found

    return sliding


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The two ways to ask, and what was read ahead."""

    measure: Measure
    sliding: Sliding
    _windows: dict[object, Sequence[Sample]] = field(default_factory=dict)
    _pasts: dict[object, tuple[Window, Pasts]] = field(default_factory=dict)

    def samples(self, rule: Rule, window: Window) -> Sequence[Sample]:
        """What the rule's metric was in a window, slice by slice."""
        ahead = self._windows.get((*_asked(rule), window))
        return self.measure(rule.metric, window, rule.filters, rule.group_by) if ahead is None else ahead

    def pasts(self, rule: Rule, metric: MetricInfo, ends: Window) -> Pasts:
        """What each slice was on the grid of the rule's kind, for ends within `ends`; empty when it needs none."""
        grid = kinds()[rule.kind].past(rule)
        if grid is None:
            return {}
        fewest = max(1, rule.samples_needed(metric))
        empty = 0.0 if metric.kind == "total" and not rule.rising else np.nan  # as alerts.condition.absent has it
        asked = (*_asked(rule), grid, fewest, empty == 0)
        read = self._pasts.get(asked)
        if read is None or read[0].start > ends.start or read[0].end < ends.end:
            read = (ends, self._grid(rule, grid, ends, fewest, empty))
            self._pasts[asked] = read
        return read[1]

    def read_ahead(self, rule: Rule, metric: MetricInfo, ends: Sequence[datetime], every: timedelta) -> None:
        """Read every window of these ends at once; what was read before is not read again."""
        try:
            self._read(rule, metric, ends, every)
        except LeewayError as error:  # what cannot be read at once is asked one by one, and each is told by itself
            log.warning("rule %s: %s", rule.id, error)

    def _read(self, rule: Rule, metric: MetricInfo, ends: Sequence[datetime], every: timedelta) -> None:
        if not ends:
            return
        self.pasts(rule, metric, Window(start=ends[0], end=ends[-1]))
        asked = [kinds()[rule.kind].windows(rule, end) for end in ends]
        for name in asked[0]:
            windows = [one[name] for one in asked]
            if (*_asked(rule), windows[0]) in self._windows:
                continue
            if len({window.length for window in windows}) == 1:
                self._windows.update(self._slid(rule, [one.end for one in windows], windows[0].length, every))
            elif metric.kind == "total":
                self._windows.update(self._added_up(rule, windows, every))

    def _slide(self, rule: Rule, stretch: Stretch) -> dict[datetime, Sequence[Sample]]:
        """A stretch of any length, in readings that each end soon."""
        found: dict[datetime, Sequence[Sample]] = {}
        start = stretch.ends.start
        while start <= stretch.ends.end:
            end = min(start + AT_ONCE, stretch.ends.end)
            part = replace(stretch, ends=Window(start=start, end=end))
            found.update(self.sliding(rule.metric, part, rule.filters, rule.group_by))
            start = end + MOMENT
        return found

    def _slid(
        self, rule: Rule, ends: Sequence[datetime], length: timedelta, every: timedelta
    ) -> Mapping[object, Sequence[Sample]]:
        stretch = Stretch(ends=Window(start=ends[0], end=ends[-1]), length=length, every=every)
        found = self._slide(rule, stretch)
        asked = _asked(rule)
        return {(*asked, Window(start=end - length, end=end)): found.get(end, _nothing(rule)) for end in ends}

    def _added_up(self, rule: Rule, windows: Sequence[Window], every: timedelta) -> Mapping[object, Sequence[Sample]]:
        """Windows that grow until they begin anew, as sums of pieces of `every`."""
        whole = Window(start=windows[0].start + every, end=windows[-1].end)
        pieces = self._slide(rule, Stretch(ends=whole, length=every, every=every))
        found: dict[object, Sequence[Sample]] = {}
        sums: dict[Slice, Sample] = {}
        start, end = windows[0].start, windows[0].start + every
        for window in windows:
            if window.start != start:
                start, sums = window.start, {}
                end = max(end, start + every)
            while end <= window.end:
                for piece in pieces.get(end, ()):
                    so_far = sums.get(piece.slice, Sample(slice=piece.slice, value=0.0, n=0))
                    value = (so_far.value or 0.0) + (piece.value or 0.0)
                    sums[piece.slice] = Sample(slice=piece.slice, value=value, n=so_far.n + piece.n)
                end += every
            found[*_asked(rule), window] = list(sums.values()) or _nothing(rule)
        return found

    def _grid(self, rule: Rule, grid: Grid, ends: Window, fewest: int, empty: float) -> Pasts:
        first, last = floored(ends.start - grid.memory, grid.step), floored(ends.end, grid.step)
        stretch = Stretch(ends=Window(start=first, end=last), length=grid.step, every=grid.step)
        length = (last - first) // grid.step + 1
        rows: dict[str, Values] = {}
        for end, samples in self._slide(rule, stretch).items():
            for sample in samples:
                key = slice_key(sample.slice)
                if key not in rows:
                    rows[key] = np.full(length, np.nan)
                if sample.value is not None and sample.n >= fewest:
                    rows[key][(end - first) // grid.step] = sample.value
        for values in rows.values():
            begun = int(np.argmax(~np.isnan(values)))
            values[begun:] = np.where(np.isnan(values[begun:]), empty, values[begun:])
        return {key: Past(first=first, step=grid.step, values=values) for key, values in rows.items()}


def _nothing(rule: Rule) -> list[Sample]:
    """What a window without calls is: no slice at all, or the one of everything."""
    return [] if rule.group_by else [Sample(slice=(), value=None, n=0)]


def _asked(rule: Rule) -> tuple[object, ...]:
    """What the numbers depend on: not the threshold, nor anything else that a slider moves."""
    return rule.metric, tuple(sorted(rule.filters.items())), rule.group_by
