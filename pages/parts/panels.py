"""Tiles and charts of metrics, asked and drawn: what most pages are made of."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

import polars as pl
import streamlit as st

from analytics.interval import wilson
from analytics.metric import Metric, metrics
from pages.parts import asked, charts, filters, frame, states, units
from pages.parts.charts import Band, Line, Plot
from pages.parts.filters import Choice
from pages.parts.frame import Tile
from pages.parts.units import Change
from store.model import Sample

Footer = Callable[[], None]
SHAPE_BARS = 24
MOST_SLICES = 5
EVERYTHING_ELSE = "everything else"
NOT_NAMED = "not named"


def tiles(names: Sequence[str], choice: Choice) -> list[Tile]:
    """A tile a metric: value, change against the period before, course."""
    now, before = (asked.tally(["calls", *names], window, choice.filters) for window in (choice.window, choice.before))
    shape = asked.series(names, choice.window, choice.filters, bucket=choice.window.length / SHAPE_BARS)
    earlier = before if before["calls"].n else {}
    return [_tile(metrics()[name], now[name], earlier.get(name), shape[name].to_list()) for name in names]


def _tile(metric: Metric, now: Sample, before: Sample | None, shape: Sequence[float | None]) -> Tile:
    if metric.kind != "total" and now.n < units.FEW_CALLS:
        note = f"{now.n} calls: too few for a rate" if now.n else "not measured yet"
        return Tile(label=metric.title, value=units.UNKNOWN, note=note, help=metric.help)
    sampled = metric.evaluator is not None and now.value is not None
    return Tile(
        label=metric.title,
        value=units.shown(now.value, metric.unit),
        spread=units.between(wilson(now.value or 0.0, now.n)) if sampled else "",
        change=_change(metric, now, before),
        note="nothing to compare with",
        shape=shape,
        help=f"{metric.help} The small figures: 95 % interval." if sampled else metric.help,
    )


def _change(metric: Metric, now: Sample, before: Sample | None) -> Change | None:
    """How a metric moved. What scores of a few calls seem to say of a change may be chance: then it has no colour."""
    if before is None:
        return None
    change = units.change(now.value, before.value, metric.unit, metric.worse)
    if change and metric.evaluator and now.value is not None and before.value is not None:
        first, second = wilson(now.value, now.n), wilson(before.value, before.n)
        if first.low <= second.high and second.low <= first.high:
            return Change(change.text, "neutral")
    return change


def lines(
    heading: str,
    drawn: Sequence[Line],
    choice: Choice,
    *,
    bucket: timedelta,
    bands: Sequence[Band] = (),
    note: str = "",
    compare: bool = True,
    empty: str = "Nothing measured in this range.",
    footer: Footer | None = None,
) -> None:
    """A card with metrics over time; the first also for the period before."""
    with frame.card(heading, _small_print(bucket, bands, note, compare=compare)), states.guarded(heading):
        names = [line.column for line in drawn]
        now = asked.series(names, choice.window, choice.filters, bucket=bucket)
        if now.select(pl.all_horizontal(pl.col(names).is_null()).all()).item():
            states.blank(empty)
            return
        before = asked.series(names[:1], choice.before, choice.filters, bucket=bucket) if compare else None
        unit = metrics()[names[0]].unit
        plot = Plot(unit=unit, window=choice.window, bucket=bucket, bands=bands, previous=before)
        frame.figure(
            charts.times(now, drawn, plot),
            alt=told(heading, now, names[0], unit),
            key=f"{heading}-{names[0]}-{choice.stamp}",
            brushed=filters.zoom,
        )
        if footer:
            footer()


def slices(heading: str, name: str, by: Sequence[str], choice: Choice, *, bucket: timedelta, note: str = "") -> None:
    """A card with one total over time as stacked bars: the largest slices, and the rest as one."""
    metric = metrics()[name]
    with frame.card(heading, _small_print(bucket, (), note, compare=False)), states.guarded(heading):
        frame_ = _largest(asked.series([name], choice.window, choice.filters, by=by, bucket=bucket), name, by)
        if frame_.is_empty():
            states.blank("Nothing measured in this range.")
            return
        drawn = [Line(column=column, name=column, kind="bar") for column in frame_.columns if column != "bucket"]
        plot = Plot(unit=metric.unit, window=choice.window, bucket=bucket, stacked=True, height=260)
        total = frame_.select("bucket", pl.sum_horizontal(pl.exclude("bucket")).alias(name))
        frame.figure(
            charts.times(frame_, drawn, plot),
            alt=told(heading, total, name, metric.unit),
            key=f"{heading}-{name}-{choice.stamp}",
            brushed=filters.zoom,
        )


def _largest(series: pl.DataFrame, name: str, by: Sequence[str]) -> pl.DataFrame:
    """The largest slices as columns, the rest in one."""
    named = series.with_columns(label(by).alias("slice")).filter(pl.col(name).is_not_null())
    if named.is_empty():
        return named
    order = named.group_by("slice").agg(pl.col(name).sum()).sort(name, descending=True)["slice"].to_list()
    kept = order[:MOST_SLICES]
    grouped = named.with_columns(
        pl.when(pl.col("slice").is_in(kept)).then("slice").otherwise(pl.lit(EVERYTHING_ELSE)).alias("slice")
    )
    wide = grouped.group_by("bucket", "slice").agg(pl.col(name).sum()).pivot("slice", index="bucket", values=name)
    columns = [column for column in (*kept, EVERYTHING_ELSE) if column in wide.columns]
    return wide.select("bucket", *columns).sort("bucket")


def label(by: Sequence[str]) -> pl.Expr:
    """A slice in words: its values, joined by `@` where there are two (a prompt and its version)."""
    return (
        pl.concat_str([pl.col(name).fill_null("") for name in by], separator="@")
        .str.strip_chars("@")
        .replace("", NOT_NAMED)
    )


def _small_print(bucket: timedelta, bands: Sequence[Band], note: str, *, compare: bool) -> str:
    shaded = f"shaded: {bands[0].name if len(bands) == 1 else 'firing alerts'}" if bands else ""
    parts = (f"per {units.span(bucket)}", "dotted: period before" if compare else "", shaded, note)
    return " · ".join(part for part in parts if part)


def told(heading: str, series: pl.DataFrame, name: str, unit: str) -> str:
    """What a chart shows, in one sentence, for those who cannot see it."""
    known = series.drop_nulls(name).sort("bucket")
    if known.is_empty():
        return f"{heading}: nothing measured."
    top = known.sort(name).row(-1, named=True)
    return (
        f"{heading} over time: highest {units.shown(top[name], unit)} at {units.moment(top['bucket'])} UTC, "
        f"last {units.shown(known[name][-1], unit)}."
    )


def columns(n: int = 2) -> AbstractContextManager[object]:
    """Cards side by side on a wide screen, one below the other on a phone."""
    return st.grid(columns=n, min_column_width=330, gap="small")
