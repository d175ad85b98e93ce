"""The script that every visit runs: the menu, then the page. The order of the menu is an editorial choice."""

import streamlit as st

from pages.parts import states

st.set_page_config(page_title="Leeway", page_icon="📟", layout="wide")

PAGES = (
    st.Page("overview.py", title="Overview", icon=":material/monitoring:", default=True),
    st.Page("alerts.py", title="Alerts", icon=":material/notifications:"),
    st.Page("calls.py", title="Calls", icon=":material/forum:"),
    st.Page("cost.py", title="Cost", icon=":material/payments:"),
    st.Page("quality.py", title="Quality", icon=":material/verified:"),
    st.Page("drift.py", title="Drift", icon=":material/trending_up:"),
    st.Page("data.py", title="Data", icon=":material/database:"),
    st.Page("trace.py", title="Trace", icon=":material/account_tree:", visibility="hidden"),
)

chosen = st.navigation(list(PAGES), position="top")
with states.guarded("This page"):
    chosen.run()
