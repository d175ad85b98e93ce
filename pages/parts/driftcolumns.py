"""Columns of a window against the reference: which moved, from what to what."""

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl
import streamlit as st

from pages.parts import tables

TITLES = {
    "latency_ms": "Latency", "ttft_ms": "Time to first token", "cost_usd": "Cost", "input_tokens": "Input tokens",
    "output_tokens": "Output tokens", "model": "Models", "finish_reason": "Finish reasons", "status": "Status",
    "language": "Language of prompts",
}  # fmt: skip
TESTS = {
    "level": "as a whole (median shown)", "tail": "the largest few percent (p95 shown)",
    "mix": "shares (the one that moved most)", "evidently_column": "Evidently's score",
}  # fmt: skip
FINDINGS = {True: "drifted", False: "as before", None: "cannot tell"}

Row = Mapping[str, Any]


def table(rows: pl.DataFrame) -> None:
    """`rows` of every test: the furthest over its limit first; Evidently's score stands beside and takes no part."""
    if rows.is_empty():
        return
    ratio = pl.col("statistic") / pl.col("threshold")
    ordered = rows.sort(pl.col("detector").str.starts_with("evidently"), -ratio, nulls_last=True)
    shown = pl.DataFrame([_shown(row) for row in ordered.iter_rows(named=True)])
    times = st.column_config.NumberColumn(format="%.2f", help="above 1 it has moved")
    tables.table(shown, alt="Columns of the window", columns={"× its limit": times}, fitting=26)


def _shown(row: Row) -> dict[str, Any]:
    told = orjson.loads(row["details"] or b"{}")
    return {
        "Column": TITLES.get(row["subject"], row["subject"]),
        "Compared": TESTS.get(row["detector"], row["detector"]),
        "Before": _value(row["subject"], told.get("before")),
        "Now": _value(row["subject"], told.get("now")),
        "× its limit": max(0.0, row["statistic"] / row["threshold"]) if row["threshold"] else None,
        "Finding": FINDINGS[row["drifted"]] + (" (provisional)" if row["provisional"] else ""),
    }


def _value(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {100 * share:.1f} %" for name, share in value.items())
    unit = {"latency_ms": " ms", "ttft_ms": " ms", "cost_usd": " USD"}.get(column, "")
    return f"{value:,.4g}{unit}"
