"""What the Drift page asks, kept for a minute like everything that `asked` asks.

A comparison never changes once it is made; only its texts may be taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from analytics.column_drift import NAMES, NUMBERS
from analytics.verdict import SUMMARY
from pages.parts import asked
from pages.parts.asked import TTL
from store import comparisons, embeddings
from store.connection import Store
from store.embeddings import COLUMNS
from store.model import Window

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One window: what every detector said of it; of texts also what was found, and the texts of the calls it names."""

    rows: pl.DataFrame
    found: Mapping[str, Any]
    texts: Mapping[str, str]


def summaries(subjects: Sequence[str], window: Window) -> pl.DataFrame:
    """As `store.comparisons.summaries`."""
    return _summaries(asked.store(), tuple(subjects), window, f"{asked.store().settings.path} {subjects} {window}")


@st.cache_data(ttl=TTL, max_entries=100, show_spinner=False)
def _summaries(_store: Store, _subjects: Sequence[str], _window: Window, key: str) -> pl.DataFrame:  # noqa: ARG001 - the key
    return comparisons.summaries(_store, _subjects, _window)


def newest(subjects: Sequence[str]) -> Mapping[str, Row]:
    """As `store.comparisons.newest`."""
    return _newest(asked.store(), tuple(subjects), f"{asked.store().settings.path} {subjects}")


@st.cache_data(ttl=TTL, max_entries=10, show_spinner=False)
def _newest(_store: Store, _subjects: Sequence[str], key: str) -> Mapping[str, Row]:  # noqa: ARG001
    return comparisons.newest(_store, _subjects)


def told(subject: str, row: Row) -> Told:
    """All that is known of the window of one summary."""
    key = f"{asked.store().settings.path} {subject} {row['current_end']} {row['created_at']}"
    return _told(asked.store(), subject, row, key)


@st.cache_data(ttl=TTL, max_entries=100, show_spinner=False)
def _told(_store: Store, subject: str, _row: Row, key: str) -> Told:  # noqa: ARG001
    subjects = (*NUMBERS, *NAMES) if subject == COLUMNS else [subject]
    rows = comparisons.of_window(_store, _row["current_end"], subjects)
    found = comparisons.details(_store, SUMMARY, subject, _row["current_end"])
    if subject == COLUMNS or not isinstance(found, dict) or not found.get("topics"):
        return Told(rows=rows, found={}, texts={})
    calls = [point[2] for point in found["map"]["current"]] + [one["call_id"] for one in found["novel"]]
    span = Window(start=_row["current_start"], end=_row["current_end"])
    return Told(rows=rows, found=found, texts=embeddings.texts(_store, subject, span, calls))
