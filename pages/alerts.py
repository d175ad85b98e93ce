"""Which rules fire, which fired, and did the message go out?"""

from datetime import timedelta

import polars as pl
import streamlit as st

from pages.parts import alarms, asked, delivery, frame, incident, links, rulebook, states, tables, units
from pages.parts.alarms import Row
from store import incidents, silences

HISTORY = timedelta(days=30)
SILENCES = {
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "1 week": timedelta(days=7),
}


def page() -> None:
    frame.title("Alerts", "Which rules fire, which fired, and did the message go out?", alarms.data_until())
    named = st.query_params.get("incident", "")
    if named.isdecimal():
        with states.guarded("The incident"):
            incident.detail(int(named))
    with states.guarded("What is firing"):
        _firing()
    history, rules, quiet, channels = st.tabs(
        ["History", "Rules", "Silences", "Channels"], key="section", bind="query-params"
    )
    with history, states.guarded("The history"):
        _history()
    with rules, states.guarded("The rules"):
        rulebook.table()
    with quiet, states.guarded("The silences"):
        _silences()
    with channels, states.guarded("The channels"):
        delivery.table()


def _firing() -> None:
    rows = alarms.standing().firing
    if not rows:
        alarms.strip()
        return
    with frame.card("Firing now", f"{len(rows)} {'alert' if len(rows) == 1 else 'alerts'}"):
        for row in rows:
            _one(row)


def _one(row: Row) -> None:
    now = asked.runtime().now()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        alarms.sentence(row, now)
        if not row["acknowledged_at"]:
            incident.acknowledge(row, "list")
        st.button(
            "Details",
            key=f"open-{row['incident_id']}",
            icon=":material/open_in_full:",
            on_click=_open,
            args=(row["incident_id"],),
        )
        links.page("calls", "Calls", alarms.around(row, now), key=f"list-{row['incident_id']}", icon=":material/forum:")


def _open(incident_id: int) -> None:
    st.query_params["incident"] = str(incident_id)


def _history() -> None:
    now = asked.runtime().now()
    found = incidents.incidents(asked.store(), now - HISTORY, now, now=now)
    if found.is_empty():
        st.caption(f"Nothing has fired in the last {HISTORY.days} days.")
        return
    rows = found.to_dicts()
    shown = pl.DataFrame(
        {
            "Incident": [row["incident_id"] for row in rows],
            "What": [row["title"] for row in rows],
            "Where": [alarms.sliced(row["slice"]) or "all calls" for row in rows],
            "Severity": [row["severity"] for row in rows],
            "Began (UTC)": [units.moment(row["opened_at"]) for row in rows],
            "Lasted": [units.span(timedelta(seconds=row["duration_s"])) for row in rows],
            "Peak": [units.shown(row["peak_value"], row["unit"]) for row in rows],
            "Limit": [units.shown(row["threshold"], row["unit"]) for row in rows],
            "State": [_state(row) for row in rows],
        }
    )
    at = tables.picked(
        shown,
        alt="Incidents of the last 30 days",
        key="history",
        columns={"Peak": tables.right(), "Limit": tables.right()},
    )
    st.caption("Click the box before a row to open the incident.")
    if at is not None and st.query_params.get("incident") != str(rows[at]["incident_id"]):
        _open(rows[at]["incident_id"])
        st.rerun()


def _state(row: Row) -> str:
    if row["resolved_at"] is None:
        return f"firing, {row['acknowledged_by']} looks after it" if row["acknowledged_at"] else "firing"
    return str(row["resolved_reason"] or "resolved").replace("_", " ")


def _silences() -> None:
    now = asked.runtime().now()
    _new_silence()
    known = silences.silences(asked.store(), now=now).filter(pl.col("status") != "expired")
    if known.is_empty():
        st.caption("Nothing is silenced.")
    for row in known.iter_rows(named=True):
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            who = row["rule_id"] or "every rule"
            where = f", {alarms.sliced(row['slice'])}" if row["slice"] else ""
            comment = f" · {row['comment']}" if row["comment"] else ""
            st.text(f"{who}{where} until {units.moment(row['ends_at'])} UTC{comment}", width="stretch")
            st.button("End now", key=f"end-{row['silence_id']}", on_click=_end, args=(row["silence_id"],))


def _new_silence() -> None:
    """Nobody is told for a while; the alert's life goes on and stays visible here."""
    with st.form("new-silence", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        rule = st.selectbox("Silence", rulebook.ids(), index=None, placeholder="every rule", width=260)
        length = st.selectbox("for", list(SILENCES), width=140)
        comment = st.text_input("because", max_chars=200, width="stretch")
        pressed = st.form_submit_button("Silence", icon=":material/notifications_off:")
    if pressed:
        now = asked.runtime().now()
        silences.silence(
            asked.store(), rule_id=rule, slice_=None, starts_at=now, ends_at=now + SILENCES[length], comment=comment,
            by=asked.ACTOR, now=now,
        )  # fmt: skip
        st.rerun()


def _end(silence_id: int) -> None:
    silences.end_silence(asked.store(), silence_id, by=asked.ACTOR, now=asked.runtime().now())


page()
