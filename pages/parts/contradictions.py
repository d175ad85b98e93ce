"""Answers that contradict one another, with the way to both calls."""

import polars as pl
import streamlit as st

from analytics.consistency import NEWEST, Answer, Contradiction
from pages.parts import asked, links, tables, units
from pages.parts.filters import Choice

SHOWN_CHARS = 240


def panel(choice: Choice) -> None:
    """The newest first."""
    found = asked.contradictions(choice.window, choice.filters)
    if not found:
        st.caption(f"No answers contradict one another among the newest {NEWEST:,} of this range.")
        return
    changed = sum(one.model_changed for one in found)
    after = f", {changed} of them after a change of model" if changed else ""
    st.markdown(f"**Answers that contradict one another**: {len(found)} like prompts were answered otherwise{after}.")
    link = st.column_config.LinkColumn(display_text="open", width=96)
    tables.table(
        pl.DataFrame([_row(one) for one in found]), alt="Answers that contradict one another",
        columns={"Earlier call": link, "Later call": link, "Prompt": st.column_config.TextColumn(width=360)},
    )  # fmt: skip
    st.caption("Rules over numbers, dates and how answers begin; in English. Read both before you believe it.")


def _row(one: Contradiction) -> dict[str, str]:
    return {
        "Time (UTC)": units.moment(one.second.event_time),
        "Prompt": " ".join(one.second.prompt.split())[:SHOWN_CHARS],
        "About": one.about,
        "Earlier": one.said[0],
        "Later": one.said[1],
        "Model": " → ".join(dict.fromkeys(each.model or "unknown" for each in (one.first, one.second))),
        "Earlier call": _link(one.first),
        "Later call": _link(one.second),
    }


def _link(answer: Answer) -> str:
    return f"trace?{links.encoded({'call': answer.call_id})}"
