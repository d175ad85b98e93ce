"""Columns of the newest window against the reference: which moved, from what to what."""

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl
import streamlit as st

from analytics.column_drift import NAMES, NUMBERS
from analytics.verdict import SUMMARY
from pages.parts import asked, tables
from store import comparisons

TITLES = {
    "latency_ms": "Latency", "ttft_ms": "Time to first token", "cost_usd": "Cost", "input_tokens": "Input tokens",
    "output_tokens": "Output tokens", "model": "Models", "finish_reason": "Finish reasons", "status": "Status",
}  # fmt: skip
TESTS = {
    "level": "as a whole (median shown)", "tail": "the largest twentieth (p95 shown)", "mix": "shares",
    "evidently_column": "Evidently's score",
}  # fmt: skip
FINDINGS = {True: "drifted", False: "as before", None: "cannot tell"}

Row = Mapping[str, Any]


def table(last: Row) -> None:
    """Those furthest over their limit first; Evidently's score stands beside and takes no part."""
    rows = comparisons.of_window(asked.store(), last["current_end"], (*NUMBERS, *NAMES))
    rows = rows.filter(pl.col("detector") != SUMMARY).sort(
        pl.col("detector").str.starts_with("evidently"), -pl.col("statistic") / pl.col("threshold")
    )
    if rows.is_empty():
        return
    shown = pl.DataFrame([_shown(row) for row in rows.iter_rows(named=True)])
    times = st.column_config.NumberColumn(format="%.2f", help="above 1 it has moved")
    tables.table(shown, alt="Columns of the newest window", columns={"Over its limit": times}, fitting=20)


def _shown(row: Row) -> dict[str, Any]:
    told = orjson.loads(row["details"] or b"{}")
    return {
        "Column": TITLES.get(row["subject"], row["subject"]),
        "Compared": TESTS.get(row["detector"], row["detector"]),
        "Before": _value(row["subject"], told.get("before")),
        "Now": _value(row["subject"], told.get("now")),
        "Over its limit": row["statistic"] / row["threshold"] if row["threshold"] else None,
        "Finding": FINDINGS[row["drifted"]] + (" (provisional)" if row["provisional"] else ""),
    }


def _value(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {100 * share:.1f} %" for name, share in value.items())
    unit = {"latency_ms": " ms", "ttft_ms": " ms", "cost_usd": " USD"}.get(column, "")
    return f"{value:,.4g}{unit}"
