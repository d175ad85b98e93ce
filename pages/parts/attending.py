"""What a reader can answer to an incident: I look after it, be quiet, this is what I found, give me all of it."""

from datetime import timedelta

import streamlit as st

from alerts.delivery import attention
from leeway import telling
from pages.parts import alarms, asked, silencing, units
from pages.parts.alarms import Row
from pages.parts.text import safe_label
from store import incidents, silences

LONGEST_NOTE = 2000


def acknowledge(row: Row, place: str) -> None:
    st.button(
        "Acknowledge",
        key=f"ack-{place}-{row['incident_id']}",
        icon=":material/check:",
        help="Say that somebody looks after it: no more repeats are sent.",
        on_click=_acknowledge,
        args=(row["incident_id"],),
    )


def _acknowledge(incident_id: int) -> None:
    runtime = asked.runtime()
    attention.acknowledge(runtime.store, runtime.channels, incident_id, by=asked.ACTOR, now=runtime.now())
    alarms.forget()


def answers(row: Row) -> None:
    """Everything that can be answered now; what was answered stands in the timeline."""
    if row["acknowledged_at"]:
        st.caption(
            f"Acknowledged by {safe_label(row['acknowledged_by'])} at {units.moment(row['acknowledged_at'])} UTC"
        )
    if row["resolved_at"] is None:
        if not row["acknowledged_at"]:
            acknowledge(row, "detail")
        _snoozing(row)
        _silencing(row)
    else:
        _judging(row)
    _noting(row)
    _postmortem(row)


def _snoozing(row: Row) -> None:
    if row["snoozed_at"]:
        st.caption(f"Snoozed until it is worse, by {safe_label(row['snoozed_by'])}")
        return
    st.button(
        "Snooze until worse",
        key=f"snooze-{row['incident_id']}",
        icon=":material/snooze:",
        help=f"No repeats until it is {attention.WORSE:g} times as bad as now.",
        on_click=_snooze,
        args=(row["incident_id"],),
    )


def _snooze(incident_id: int) -> None:
    attention.snooze(asked.store(), incident_id, by=asked.ACTOR, now=asked.runtime().now())
    alarms.forget()


def _silencing(row: Row) -> None:
    with st.popover("Silence", icon=":material/notifications_off:"):
        where = alarms.sliced(row["slice"])
        st.text(f"Tell nobody of {row['title']}{f', {where}' if where else ''} for")
        for words, length in silencing.LENGTHS.items():
            st.button(words, key=f"silence-{row['incident_id']}-{words}", on_click=_silence, args=(row, length))


def _silence(row: Row, length: timedelta) -> None:
    now = asked.runtime().now()
    silences.silence(
        asked.store(), rule_id=row["rule_id"], slice_=row["slice"], starts_at=now, ends_at=now + length,
        comment=f"incident {row['incident_id']}", by=asked.ACTOR, now=now,
    )  # fmt: skip


def _noting(row: Row) -> None:
    with (
        st.popover("Note", icon=":material/edit_note:"),
        st.form(f"note-{row['incident_id']}", border=False, clear_on_submit=True),
    ):
        text = st.text_area("What did you find?", max_chars=LONGEST_NOTE)
        if st.form_submit_button("Keep it") and text.strip():
            attention.note(asked.store(), row["incident_id"], text.strip(), by=asked.ACTOR, now=asked.runtime().now())
            st.rerun()


def _judging(row: Row) -> None:
    """Two answers; the one that was given is ticked."""
    said = incidents.judgement(asked.store(), row["incident_id"])
    for word, icon, real in (("Real", ":material/thumb_up:", True), ("Noise", ":material/thumb_down:", False)):
        given = said == (attention.REAL if real else attention.NOISE)
        st.button(
            word, key=f"judge-{word}-{row['incident_id']}", icon=":material/check:" if given else icon,
            help="Was it worth being told? The noise report counts the answers.", on_click=_judge,
            args=(row["incident_id"], real),
        )  # fmt: skip


def _judge(incident_id: int, real: bool) -> None:
    attention.judge(asked.store(), incident_id, real=real, by=asked.ACTOR, now=asked.runtime().now())


def _postmortem(row: Row) -> None:
    """Made when it is asked for; texts of calls only on request."""
    runtime, number = asked.runtime(), int(row["incident_id"])
    with st.popover("Post-mortem", icon=":material/description:"):
        st.caption("Timeline, evidence, chart and messages in one HTML file that needs no network.")
        texts = st.checkbox("With the beginning of the example texts", key=f"texts-{number}")
        st.download_button(
            "Save it", lambda: telling.postmortem_of(runtime, number, with_text=texts),
            file_name=telling.default_file(number).name, mime="text/html", on_click="ignore",
            icon=":material/download:", key=f"postmortem-{number}",
        )  # fmt: skip
