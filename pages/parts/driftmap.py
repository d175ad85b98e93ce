"""What moved: topics in points of share, a map of the texts, the most novel ones, who sent them; how it was judged."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
import streamlit as st

from analytics.detector import detectors
from analytics.interval import newcombe
from pages.parts import charts, frame, links, tables, units
from pages.parts.text import escaped, safe_label, shortened
from pages.parts.verdicts import Told
from store import browse

MOST_TOPICS, MOST_NOVEL = 12, 8
HOVER_CHARS = 90
Z_99 = 2.576
NOVELTY = "1: as unusual as an unusual text of the reference"
CHANCE = "Within chance: the 99 % interval of the difference holds zero (Newcombe)"
VOTED = {True: "drifted", False: "as before", None: "cannot tell"}

Found = Mapping[str, Any]
Row = Mapping[str, Any]


def topics(subject: str, found: Found, shown: Row) -> None:
    """Topics by how many points of the traffic they gained or lost; a row leads to an example of it."""
    rows = found["topics"][:MOST_TOPICS]
    st.markdown("**What moved**: topics by points of share")
    if told := _news(rows, drifted=shown["drifted"] is True):
        st.markdown(told)
    table = pl.DataFrame(
        {
            "Topic": [row["name"] for row in rows],
            "Points": [100 * row["change"] for row in rows],
            "Moved": [_moved(row, shown["n_current"]) for row in rows],
            "Before": [100 * row["before"] for row in rows],
            "Now": [100 * row["now"] for row in rows],
        },
        schema={
            "Topic": pl.String,
            "Points": pl.Float64,
            "Moved": pl.String,
            "Before": pl.Float64,
            "Now": pl.Float64,
        },
    )
    share = st.column_config.NumberColumn(format="%.1f %%", width=68)
    at = tables.picked(
        table, alt="Topics by how much they moved", key=f"topics-{subject}", anywhere=True, fitting=MOST_TOPICS,
        columns={
            "Topic": st.column_config.TextColumn(width=180),
            "Moved": st.column_config.TextColumn(width=104, help=CHANCE),
            "Points": st.column_config.NumberColumn(format="%+.1f", width=68), "Before": share, "Now": share,
        },
    )  # fmt: skip
    if at is not None and rows[at]["calls"]:
        links.go("trace", {"call": rows[at]["calls"][0]})


def _moved(row: Mapping[str, Any], n: int) -> str:
    """In a word; `n`: calls of either side."""
    if row["new"]:
        return "▲ new"
    low, high = newcombe((row["now"], n), (row["before"], n), Z_99)
    return "▲ grown" if low > 0 else "▼ shrunk" if high < 0 else "within chance"


def _news(rows: Sequence[Mapping[str, Any]], *, drifted: bool) -> str:
    """The first new topic in a sentence."""
    new = next((row for row in rows if row["new"]), None)
    if new is None:
        return ""
    began = new.get("first_seen")
    since = f", first seen {units.moment(datetime.fromisoformat(began))} UTC" if began else ""
    aside = "" if drifted else " Too few to call it drift."
    return f"New: **{safe_label(new['name'], 80)}**, {100 * new['now']:.1f} % of this window{since}.{aside}"


def plane(subject: str, told: Told) -> None:
    """Each point a text, near each other when they mean alike; the axes have no meaning of their own."""
    st.markdown("**Map**: each point a text, near those that mean alike")
    points, texts = told.found["map"], told.texts
    colours = charts.ink()
    usual, odd = ([point for point in points["current"] if bool(point[3]) is side] for side in (False, True))
    drawn = charts.Drawing(
        [
            _points("reference", points["reference"], {"color": colours.faint, "size": 5, "opacity": 0.45}),
            _points("this window", usual, {"color": colours.hues[0], "size": 6, "opacity": 0.75}, texts),
            _points("novel", odd, {"color": colours.warm, "size": 8, "symbol": "diamond", "opacity": 0.9}, texts),
        ],
        _plain(colours),
    )
    before, now = len(points["reference"]), len(points["current"])
    alt = f"Map of {before} reference texts and {now} of this window, {len(odd)} of them novel."
    call_id = frame.pointed(drawn, alt=alt, key=f"map-{subject}")
    st.caption("Diamonds: unlike anything in the reference. Click a point of this window to open its call.")
    if call_id is not None:
        links.go("trace", {"call": call_id})


def _points(
    name: str, points: Sequence[Sequence[Any]], marker: Mapping[str, Any], texts: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Points with a call behind them say what it said, and lead to it."""
    hover: dict[str, Any] = {"hoverinfo": "skip"}
    if texts is not None:
        said = [escaped(texts.get(point[2], point[2]), HOVER_CHARS) for point in points]
        hover = {
            "customdata": [point[2] for point in points], "text": said,
            "hovertemplate": "%{text}<extra>" + name + "</extra>",
        }  # fmt: skip
    return {
        "type": "scatter", "mode": "markers", "name": name, "marker": dict(marker),
        "x": [point[0] for point in points], "y": [point[1] for point in points], **hover,
    }  # fmt: skip


def _plain(colours: charts.Ink) -> dict[str, Any]:
    bare = {**charts.axis(colours), "showticklabels": False, "showgrid": False}
    return {
        **charts.layout(340, colours, legend=True),
        "hovermode": "closest", "margin": {"l": 8, "r": 8, "t": 26, "b": 8}, "xaxis": bare, "yaxis": bare,
    }  # fmt: skip


def novel(subject: str, told: Told) -> None:
    """Texts least like the reference, each once; a row leads to its call."""
    st.markdown("**Most novel texts**: those with company first")
    if not told.found["novel"]:
        st.caption("None is unlike the reference.")
        return
    said = {_short(told.texts.get(row["call_id"], row["call_id"])): row for row in reversed(told.found["novel"])}
    rows = list(reversed(said.items()))[:MOST_NOVEL]
    shown = pl.DataFrame(
        {
            "Novelty": [row["novelty"] for _, row in rows],
            "Text": [text for text, _ in rows],
            "Topic": [row.get("topic") for _, row in rows],
        },
        schema={"Novelty": pl.Float64, "Text": pl.String, "Topic": pl.String},
    )
    column = st.column_config
    at = tables.picked(
        shown, alt="Most novel texts", key=f"novel-{subject}", anywhere=True,
        columns={
            "Novelty": column.NumberColumn(format="%.2f ×", width=76, help=NOVELTY),
            "Text": column.TextColumn(width=380), "Topic": column.TextColumn(width=150),
        },
    )  # fmt: skip
    if at is not None:
        links.go("trace", {"call": rows[at][1]["call_id"]})


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


def judged(subject: str, rows: pl.DataFrame) -> None:
    """What every detector found of the window: first those that vote, then those that are shown beside them."""
    known = detectors()
    found = [(known[row["detector"]], row) for row in rows.iter_rows(named=True) if row["detector"] in known]
    if not found:
        return
    st.markdown("**How it was judged**")
    table = pl.DataFrame(
        [
            {
                "Detector": detector.title,
                "Found": VOTED[row["drifted"]],
                "Statistic": row["statistic"],
                "Limit": row["threshold"],
                "Votes": "yes" if detector.votes else "no, shown beside",
                "What it looks at": detector.help,
            }
            for detector, row in sorted(found, key=lambda one: not one[0].votes)
        ]
    )
    three = st.column_config.NumberColumn(format="%.3f", width=76)
    tables.table(table, alt=f"Detectors of {subject}", columns={"Statistic": three, "Limit": three})
