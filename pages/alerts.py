"""Which rules fire, which fired, and did the message go out?"""

from datetime import timedelta

import polars as pl
import streamlit as st

from pages.parts import (
    alarms,
    asked,
    attending,
    changes,
    delivery,
    frame,
    incident,
    links,
    noise,
    rulebook,
    silencing,
    states,
    tables,
    units,
)
from pages.parts.alarms import Row
from store import incidents, outbox

HISTORY = timedelta(days=30)
ENDS = {
    "recovered": "recovered", "missing_series": "no calls of it any more", "period_over": "the period is over",
    "rule_updated": "closed: rule changed", "rule_paused": "closed: rule paused",
    "rule_deleted": "closed: rule deleted",
    "late_data": "closed: late data shows no breach",
}  # fmt: skip
REACHED = {"sent": "", "waiting": "waiting: ", "sending": "waiting: ", "held": "held back: ", "dead": "not reached: "}


def page() -> None:
    frame.title("Alerts", "Which rules fire, which fired, and did the message go out?", alarms.data_until())
    named = st.query_params.get("incident", "")
    if named.isdecimal():
        with states.guarded("The incident"):
            incident.detail(int(named))
    with states.guarded("What is firing"):
        _firing()
    history, rules, quiet, channels, noisy, changed = st.tabs(
        ["History", "Rules", "Silences", "Channels", "Noise", "Changes"], key="section", bind="query-params"
    )
    with history, states.guarded("The history"):
        _history()
    with rules, states.guarded("The rules"):
        rulebook.table()
    with quiet, states.guarded("The silences"):
        silencing.table()
    with channels, states.guarded("The channels"):
        delivery.table()
    with noisy, states.guarded("The noise"):
        noise.table()
    with changed, states.guarded("The changes"):
        changes.table()


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
            attending.acknowledge(row, "list")
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
            "Told": _told([row["incident_id"] for row in rows]),
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
    return ENDS.get(row["resolved_reason"]) or str(row["resolved_reason"] or "resolved").replace("_", " ")


def _told(numbers: list[int]) -> list[str]:
    """Whom the newest message of each incident reached, or why nobody."""
    found = outbox.standing(asked.store(), numbers)
    return [_reached(found.filter(incident_id=number).to_dicts()) for number in numbers]


def _reached(messages: list[Row]) -> str:
    by_status = {word: [one["channel"] for one in messages if one["status"] == word] for word in REACHED}
    told = [f"{REACHED[word]}{', '.join(names)}" for word, names in by_status.items() if names]
    if told:
        return "; ".join(told)
    why = next((one["error"] for one in messages if one["error"]), None)
    return f"nobody: {why}" if why else "nobody"


page()
