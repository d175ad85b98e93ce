"""Write a rule, and see what it would have done before it wakes anybody."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st

from alerts.backtest import Backtest
from alerts.condition import kinds
from alerts.numbers import Numbers
from alerts.rule import Rule
from alerts.rulebook import save_rule
from alerts.rulefile import rule_from
from analytics.metric import metrics
from pages.parts import alarms, asked, charts, frame, tables, units
from pages.parts.charts import Band, Line, Plot
from pages.parts.text import safe_label
from store.alerting import Severity
from store.errors import LeewayError
from store.model import DIMENSIONS, Window
from store.rules import StoredRule

PREVIEW = timedelta(days=28)
PREVIEW_EVALUATIONS = 2700  # the reader waits: a coarser step is said, not hidden
READ = "rule_numbers"  # of the session: what was read for a preview, and until when
KEPT = timedelta(minutes=10)
WINDOWS = ("5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "7d")
EVERY = ("1m", "5m", "10m", "15m", "30m", "1h")
HOLDS = ("0s", "5m", "10m", "15m", "30m", "1h", "3h")


@st.dialog("Alert rule", width="large")
def edit(stored: StoredRule | None) -> None:
    """The dialog. Nothing is kept until it is saved."""
    old: dict[str, Any] = dict(stored.definition) if stored else {}
    table = _asked(old, new=stored is None)
    try:
        rule = rule_from(table, where="rule", metrics=metrics())
    except LeewayError as error:
        st.caption(f":orange[:material/edit_note:] {safe_label(str(error), 300)}")
        return
    with st.container(horizontal=True):
        previewed = st.button("Preview on the last 28 days", icon=":material/history:")
        saved = st.button("Save", icon=":material/save:")
    if saved:
        _save(rule)
    if previewed:
        _preview(rule)


def _asked(old: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """The fields as a rule's table; what the form does not ask for stays as it was."""
    title = st.text_input("Name", value=old.get("title") or old.get("id", ""), max_chars=120)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _select("Metric", list(metrics()), old.get("metric", "error_rate"), lambda key: metrics()[key].title)
        kind = _select("Kind", list(kinds()), old.get("kind", "threshold"), lambda key: key.replace("_", " "))
        comparison = _select("Fires when", [">", ">=", "<", "<="], old.get("comparison", ">"), width=110)
        threshold = st.number_input(
            _limit_label(kind, metrics()[name].unit), value=_limit(old, kind), format="%g", width=180
        )
    st.caption(f"{metrics()[name].help} {kinds()[kind].help}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        window = _select("Over the last", WINDOWS, old.get("window", "1h"), width=120)
        every = _select("Looks every", EVERY, old.get("every", "5m"), width=120)
        hold = _select("Must last", HOLDS, old.get("for", "0s"), width=120)
        severity = _select("Severity", [one.value for one in Severity], old.get("severity", "warning"), width=130)
    group_by = st.multiselect("One alert for each", DIMENSIONS, default=_names(old.get("group_by", ())))
    channels = st.multiselect(
        "Tells", list(asked.runtime().channels), default=_known(old.get("channels", ())), placeholder="every channel"
    )
    table = {
        **old, "id": old.get("id") or _slug(title), "title": title, "metric": name, "kind": kind, "window": window,
        "comparison": comparison, "every": every, "for": hold, "severity": severity, "group_by": group_by,
        "channels": channels, "threshold": threshold,
    }  # fmt: skip
    if kind == "no_data":
        table.pop("threshold")
    if new and table["id"] in {rule.rule_id for rule in alarms.rules_known()}:
        st.caption(
            f":orange[:material/warning:] The rule {safe_label(table['id'])} is there already and would be replaced."
        )
    return table


def _select(label: str, options: Sequence[str], value: str, say: Any = str, width: int | str = "stretch") -> str:
    values = list(options) if value in options else [value, *options]
    return str(st.selectbox(label, values, index=values.index(value), format_func=say, width=width))  # type: ignore[arg-type]


def _limit_label(kind: str, unit: str) -> str:
    if kind == "change":
        return "times as much as before"
    return "Limit (share, 0.05 is 5 %)" if unit == "share" else f"Limit ({unit})"


def _limit(old: dict[str, Any], kind: str) -> float:
    return float(old.get("threshold") or (1.5 if kind == "change" else 0.05))


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _known(value: Any) -> list[str]:
    return [name for name in _names(value) if name in asked.runtime().channels]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:64] or "rule"


def _save(rule: Rule) -> None:
    with asked.store().transaction() as tx:
        save_rule(tx, rule, origin="ui", by=asked.ACTOR, now=asked.runtime().now())
    alarms.forget()
    st.rerun()


def _preview(rule: Rule) -> None:
    runtime = asked.runtime()
    until, numbers = _numbers()
    try:
        with st.spinner("Replaying the last 28 days …"):
            window = Window(start=until - PREVIEW, end=until)
            tried = runtime.backtest(rule, window, numbers=numbers, most=PREVIEW_EVALUATIONS)
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


def _verdict(tried: Backtest) -> None:
    times = len(tried.episodes)
    often = "once" if times == 1 else f"{times} times"
    coarse = f" Replayed every {units.span(tried.every)}."
    if not times:
        st.success(f"Would not have fired in the last {PREVIEW.days} days.{coarse}", icon=":material/check_circle:")
    else:
        st.info(
            f"Would have fired **{often}** in the last {PREVIEW.days} days, {units.span(tried.firing_time)} in all, "
            f"and sent {len(tried.headlines())} messages.{coarse}",
            icon=":material/notifications:",
        )


def _course(rule: Rule, tried: Backtest) -> None:
    """The busiest slice over the week, with its limit and where it would have fired."""
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
