"""Who changed what: rules, silences, answers to incidents, thresholds, references."""

import polars as pl
import streamlit as st

from pages.parts import asked, tables
from store.audit import recent_changes

MOST = 200


def table() -> None:
    found = recent_changes(asked.store(), MOST)
    if found.is_empty():
        st.caption("Nobody has changed anything yet.")
        return
    shown = found.select(
        pl.col("happened_at").dt.strftime("%d %b %H:%M:%S").alias("When (UTC)"),
        pl.col("actor").alias("Who"),
        pl.col("action").str.replace_all(".", ": ", literal=True).str.replace_all("_", " ").alias("What"),
        pl.col("subject").alias("Of"),
        pl.col("details").fill_null("").alias("Details"),
    )
    tables.table(shown, alt="Who changed what")
    if found.height == MOST:
        st.caption(f"The newest {MOST} changes.")
