"""Evidently's own report on a window, made by a worker when somebody asks for it, shown in a sandbox."""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from analytics.report import report as make
from pages.parts import asked, states
from store.model import Window

HEIGHT = 720


@st.fragment
def report(subject: str, last: Mapping[str, Any]) -> None:
    """A button, and what it made. Only this part of the page waits."""
    kept = f"evidently-{subject}-{last['current_end']:%Y%m%dT%H%M}"
    if st.button("Evidently's report on this window", key=f"button-{kept}", icon=":material/description:"):
        with states.guarded("Evidently's report"), st.spinner("A worker makes the report; this takes seconds …"):
            st.session_state[kept] = _made(subject, last)
    if kept in st.session_state:
        page = st.session_state[kept]
        st.download_button(
            "Download it", page, file_name=f"{kept}.html", mime="text/html", key=f"save-{kept}", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
        st.iframe(sandboxed(page), height=HEIGHT, alt="Evidently's report")
        st.caption(
            "Made by Evidently from vectors and columns; its verdict stands beside ours and takes no part in it."
        )


def _made(subject: str, last: Mapping[str, Any]) -> str:
    runtime = asked.runtime()
    window = Window(start=last["current_start"], end=last["current_end"])
    return make(runtime.store, runtime.pages_first, runtime.settings.drift, subject, window)


def sandboxed(page: str) -> str:
    """The page in a frame without an origin: its scripts run, and reach nothing of ours."""
    return (
        '<body style="margin:0"><iframe sandbox="allow-scripts" style="border:0;width:100%;height:100vh" '
        f'srcdoc="{escape(page)}"></iframe></body>'
    )
