"""What moved: topics in points of share, a map of the texts, the most novel ones, and who sent them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from pages.parts import asked, charts, frame, links, tables, units
from pages.parts.text import escaped, safe_label, shortened
from store import browse, embeddings
from store.model import Window

MOST_TOPICS, MOST_NOVEL = 12, 8
NOVELTY = "1: as unusual as an unusual text of the reference"

Found = Mapping[str, Any]


def topics(subject: str, found: Found) -> None:
    """Topics by how many points of the traffic they gained or lost; a row leads to an example of it."""
    rows = found["topics"][:MOST_TOPICS]
    st.markdown("**What moved**: topics by points of share")
    if told := _news(rows):
        st.markdown(told)
    shown = pl.DataFrame(
        {
            "Topic": [f"{'NEW · ' if row['new'] else ''}{row['name']}" for row in rows],
            "Points": [100 * row["change"] for row in rows],
            "Before": [100 * row["before"] for row in rows],
            "Now": [100 * row["now"] for row in rows],
        },
        schema={"Topic": pl.String, "Points": pl.Float64, "Before": pl.Float64, "Now": pl.Float64},
    )
    share = st.column_config.NumberColumn(format="%.1f %%")
    at = tables.picked(
        shown, alt="Topics by how much they moved", key=f"topics-{subject}", anywhere=True, fitting=MOST_TOPICS,
        columns={"Points": st.column_config.NumberColumn(format="%+.1f"), "Before": share, "Now": share},
    )  # fmt: skip
    if at is not None and rows[at]["calls"]:
        links.go("trace", {"call": rows[at]["calls"][0]})


def _news(rows: Sequence[Mapping[str, Any]]) -> str:
    """The largest new topic in a sentence."""
    new = next((row for row in rows if row["new"]), None)
    if new is None:
        return ""
    began = new.get("first_seen")
    since = f", first seen {units.moment(datetime.fromisoformat(began))} UTC" if began else ""
    return f"New: **{safe_label(new['name'], 80)}**, {100 * new['now']:.1f} % of this window{since}."


def plane(subject: str, found: Found) -> None:
    """Each point a text, near each other when they mean alike; the axes have no meaning of their own."""
    st.markdown("**Map**: each point a text")
    points = found["map"]
    current = [point for point in points["current"] if not point[3]]
    novel = [point for point in points["current"] if point[3]]
    figure = go.Figure()
    colours = charts.ink()
    for name, drawn, hue, symbol, size in (
        ("reference", points["reference"], colours.faint, "circle", 5),
        ("current", current, colours.hues[0], "circle", 6),
        ("novel", novel, colours.warm, "diamond", 8),
    ):
        figure.add_scatter(
            x=[point[0] for point in drawn], y=[point[1] for point in drawn], name=name, mode="markers",
            marker={"color": hue, "symbol": symbol, "size": size, "opacity": 0.55 if name == "reference" else 0.8},
            customdata=[point[2] if len(point) > 2 else None for point in drawn],  # noqa: PLR2004
            text=[escaped(point[2]) if len(point) > 2 else "" for point in drawn],  # noqa: PLR2004
            hovertemplate="%{text}<extra>" + name + "</extra>",
        )  # fmt: skip
    figure.update_layout(**charts.layout(340, colours, legend=True))
    figure.update_layout(hovermode="closest", margin={"l": 8, "r": 8, "t": 26, "b": 8})
    figure.update_xaxes(**charts.axis(colours), showticklabels=False)
    figure.update_yaxes(**charts.axis(colours), showticklabels=False)
    before, now = len(points["reference"]), len(points["current"])
    alt = f"Map of {before} reference and {now} current texts, {len(novel)} of them novel."
    call_id = frame.pointed(figure, alt=alt, key=f"map-{subject}")
    st.caption("Click a point of the window to open its call.")
    if call_id is not None:
        links.go("trace", {"call": call_id})


def novel(subject: str, found: Found, window: Window) -> None:
    """Texts least like the reference; a row leads to its call."""
    rows = found["novel"][:MOST_NOVEL]
    st.markdown("**Most novel texts**")
    if not rows:
        st.caption("None is unlike the reference.")
        return
    texts = embeddings.texts(asked.store(), subject, window, [row["call_id"] for row in rows])
    shown = pl.DataFrame(
        {
            "Novelty": [row["novelty"] for row in rows],
            "Text": [_short(texts.get(row["call_id"], row["call_id"])) for row in rows],
        },
        schema={"Novelty": pl.Float64, "Text": pl.String},
    )
    at = tables.picked(
        shown, alt="Most novel texts", key=f"novel-{subject}", anywhere=True,
        columns={"Novelty": st.column_config.NumberColumn(format="%.2f", width=76, help=NOVELTY)},
    )  # fmt: skip
    if at is not None:
        links.go("trace", {"call": rows[at]["call_id"]})


def _short(text: str) -> str:
    return shortened(" ".join(text.split()), browse.SNIPPET)


def who(found: Found) -> None:
    """Slices that hold more of the novel texts than of all texts."""
    rows = found["who"]
    st.markdown("**Who**: more of the novel texts than of all")
    if not rows:
        st.caption("Nobody stands out.")
        return
    shown = pl.DataFrame(
        {
            "Slice": [f"{row['dimension'].replace('_', ' ')}: {row['value']}" for row in rows],
            "Of novel": [100 * row["share_novel"] for row in rows],
            "Of all": [100 * row["share_all"] for row in rows],
        }
    )
    share = st.column_config.NumberColumn(format="%.0f %%")
    tables.table(shown, alt="Who sent novel texts", columns={"Of novel": share, "Of all": share})
