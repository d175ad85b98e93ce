"""Has the traffic changed, or have the answers?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import polars as pl
import streamlit as st

from analytics.verdict import MEASURED
from pages.parts import (
    alarms,
    asked,
    baseline,
    driftcolumns,
    driftcourse,
    driftmap,
    evidently,
    filters,
    frame,
    states,
    units,
    verdicts,
)
from pages.parts.frame import Tile
from pages.parts.text import safe_label
from pages.parts.verdicts import Told
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
    "retrieved": "What is retrieved",
    COLUMNS: "How calls run",
}
ABOUT = {COLUMNS: "tokens, latency, cost, models, finish reasons, languages"}

Row = Mapping[str, Any]


def page() -> None:
    frame.title("Drift", "Has the traffic changed, or have the answers?", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    with states.guarded("The comparisons"):
        window, subjects = filters.chosen().window, asked.runtime().settings.drift.subjects
        found = verdicts.summaries(subjects, window)
        by_subject = {subject: found.filter(subject=subject) for subject in subjects}
        now = verdicts.newest(subjects)
        frame.tiles([_tile(subject, now.get(subject), rows) for subject, rows in by_subject.items()])
        subject = _chosen(by_subject)
        _subject(subject, by_subject[subject], window)


def _tile(subject: str, now: Row | None, rows: pl.DataFrame) -> Tile:
    """The verdict on the newest window that could be judged, whatever the range; below it, what the range held."""
    label = SUBJECTS.get(subject, subject)
    if now is None:
        return Tile(label=label, value="–", note="not compared yet")
    decided = rows["drifted"].drop_nulls()
    held = f"{decided.sum()} of {len(decided)} windows of this range drifted" if len(decided) else "none in this range"
    return Tile(
        label=label,
        value=VERDICTS[now["drifted"]][0],
        note=f"to {units.moment(now['current_end'])}{_since(now)}; {held}",
        shape=rows["statistic"].to_list(),
        help="The newest verdict. Bars: how far each window of the range lies from the reference.",
    )


def _since(now: Row) -> str:
    return ", too few calls since" if now["looked_until"] > now["current_end"] else ""


def _chosen(by_subject: Mapping[str, pl.DataFrame]) -> str:
    """What the rest of the page is about: at first, whatever has drifted."""
    drifted = [subject for subject, rows in by_subject.items() if rows["drifted"].any()]
    first = (drifted or list(by_subject))[0]
    subject = st.pills(
        "Look at", list(by_subject), default=first, format_func=lambda one: SUBJECTS.get(one, one), required=True,
        key="subject", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    return str(subject)


def _subject(subject: str, summaries: pl.DataFrame, window: Window) -> None:
    step = units.span(asked.runtime().settings.drift.window)
    note = " · ".join(filter(None, (ABOUT.get(subject), f"windows of {step} against a reference; all calls")))
    with frame.card(SUBJECTS.get(subject, subject), note):
        if summaries.is_empty():
            st.markdown(_waiting(subject))
            baseline.line(subject, None, window)
            return
        baseline.line(subject, summaries.row(-1, named=True), window)
        shown = driftcourse.chosen(summaries)
        _verdict(shown, driftcourse.since(summaries, shown))
        driftcourse.chart(subject, summaries, shown, window)
        told = verdicts.told(subject, shown)
        if subject == COLUMNS:
            driftcolumns.table(told.rows)
        else:
            _moved(subject, shown, told)
            driftmap.judged(subject, told.rows)
            st.caption(MEASURED)
            evidently.report(subject, shown)


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


def _verdict(shown: Row, since: datetime | None) -> None:
    word, colour, icon = VERDICTS[shown["drifted"]]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(word, icon=icon, color=colour)
        st.markdown(_sentence(shown, since), width="stretch")


def _sentence(shown: Row, since: datetime | None) -> str:
    calls = f"{shown['n_current']:,} calls against as many of the reference"
    ratio = shown["statistic"]
    parts = (
        f"**{units.shown(ratio, 'ratio')} ×** its limit" if ratio is not None else "",
        f"since {units.moment(since)} UTC" if since else "",
        calls if shown["drifted"] is not None else "",
        "provisional: its limit is chance alone until 14 windows of this size are known"
        if shown["provisional"]
        else "",
        safe_label(shown["note"], 200) if shown["note"] else "",
    )
    return " · ".join(part for part in parts if part)


def _moved(subject: str, shown: Row, told: Told) -> None:
    if not told.found:
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        driftmap.topics(subject, told.found, shown)
        driftmap.novel(subject, told)
    with right:
        driftmap.plane(subject, told)
        driftmap.who(told.found)


page()
