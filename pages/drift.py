"""Has the traffic changed, or have the answers?"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl
import streamlit as st

from analytics.detector import detectors
from analytics.verdict import SUMMARY
from pages.parts import (
    alarms,
    asked,
    baseline,
    charts,
    driftcolumns,
    driftmap,
    evidently,
    filters,
    frame,
    panels,
    states,
    tables,
    units,
)
from pages.parts.charts import Band, Line, Plot
from pages.parts.frame import Tile
from pages.parts.text import safe_label
from store import comparisons
from store.embeddings import COLUMNS
from store.model import Window

VERDICTS: dict[bool | None, tuple[str, Literal["gray", "orange", "green"], str]] = {
    None: ("Cannot tell", "gray", ":material/help:"),
    True: ("Drifted", "orange", ":material/trending_up:"),
    False: ("As before", "green", ":material/check_circle:"),
}
SUBJECTS = {
    "input_text": "What people ask",
    "output_text": "What models answer",
    "retrieved": "What is retrieved for them",
    COLUMNS: "How calls run: tokens, latency, cost, models",
}

Row = Mapping[str, Any]


def page() -> None:
    frame.title("Drift", "Has the traffic changed, or have the answers?", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    settings = asked.runtime().settings.drift
    window = filters.chosen().window
    for subject in settings.subjects:
        with states.guarded(SUBJECTS.get(subject, subject)):
            _subject(subject, window, settings.window)


def _subject(subject: str, window: Window, step: timedelta) -> None:
    heading = SUBJECTS.get(subject, subject)
    rows = comparisons.series(asked.store(), subject, window)
    summaries = rows.filter(pl.col("detector") == SUMMARY).unique("current_end", keep="last").sort("current_end")
    with frame.card(heading, f"windows of {units.span(step)} against a reference; all calls"):
        if summaries.is_empty():
            st.markdown(_waiting(subject))
            baseline.line(subject, None, window)
            return
        last = summaries.row(-1, named=True)
        _verdict(last, summaries)
        baseline.line(subject, last, window)
        _course(subject, summaries, window, step)
        if subject == COLUMNS:
            driftcolumns.table(last)
            return
        _beside(rows, last)
        _moved(subject, last)
        evidently.report(subject, last)


def _waiting(subject: str) -> str:
    """Why there is nothing yet: no comparison in this range, or none at all."""
    if comparisons.latest(asked.store(), subject).height:
        return "No window of this range has been compared. Choose a longer range."
    settings = asked.runtime().settings.drift
    calls = "calls" if subject == COLUMNS else "embedded calls"
    return (
        f"**Not compared yet.** A reference is made of {units.span(settings.reference)} of {calls} "
        f"(at least {settings.min_calls}); from then on each window of {units.span(settings.window)} is compared with "
        "it. The Data page shows how far the jobs are."
    )


def _verdict(last: Row, summaries: pl.DataFrame) -> None:
    word, colour, icon = VERDICTS[last["drifted"]]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(word, icon=icon, color=colour)
        st.markdown(_sentence(last, summaries), width="stretch")
    frame.tiles(
        [
            Tile(
                label="Statistic over threshold",
                value=units.shown(last["statistic"], "ratio"),
                note="above 1 it has moved",
            ),
            Tile(label="Current window", value=f"{last['n_current']:,} calls", note=_stretch(last, "current")),
            Tile(label="Reference", value=f"{last['n_reference']:,} calls", note=_stretch(last, "reference")),
            Tile(
                label="Windows that drifted",
                value=f"{summaries['drifted'].sum()} of {summaries['drifted'].drop_nulls().len()}",
                note="in this range",
            ),
        ]
    )


def _sentence(last: Row, summaries: pl.DataFrame) -> str:
    since = _since(summaries)
    parts = (
        f"since {units.moment(since)} UTC" if since else "",
        "provisional: the threshold does not yet rest on your own history" if last["provisional"] else "",
        safe_label(last["note"], 200) if last["note"] else "",
    )
    return " · ".join(part for part in parts if part) or "no window since the reference stands out"


def _since(summaries: pl.DataFrame) -> datetime | None:
    """Start of the first window of the run of drifted ones that reaches to the last."""
    start = None
    for row in reversed(summaries.to_dicts()):
        if row["drifted"] is not True:
            return start
        start = row["current_start"]
    return start


def _stretch(row: Row, side: str) -> str:
    return f"{units.moment(row[f'{side}_start'])} – {units.moment(row[f'{side}_end'])} UTC"


def _course(subject: str, summaries: pl.DataFrame, window: Window, step: timedelta) -> None:
    drawn = summaries.select(pl.col("current_start").alias("bucket"), "statistic")
    bands = [
        Band(window=Window(start=row["current_start"], end=row["current_end"]), name="drifted")
        for row in summaries.filter(pl.col("drifted")).iter_rows(named=True)
    ]
    plot = Plot(unit="ratio", window=window, bucket=step, bands=bands, threshold=1.0, height=180)
    alt = panels.told("Statistic over threshold", drawn, "statistic", "ratio") + f" {len(bands)} windows drifted."
    line = Line(column="statistic", name="statistic over threshold")
    frame.figure(charts.times(drawn, [line], plot), alt=alt, key=f"drift-{subject}")
    st.caption("Dashed: the threshold. Shaded: windows that were found drifted.")


def _beside(rows: pl.DataFrame, last: Row) -> None:
    """Every detector's finding for the newest window; those that do not vote are shown all the same."""
    now = rows.filter((pl.col("current_end") == last["current_end"]) & (pl.col("detector") != SUMMARY))
    if now.is_empty():
        return
    known = detectors()
    shown = pl.DataFrame(
        [
            {
                "Detector": known[row["detector"]].title if row["detector"] in known else row["detector"],
                "Statistic": row["statistic"],
                "Threshold": row["threshold"],
                "Finding": {True: "drifted", False: "as before", None: "cannot tell"}[row["drifted"]],
                "Part of the verdict": "yes"
                if row["detector"] in known and known[row["detector"]].votes
                else "shown beside it",
                "What it looks at": known[row["detector"]].help if row["detector"] in known else (row["note"] or ""),
            }
            for row in now.iter_rows(named=True)
        ]
    )
    three = st.column_config.NumberColumn(format="%.3f")
    tables.table(shown, alt=f"Detectors of {last['subject']}", columns={"Statistic": three, "Threshold": three})


def _moved(subject: str, last: Row) -> None:
    found = comparisons.details(asked.store(), SUMMARY, subject, last["current_end"])
    if not isinstance(found, dict) or not found.get("topics"):
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        driftmap.topics(subject, found)
        driftmap.novel(subject, found, Window(start=last["current_start"], end=last["current_end"]))
    with right:
        driftmap.plane(subject, found)
        driftmap.who(found)


page()
