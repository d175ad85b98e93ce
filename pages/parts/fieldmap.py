"""The upload desk's map: the first records of a file, what each becomes, and where a call's fields stand in them."""

import polars as pl
import streamlit as st

from collectors.preview import Preview, told
from pages.parts import tables
from pages.parts.text import safe_label

ASKED = (
    "started_at", "request_model", "messages", "output_text", "input_tokens", "output_tokens", "latency_s", "error",
    "user_id", "session_id",
)  # fmt: skip
NOWHERE = "(nowhere)"
SHOWN = ("call_id", "event_time", "model", "status", "input_text", "output_text", "input_tokens", "output_tokens",
         "latency_ms", "problems")  # fmt: skip
LONGEST = 120


def asked(seen: Preview, *, key: str) -> dict[str, str]:
    """Let a person say where each field stands, among the paths that the file has."""
    if seen.format is not None and not st.toggle("Say where the fields of a call stand", key=key):
        return {}
    with st.container(border=True):
        st.caption("Leave all of them for a format that is recognised.")
        paths = [NOWHERE, *seen.paths]
        chosen = {name: st.selectbox(name, paths, key=f"{key}-{name}", format_func=safe_label) for name in ASKED}
    return {name: path for name, path in chosen.items() if path and path != NOWHERE}


def shown(seen: Preview) -> None:
    """The first records as calls."""
    if seen.error:
        st.caption(safe_label(seen.error, 300))
    st.caption(f"Recognised as **{seen.format}**." if seen.format else "No format recognises it: say where things are.")
    if seen.calls:
        rows = [{name: str(told(call).get(name, ""))[:LONGEST] for name in SHOWN} for call in seen.calls]
        tables.table(pl.DataFrame(rows), alt="What the first records become")
    for reject in seen.rejects[:3]:
        st.caption(safe_label(f"line {reject.line}: {reject.reason}", 300))
