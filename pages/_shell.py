"""The script that every visit runs: the menu, the filter bar, then the page.

The order of the menu is an editorial choice. The bar is drawn here, not by the pages: a widget that belongs to this
script keeps its value, and its place in the URL, from page to page.
"""

import streamlit as st

from pages.parts import alarms, asked, filters, frame, links, states

st.set_page_config(page_title="Leeway", page_icon="📟", layout="wide")

OVERVIEW = st.Page("overview.py", title="Overview", icon=":material/monitoring:", default=True)
ALERTS = st.Page("alerts.py", title="Alerts", icon=":material/notifications:")
CALLS = st.Page("calls.py", title="Calls", icon=":material/forum:")
COST = st.Page("cost.py", title="Cost", icon=":material/payments:")
QUALITY = st.Page("quality.py", title="Quality", icon=":material/verified:")
DRIFT = st.Page("drift.py", title="Drift", icon=":material/trending_up:")
DATA = st.Page("data.py", title="Data", icon=":material/database:")
TRACE = st.Page("trace.py", title="Trace", icon=":material/account_tree:", visibility="hidden")

chosen = st.navigation([OVERVIEW, ALERTS, CALLS, COST, QUALITY, DRIFT, DATA, TRACE], position="top")
with states.guarded("This page"), asked.runtime().pages_first.drawing():
    links.arrive(here=chosen.url_path or "overview")
    frame.start()
    if chosen in (OVERVIEW, CALLS, COST, QUALITY, DRIFT) and alarms.extent().calls:
        filters.bar(slices=chosen is not DRIFT)
    chosen.run()
