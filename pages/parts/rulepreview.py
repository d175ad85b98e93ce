"""What a rule would have done in the last weeks, and the most sensitive setting that would have been quiet."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from alerts.backtest import Backtest
from alerts.engine.numbers import Numbers
from alerts.noise import differences
from alerts.rule import Rule
from alerts.rules.rulefile import as_table
from analytics.metric import metrics
from pages.parts import alarms, asked, charts, frame, tables, units
from pages.parts.charts import Band, Line, Plot
from pages.parts.text import safe_label
from store.errors import LeewayError
from store.model import Window

SPAN = timedelta(days=28)
EVALUATIONS = 2700  # the reader waits: a coarser step is said, not hidden
KEPT = timedelta(minutes=10)
# Of the session: what was read for a preview and until when, whether one is open, a setting that was taken over.
READ, OPEN, TAKEN = "rule_numbers", "rule_preview", "rule_taken"


def forget() -> None:
    """Begin anew: another rule is looked at."""
    for name in (OPEN, TAKEN):
        st.session_state.pop(name, None)


def taken() -> dict[str, Any]:
    """The proposed setting that the reader took over, as a part of the rule's table."""
    return dict(st.session_state.get(TAKEN, {}))


def buttons(rule: Rule, *, save: str) -> bool:
    """Preview, propose, save; whether it is to be saved."""
    with st.container(horizontal=True):
        if st.button(f"Preview on the last {SPAN.days} days", icon=":material/history:"):
            st.session_state[OPEN] = True
        proposed = rule.threshold is not None and st.button("Propose a quiet limit", icon=":material/tune:")
        saved = st.button(save, icon=":material/save:")
    if proposed:
        _propose(rule)
    return saved


def shown(rule: Rule) -> None:
    """The preview, once it was asked for: it follows every change of the rule."""
    if not st.session_state.get(OPEN):
        return
    until, numbers = _numbers()
    try:
        with st.spinner(f"Replaying the last {SPAN.days} days …"):
            window = Window(start=until - SPAN, end=until)
            tried = asked.runtime().backtest(rule, window, numbers=numbers, most=EVALUATIONS)
    except LeewayError as error:
        st.warning(safe_label(str(error), 240), title="The preview did not work")
        return
    _verdict(tried)
    _course(rule, tried)
    _episodes(rule, tried)


def _numbers() -> tuple[datetime, Numbers]:
    """Kept for a while: another threshold is judged on what was read before."""
    now = asked.runtime().now()
    kept: tuple[datetime, Numbers] | None = st.session_state.get(READ)
    if kept is None or now - kept[0] > KEPT:
        kept = (asked.minute(now), asked.runtime().numbers())
        st.session_state[READ] = kept
    return kept


def _propose(rule: Rule) -> None:
    until, numbers = _numbers()
    with st.spinner("Trying settings …"):
        found = asked.runtime().propose(rule, Window(start=until - SPAN, end=until), numbers=numbers)
    if found is None:
        st.caption("No limit of this kind would have been quiet, or there is nothing to choose.")
        return
    said = ", ".join(differences(rule, found.rule)) or "as it is"
    st.info(
        f"The most sensitive quiet setting: {safe_label(said, 200)}. "
        f"It would have fired {found.a_week:.2g} times a week.",
        icon=":material/tune:",
    )
    st.button("Take it", on_click=_take, args=(as_table(found.rule),), icon=":material/check:")


def _take(table: Mapping[str, Any]) -> None:
    st.session_state[TAKEN] = {"threshold": table.get("threshold"), "for": table.get("for", "0s"),
                               "recover_threshold": table.get("recover_threshold")}  # fmt: skip
    st.session_state[OPEN] = True


def _verdict(tried: Backtest) -> None:
    times = len(tried.episodes)
    often = "once" if times == 1 else f"{times} times"
    coarse = f" Replayed every {units.span(tried.every)}."
    if not times:
        st.success(f"Would not have fired in the last {SPAN.days} days.{coarse}", icon=":material/check_circle:")
    else:
        st.info(
            f"Would have fired **{often}** in the last {SPAN.days} days, {units.span(tried.firing_time)} in all, "
            f"and sent {len(tried.headlines())} messages.{coarse}",
            icon=":material/notifications:",
        )


def _course(rule: Rule, tried: Backtest) -> None:
    """The busiest slice over time, with its limit and where it would have fired."""
    seen = pl.DataFrame(
        [(one.slice, one.window_end, one.value, one.threshold, one.n) for one in tried.evaluations],
        schema={
            "slice": pl.String,
            "bucket": pl.Datetime("us", "UTC"),
            "value": pl.Float64,
            "limit": pl.Float64,
            "n": pl.Int64,
        },
        orient="row",
    )
    if seen.drop_nulls("value").is_empty():
        return
    fired = [one.slice for one in tried.episodes]
    key = fired[0] if fired else seen.group_by("slice").agg(pl.col("n").sum()).sort("n")["slice"][-1]
    course = seen.filter(pl.col("slice") == key).unique("bucket").sort("bucket")
    bands = [
        Band(window=Window(start=one.opened_at, end=one.resolved_at or tried.window.end), name="would fire")
        for one in tried.episodes
        if one.slice == key
    ]
    unit = metrics()[rule.metric].unit
    plot = Plot(unit=unit, window=tried.window, bucket=tried.every, bands=bands)
    drawn = (Line(column="value", name=alarms.sliced(key) or "value"), Line(column="limit", name="limit"))
    alt = f"What the rule would have seen; it would have fired {len(bands)} times for this slice."
    frame.figure(charts.times(course, drawn, plot), alt=alt, key="preview-course")


def _episodes(rule: Rule, tried: Backtest) -> None:
    if not tried.episodes:
        return
    unit = metrics()[rule.metric].unit
    rows = pl.DataFrame(
        {
            "Began (UTC)": [units.moment(one.opened_at) for one in tried.episodes],
            "Where": [alarms.sliced(one.slice) or "all calls" for one in tried.episodes],
            "Lasted": [units.span((one.resolved_at or tried.window.end) - one.fired_at) for one in tried.episodes],
            "Peak": [units.shown(one.peak_value, unit) for one in tried.episodes],
            "Why": [one.why for one in tried.episodes],
        }
    )
    tables.table(rows, alt="When the rule would have fired")
