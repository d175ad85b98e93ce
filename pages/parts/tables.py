"""Tables: log text in them is neutral, short ones are as tall as they need, a click on a row can lead on."""

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl
import streamlit as st

from pages.parts.text import cells

FITTING_ROWS = 11
TALL = 420

Columns = Mapping[str, Any]


def table(rows: pl.DataFrame, *, alt: str, columns: Columns | None = None, fitting: int = FITTING_ROWS) -> None:
    """`alt` says what the table holds, for those who cannot see it."""
    st.dataframe(
        cells(rows),
        hide_index=True,
        alt=alt,
        placeholder="–",
        column_config=dict(columns or {}),
        height=_height(rows.height, fitting, TALL),
    )


def picked(
    rows: pl.DataFrame,
    *,
    alt: str,
    key: str,
    columns: Columns | None = None,
    anywhere: bool = False,
    fitting: int = FITTING_ROWS,
    tall: int = TALL,
) -> int | None:
    """Draw a table and return the row that was chosen; with `anywhere` a click on any cell chooses it."""
    state = st.dataframe(
        cells(rows),
        hide_index=True,
        alt=alt,
        key=key,
        placeholder="–",
        column_config=dict(columns or {}),
        on_select="rerun",
        selection_mode=["single-row", "single-cell"] if anywhere else "single-row",
        height=_height(rows.height, fitting, tall),
    )
    chosen = [*state.selection.rows, *(row for row, _ in state.selection.cells)] if anywhere else state.selection.rows
    return int(chosen[0]) if chosen else None


def right(label: str | None = None) -> Any:
    """A column of formatted numbers."""
    return st.column_config.TextColumn(label, alignment="right")


def _height(rows: int, fitting: int, tall: int) -> int | Literal["content"]:
    return "content" if rows <= fitting else tall
