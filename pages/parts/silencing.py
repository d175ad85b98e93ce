"""When nobody is told: silences as they stand, a new one, an early end."""

from datetime import timedelta

import polars as pl
import streamlit as st

from pages.parts import alarms, asked, units
from store import silences

LENGTHS = {
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "1 week": timedelta(days=7),
}


def table() -> None:
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
        rule = st.selectbox(
            "Silence", [rule.rule_id for rule in alarms.rules_known()], index=None, placeholder="every rule", width=260
        )
        length = st.selectbox("for", list(LENGTHS), width=140)
        comment = st.text_input("because", max_chars=200, width="stretch")
        pressed = st.form_submit_button("Silence", icon=":material/notifications_off:")
    if pressed:
        now = asked.runtime().now()
        silences.silence(
            asked.store(), rule_id=rule, slice_=None, starts_at=now, ends_at=now + LENGTHS[length], comment=comment,
            by=asked.ACTOR, now=now,
        )  # fmt: skip
        st.rerun()


def _end(silence_id: int) -> None:
    silences.end_silence(asked.store(), silence_id, by=asked.ACTOR, now=asked.runtime().now())
