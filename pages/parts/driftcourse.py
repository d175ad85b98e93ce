"""The windows of a subject: how far each lies from the reference, and which of them the page looks at."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from pages.parts import charts, frame, units
from store.model import Window

HEIGHT = 170
WORDS = {True: "drifted", False: "as before", None: "too few calls"}
SELECTED = "window"  # the key of the box

Row = Mapping[str, Any]


def window_of(row: Row) -> Window:
    return Window(start=row["current_start"], end=row["current_end"])


def stretch(row: Row) -> str:
    start, end = row["current_start"], row["current_end"]
    until = f"{end:%H:%M}" if start.date() == end.date() else units.moment(end)
    return f"{units.moment(start)} – {until} UTC"


def chosen(summaries: pl.DataFrame) -> Row:
    """The window to look at, in a box: the one that tells most, until the reader says otherwise."""
    rows = {_name(row): row for row in reversed(summaries.to_dicts())}
    names = list(rows)
    index = names.index(_name(_telling(list(rows.values()))))
    if st.session_state.get(SELECTED) not in rows:
        st.session_state.pop(SELECTED, None)
    name = st.selectbox(
        "Window", names, index=index, format_func=lambda name: _label(rows[name]), key=SELECTED, width=520
    )
    found: Row = rows[str(name)]
    return found


def _telling(rows: Sequence[Row]) -> Row:
    """Of the last run of windows that drifted the furthest off; where none did, the newest that could be judged."""
    run = _run(rows, next((row for row in rows if row["drifted"]), None))
    return max(run, key=lambda row: row["statistic"], default=next((r for r in rows if r["drifted"] is False), rows[0]))


def _run(rows: Sequence[Row], within: Row | None) -> list[Row]:
    """The windows around one that drifted, back and forth until one that did not; `rows` in the order of time."""
    runs: list[list[Row]] = [[]]
    for row in rows:
        if row["drifted"] is False:
            runs.append([])
        elif row["drifted"]:
            runs[-1].append(row)
    return next((run for run in runs if within is not None and within in run), [])


def since(summaries: pl.DataFrame, shown: Row) -> datetime | None:
    """When the run of drifted windows began that this one belongs to."""
    return min((row["current_start"] for row in _run(summaries.rows(named=True), shown)), default=None)


def _name(row: Row) -> str:
    return f"{row['current_end']:%Y-%m-%dT%H:%M}"


def _label(row: Row) -> str:
    ratio = "" if row["statistic"] is None else f", {units.shown(row['statistic'], 'ratio')} × its limit"
    return f"{stretch(row)}: {WORDS[row['drifted']]}{ratio}"


def chart(subject: str, summaries: pl.DataFrame, shown: Row, window: Window) -> None:
    """A bar for each window, as wide as it is long; a click looks at it."""
    colours = charts.ink()
    rows = summaries.to_dicts()
    drawn = charts.Drawing(list(_bars(rows, shown, colours)), _layout(window, colours))
    moved = sum(row["drifted"] is True for row in rows)
    alt = f"Distance from the reference by window: {moved} of {len(rows)} windows drifted. The box above lists them."
    frame.pressed(drawn, alt=alt, key=f"course-{subject}", pressed=_look)
    st.caption(
        "Each bar a window, by how many times its limit it lies from the reference; above the dashed line it has "
        "drifted (hatched). Outlined: the window looked at. Click a bar to look at another; grey: too few calls."
    )


def _look(name: str) -> None:
    st.session_state[SELECTED] = name


def _bars(rows: list[dict[str, Any]], shown: Row, colours: charts.Ink) -> Iterator[dict[str, Any]]:
    for word, hue, pattern in (("as before", colours.hues[0], ""), ("drifted", colours.warm, "/")):
        mine = [row for row in rows if WORDS[row["drifted"]] == word]
        outline = [2 * (row["current_end"] == shown["current_end"]) for row in mine]
        yield {
            **_placed(mine), "type": "bar", "name": word, "y": [row["statistic"] for row in mine],
            "marker": {
                "color": hue, "pattern": {"shape": pattern, "size": 5},
                "line": {"color": colours.text, "width": outline},
            },
            "hovertemplate": "%{text}: %{y:.2f} × its limit<extra>" + word + "</extra>",
        }  # fmt: skip
    few = [row for row in rows if row["drifted"] is None]
    yield {
        **_placed(few), "type": "bar", "name": "too few calls", "y": [0.06] * len(few), "showlegend": False,
        "marker": {"color": colours.faint}, "hovertemplate": "%{text}<extra>too few calls</extra>",
    }  # fmt: skip


def _placed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Where bars stand, and what a click on one says."""
    spans = [window_of(row) for row in rows]
    return {
        "x": [(span.start + span.length / 2).strftime(charts.AT) for span in spans],
        "width": [0.9 * (span.length / timedelta(milliseconds=1)) for span in spans],
        "text": [stretch(row) for row in rows], "textposition": "none",
        "customdata": [_name(row) for row in rows],
    }  # fmt: skip


def _layout(window: Window, colours: charts.Ink) -> dict[str, Any]:
    ends = [window.start.strftime(charts.AT), window.end.strftime(charts.AT)]
    limit = {"x0": 0, "x1": 1, "y0": 1, "y1": 1, "xref": "x domain", "yref": "y"}
    return {
        **charts.layout(HEIGHT, colours, legend=True),
        "hovermode": "closest", "barmode": "overlay",
        "shapes": [{"type": "line", **limit, "line": {"color": colours.warm, "width": 1.2, "dash": "dash"}}],
        "xaxis": {**charts.axis(colours), "automargin": True, "type": "date", "range": ends, "showgrid": False},
        "yaxis": {**charts.axis(colours), "rangemode": "tozero", "nticks": 5, "ticksuffix": " ×"},
    }  # fmt: skip
