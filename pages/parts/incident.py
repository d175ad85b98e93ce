"""One incident: what the rule saw, when what happened, who was behind it, and example calls."""

from datetime import timedelta
from itertools import pairwise

import polars as pl
import streamlit as st

from alerts.notification import Notification, loads
from pages.parts import alarms, asked, attending, charts, frame, links, tables, units
from pages.parts.alarms import Row
from pages.parts.charts import Band, Line, Plot
from pages.parts.frame import Tile
from pages.parts.text import safe_label
from store import alerts, incidents
from store.model import Window

CONTEXT = timedelta(hours=3)
DRAWN = (
    Line(column="value", name="value"),
    Line(column="threshold", name="limit"),
    Line(column="baseline", name="normal"),
)


def detail(incident_id: int) -> None:
    """Everything known of one incident; says so when there is none of that number."""
    store, now = asked.store(), asked.runtime().now()
    found = incidents.incident(store, incident_id, now=now)
    if found.is_empty():
        st.info(f"There is no incident {incident_id}.", icon=":material/search_off:")
        return
    row = found.row(0, named=True)
    told = loads(row["evidence"]) if row["evidence"] else None
    where = alarms.sliced(row["slice"])
    with frame.card(f"Incident {incident_id}: {row['title']}", where or "all calls"):
        _actions(row)
        frame.tiles(_facts(row))
        if row["reason"]:
            st.caption(f"Why it fired: {safe_label(row['reason'], 300)}")
        _course(row)
        left, right = st.columns(2, gap="medium")
        with left:
            _timeline(incident_id)
        with right:
            _evidence(told)


def _actions(row: Row) -> None:
    now = asked.runtime().now()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        attending.answers(row)
        links.page("overview", "Overview then", alarms.around(row, now), key="incident", icon=":material/monitoring:")
        links.page("calls", "Calls", alarms.around(row, now), key="incident", icon=":material/forum:")
        st.button("Close", key="close-incident", icon=":material/close:", type="tertiary", on_click=close)


def close() -> None:
    st.query_params.pop("incident", None)


def _facts(row: Row) -> list[Tile]:
    unit = row["unit"]
    over = f"ended {units.moment(row['resolved_at'])} UTC" if row["resolved_at"] else "still firing"
    normal = f"normal {units.shown(row['baseline'], unit)}" if row["baseline"] is not None else ""
    return [
        Tile(label="Began", value=units.moment(row["opened_at"]), note=f"fired {units.moment(row['fired_at'])} UTC"),
        Tile(label="Firing for", value=units.span(timedelta(seconds=row["duration_s"])), note=over),
        Tile(
            label="Peak",
            value=units.shown(row["peak_value"], unit),
            note=f"last {units.shown(row['last_value'], unit)}",
        ),
        Tile(label="Limit", value=units.shown(row["threshold"], unit), note=normal),
    ]


def _course(row: Row) -> None:
    """What the rule saw, window by window."""
    now = asked.runtime().now()
    end = row["resolved_at"] or now
    window = Window(start=row["opened_at"] - CONTEXT, end=min(end + CONTEXT, now))
    seen = alerts.evaluations(asked.store(), row["rule_id"], window).filter(pl.col("slice") == row["slice"])
    seen = seen.rename({"window_end": "bucket"}).sort("bucket")
    if seen.height < 2:  # noqa: PLR2004 - one point is no course
        return
    step = min(later - earlier for earlier, later in pairwise(seen["bucket"].to_list()))
    drawn = [line for line in DRAWN if seen[line.column].drop_nulls().len()]
    band = Band(window=Window(start=row["opened_at"], end=end), name=row["title"])
    plot = Plot(unit=row["unit"], window=window, bucket=step, bands=[band])
    peak, limit = (units.shown(row[name], row["unit"]) for name in ("peak_value", "threshold"))
    alt = f"What the rule saw: peak {peak} against {limit}."
    frame.figure(charts.times(seen, drawn, plot), alt=alt, key=f"course-{row['incident_id']}")


def _timeline(incident_id: int) -> None:
    st.markdown("**Timeline** (UTC)")
    events = incidents.timeline(asked.store(), incident_id)
    shown = events.select(
        pl.col("happened_at").dt.strftime("%d %b %H:%M:%S").alias("Time"),
        pl.col("what").alias("What"),
        pl.col("details").fill_null("").alias("Details"),
    )
    tables.table(shown, alt="Timeline of the incident")


def _evidence(told: Notification | None) -> None:
    """What the first message said of it."""
    if told is None:
        return
    for label, text in [("Then", told.now_text), ("Concerns", told.affected), *told.lines]:
        if text:
            st.markdown(f"**{label}** {safe_label(text, 600)}")
    if not told.who:
        st.caption("No slice stands out as the cause.")
    if told.who:
        st.markdown("**Who is behind the change**")
        who = pl.DataFrame(
            {
                "Slice": [one.name for one in told.who],
                "Share": [100 * one.share if one.share is not None else None for one in told.who],
                "Now and before": [one.text for one in told.who],
            },
            schema={"Slice": pl.String, "Share": pl.Float64, "Now and before": pl.String},
        )
        share = st.column_config.ProgressColumn("Share of the change", format="%.0f %%", min_value=0, max_value=100)
        tables.table(who, alt="Who is behind the change", columns={"Share": share})
    if told.examples:
        st.markdown("**Example calls**")
        for one in told.examples:
            label = (
                f"{safe_label(one.call_id, 40)} · {safe_label(one.note)}" if one.note else safe_label(one.call_id, 40)
            )
            links.page("trace", label, {"call": one.call_id}, key=one.call_id, icon=":material/account_tree:")
