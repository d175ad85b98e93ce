"""What was scored of one call: what is flagged first, how far to trust each on request."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from analytics.evaluator import evaluators
from pages.parts import asked, frame
from pages.parts.text import safe_label

NOT_MEASURABLE = "not_measurable"

Row = Mapping[str, Any]


def card(rows: pl.DataFrame) -> None:
    """A card of the rows of `store.browse.scores`."""
    with frame.card("Scores", "" if rows.height else "not scored yet"):
        if rows.is_empty():
            st.caption("Scores follow the calls by minutes; Data shows what waits.")
            return
        for row in sorted(rows.iter_rows(named=True), key=_rank):
            _score(row)
        with st.expander("What they mean and how far to trust them"):
            for row in rows.iter_rows(named=True):
                _meaning(row)


def _rank(row: Row) -> tuple[bool, bool, str]:
    """Flagged ones first, what could not be measured last."""
    return not _flagged(row), row["label"] == NOT_MEASURABLE, _title(row)


def _flagged(row: Row) -> bool:
    known = evaluators().get(row["name"])
    return known is not None and row["label"] == known.flagged


def _title(row: Row) -> str:
    known = evaluators().get(row["name"])
    return safe_label(known.title if known else row["name"])


def _score(row: Row) -> None:
    """One line: what it says, of what, how much; below it why, where there is a reason to act."""
    flagged = _flagged(row)
    icon = ":material/flag:" if flagged else ":material/check:"
    if row["label"] == NOT_MEASURABLE:
        icon = ":material/remove:"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            safe_label(str(row["label"] or "no label").replace("_", " ")),
            icon=icon,
            color="orange" if flagged else "gray",
        )
        value = f" {row['value']:.2f}" if row["value"] is not None and row["label"] != NOT_MEASURABLE else ""
        st.markdown(f"{_title(row)}{value}", width="stretch")
    if row["explanation"]:
        st.text(row["explanation"])


def _meaning(row: Row) -> None:
    known = evaluators().get(row["name"])
    standing = asked.standings().get(row["name"]) if known else None
    said = [f"**{_title(row)}.**", known.help if known else ""]
    said += [f"How far to trust it: {standing.trust}."] if standing and standing.trust else []
    st.caption(" ".join(part for part in said if part) + f" By {safe_label(row['evaluator'])}.")
