"""Rejects as a file: what could not be kept, with its reason, to be mended and sent again."""

from collections.abc import Callable

import streamlit as st

from collectors.rejected import ENDING, MOST, MOST_BYTES, Rejected, rejected_of
from pages.parts import asked, units
from store.sources import UNDONE, Source

HELP = "JSON lines: where each record stood, why it was not kept, what to do about it, and the record as it came."


def of_report(name: str, rejected: Rejected, key: str) -> None:
    """A button for the rejects of a file that was just read or tried."""
    if rejected.lines:
        _button(name, len(rejected.lines), rejected.left_out, lambda: rejected, key)


def of_source(source: Source) -> None:
    """A button for the rejects of a file of the ledger."""
    if source.rejects and source.status != UNDONE:
        store, left_out = asked.store(), max(0, source.rejects - MOST)
        _button(source.name, source.rejects - left_out, left_out, lambda: rejected_of(store, source), "of-file")


def _button(name: str, number: int, left_out: int, rejected: Callable[[], Rejected], key: str) -> None:
    """The file is made when the button is pressed, not with every run of the page."""
    st.download_button(
        f"Rejects, {number:,} {'record' if number == 1 else 'records'}", lambda: b"".join(rejected().lines),
        file_name=f"{name}{ENDING}", mime="application/x-ndjson", key=f"rejects-{key}", on_click="ignore",
        icon=":material/download:", help=HELP,
    )  # fmt: skip
    if left_out:
        st.caption(f"A file takes {MOST:,} rejects or {units.size(MOST_BYTES)}: {left_out:,} more are not in it.")
