"""Series → Plotly figures: one look for all, in the colours of the reader's theme.

A figure is written as the JSON that plotly.js reads: Plotly's own object model, which checks each property, costs 40 ms
a chart on every click of every visitor. Values come as columns of one frame with a time column `bucket`; a figure never
computes. Hue is never the only sign: a second line is dashed, the period before is dotted grey, an alert's span is
shaded and named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import polars as pl
import streamlit as st
from plotly.basedatatypes import BaseFigure

from pages.parts.text import escaped
from store.model import Window

HEIGHT = 210
CONFIG = {"displayModeBar": False, "responsive": True, "doubleClick": False, "showTips": False}
AT = "%Y-%m-%dT%H:%M:%S"  # without a zone: plotly.js shows times as they stand, and ours are UTC
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "solid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """What a figure is drawn with."""

    text: str
    faint: str
    grid: str
    line: str
    ground: str
    hues: tuple[str, ...]
    warm: str
    worse: str
    better: str


LIGHT = Ink(
    text="#101820",
    faint="#55606e",
    grid="#e6eaee",
    line="#d5dce3",
    ground="#ffffff",
    hues=("#0072b2", "#c24f00", "#007f5c", "#a8508a", "#8f6500", "#3a87b8"),
    warm="#c24f00",
    worse="#a33e00",
    better="#006b4a",
)
DARK = Ink(
    text="#e6ebf0",
    faint="#a3b0bd",
    grid="#26303b",
    line="#2d3844",
    ground="#10151b",
    hues=("#56b4e9", "#f0883e", "#2fc79b", "#e79ac5", "#e6b422", "#9fb4c8"),
    warm="#f0883e",
    worse="#ffa670",
    better="#4fd3a9",
)


def ink() -> Ink:
    return DARK if st.context.theme.type == "dark" else LIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: a column of the frame, under the name that the legend and the hover say."""

    column: str
    name: str
    kind: Literal["line", "bar"] = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A stretch of time to shade, and what to call it."""

    window: Window
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What to draw. `unit` is the metric's; `threshold` draws a dashed limit."""

    unit: str
    window: Window
    bucket: timedelta
    bands: Sequence[Band] = ()
    threshold: float | None = None
    height: int = HEIGHT
    stacked: bool = False
    previous: pl.DataFrame | None = field(default=None)


class Drawing(BaseFigure):  # type: ignore[misc] # plotly is untyped
    """A figure that is its JSON and no more: what `st.plotly_chart` takes as checked."""

    def __init__(self, traces: list[dict[str, Any]], layout: dict[str, Any]) -> None:
        object.__setattr__(self, "spec", {"data": traces, "layout": layout})

    def to_dict(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.__dict__["spec"]
        return spec


def times(frame: pl.DataFrame, lines: Sequence[Line], plot: Plot) -> Drawing:
    """Lines or bars over time."""
    colours = ink()
    whole = _filled(frame, plot)
    before = [] if plot.previous is None else _before(plot.previous, lines[0], plot, colours)
    traces = [*before, *(_trace(whole, line, number, plot, colours) for number, line in enumerate(lines))]
    return Drawing(traces, _dressed(plot, colours, legend=len(lines) > 1))


def _filled(frame: pl.DataFrame, plot: Plot) -> pl.DataFrame:
    """The frame with empty buckets as gaps: a line must not bridge what nobody measured."""
    return frame if frame.is_empty() else frame.sort("bucket").upsample("bucket", every=plot.bucket)


def _trace(frame: pl.DataFrame, line: Line, number: int, plot: Plot, colours: Ink) -> dict[str, Any]:
    hue = colours.hues[number % len(colours.hues)]
    common = _series(frame["bucket"], frame[line.column], escaped(line.name, 28), plot)
    if line.kind == "bar":
        width = plot.bucket.total_seconds() * 860
        return {**common, "type": "bar", "marker": {"color": hue, "line": {"width": 0}}, "width": width}
    alone = frame[line.column].drop_nulls().len() <= 2  # noqa: PLR2004 - a line needs two ends to be seen
    return {
        **common,
        "mode": "lines+markers" if alone else "lines",
        "line": {"color": hue, "width": 2, "dash": DASHES[number % len(DASHES)]},
        "marker": {"size": 6},
        **({"stackgroup": "all", "fillcolor": hue} if plot.stacked else {}),
    }


def _series(at: pl.Series, values: pl.Series, name: str, plot: Plot) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": at.dt.strftime(AT).to_list(),
        "y": scaled(values.to_list(), plot.unit),
        "name": name,
        "hovertemplate": f"%{{y{_hover(plot.unit)}}}{_suffix(plot.unit)}<extra>{name}</extra>",
    }


def _before(before: pl.DataFrame, line: Line, plot: Plot, colours: Ink) -> list[dict[str, Any]]:
    """The same line one window earlier, moved onto this one's time."""
    if before.is_empty():
        return []
    frame = _filled(before, plot)
    moved = _series(frame["bucket"] + plot.window.length, frame[line.column], "period before", plot)
    dotted = {"color": colours.faint, "width": 1.2, "dash": "dot"}
    return [{**moved, "mode": "lines", "line": dotted, "showlegend": False}]


def _shaded(plot: Plot, colours: Ink) -> list[dict[str, Any]]:
    """Bands over the whole height, and the threshold over the whole width."""
    shapes: list[dict[str, Any]] = []
    for shaded in united([band.window for band in plot.bands]):
        start, end = max(shaded.start, plot.window.start), min(shaded.end, plot.window.end)
        if start < end:
            place = {"x0": start.strftime(AT), "x1": end.strftime(AT), "y0": 0, "y1": 1, "yref": "y domain"}
            look = {"fillcolor": colours.warm, "opacity": 0.13, "line": {"width": 0}, "layer": "below"}
            shapes.append({"type": "rect", "xref": "x", **place, **look})
    if plot.threshold is not None:
        limit = scaled([plot.threshold], plot.unit)[0]
        place = {"x0": 0, "x1": 1, "y0": limit, "y1": limit, "xref": "x domain", "yref": "y"}
        shapes.append({"type": "line", **place, "line": {"color": colours.warm, "width": 1.2, "dash": "dash"}})
    return shapes


def united(windows: Sequence[Window]) -> list[Window]:
    """The stretches that windows cover together: where two overlap, shading both would look like something worse."""
    found: list[Window] = []
    for window in sorted(windows, key=lambda one: one.start):
        if found and window.start <= found[-1].end:
            found[-1] = Window(start=found[-1].start, end=max(found[-1].end, window.end))
        else:
            found.append(window)
    return found


def _dressed(plot: Plot, colours: Ink, *, legend: bool) -> dict[str, Any]:
    ends = [plot.window.start.strftime(AT), plot.window.end.strftime(AT)]
    return {
        **layout(plot.height, colours, legend=legend),
        "barmode": "stack" if plot.stacked else "group",
        "shapes": _shaded(plot, colours),
        "xaxis": {**axis(colours), "automargin": True, "type": "date", "range": ends, "showgrid": False},
        "yaxis": {
            **axis(colours),
            "rangemode": "tozero",
            "ticksuffix": _suffix(plot.unit),
            "tickprefix": "$" if plot.unit == "USD" else "",
            "nticks": 5,
            "tickformat": _ticks(plot.unit),
        },
    }


def spread(now: pl.DataFrame, before: pl.DataFrame, *, threshold: float | None = None, height: int = 180) -> Drawing:
    """Shares by value, `low` and `share` of `analytics.distribution`: bars now, a dotted line before."""
    colours = ink()
    middle = (now["low"] + (now["low"][1] - now["low"][0]) / 2).to_list()
    hover = "%{y:.2f} %<extra>{}</extra>"
    bars = {
        "type": "bar", "x": middle, "y": scaled(now["share"].to_list(), "share"), "name": "now",
        "marker": {"color": colours.hues[0]}, "hovertemplate": hover.replace("{}", "now"),
    }  # fmt: skip
    line = {
        "type": "scatter", "x": middle, "y": scaled(before["share"].to_list(), "share"), "name": "before",
        "mode": "lines", "line": {"color": colours.faint, "width": 1.5, "dash": "dot", "shape": "hvh"},
        "hovertemplate": hover.replace("{}", "before"),
    }  # fmt: skip
    limit = {"x0": threshold, "x1": threshold, "y0": 0, "y1": 1, "xref": "x", "yref": "y domain"}
    look = {"color": colours.warm, "width": 1.2, "dash": "dash"}
    return Drawing(
        [bars, line],
        {
            **layout(height, colours, legend=True),
            "shapes": [] if threshold is None else [{"type": "line", **limit, "line": look}],
            "xaxis": {**axis(colours), "automargin": True, "range": [0, 1], "showgrid": False, "tickformat": ".1f"},
            "yaxis": {**axis(colours), "rangemode": "tozero", "ticksuffix": " %", "nticks": 4},
        },
    )


def layout(height: int, colours: Ink, *, legend: bool) -> dict[str, Any]:
    return {
        "template": None,
        "height": height,
        "margin": {"l": 52, "r": 8, "t": 26 if legend else 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": colours.text, "size": 12, "family": "Source Sans, sans-serif"},
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": colours.ground, "bordercolor": colours.grid, "font": {"color": colours.text}},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        "dragmode": False,
        "bargap": 0.15,
    }


def axis(colours: Ink) -> dict[str, Any]:
    return {
        "color": colours.faint,
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"size": 11},
    }


def scaled(values: Sequence[float | None], unit: str) -> list[float | None]:
    """Values in the unit that the axis shows: per cent, seconds."""
    factor = {"share": 100.0, "ms": 0.001}.get(unit, 1.0)
    return [None if value is None else value * factor for value in values]


def _suffix(unit: str) -> str:
    return {"share": " %", "ms": " s"}.get(unit, "")


def _ticks(unit: str) -> str:
    if unit == "USD":
        return ",.3~f"
    return "~s" if unit in {"calls", "tokens", "people"} else ""


def _hover(unit: str) -> str:
    return {"USD": ":$,.4~f", "share": ":.2f", "ms": ":.2f"}.get(unit, ":,.4~g")
