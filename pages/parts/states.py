"""What stands where numbers cannot: no data at all, no match, not scored yet, failed. Never an empty box."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.parts import links
from pages.parts.text import safe_label
from store.errors import LeewayError, QueryTimeout, StoreBroken

log = logging.getLogger(__name__)


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Keep a part of a page from taking the page with it: a failure becomes a card that says what to do."""
    try:
        yield
    except LeewayError as error:
        log.warning("%s could not be shown: %s", what, error)
        failed(what, error)


def failed(what: str, error: LeewayError) -> None:
    if isinstance(error, QueryTimeout):
        advice = "The question was too big for the time it gets. Choose a shorter range or fewer slices."
    elif isinstance(error, StoreBroken):
        advice = "The database was reopened. Reload the page; if it happens again, see the Data page."
    else:
        advice = "Reload the page. If it happens again, the Data page and the log say more."
    st.error(f"{safe_label(str(error), 240)}\n\n{advice}", title=f"{what} cannot be shown", icon=":material/error:")


def no_data() -> None:
    """Nothing has ever come in."""
    with st.container(border=True):
        st.subheader("No calls yet", anchor=False)
        st.markdown(
            "Leeway shows what your application's model calls cost, how long they took and how good they were. "
            "Give it some calls:"
        )
        st.markdown("- **Upload a log file**, or point an OpenTelemetry exporter at this address: both on *Data*.")
        st.markdown("- **Look at sample data first**: stop Leeway and start it again with this command.")
        st.code("leeway demo", language="bash")
        links.page("data", "Go to Data", key="empty", icon=":material/upload_file:")


def no_match(what: str = "calls") -> None:
    """There is data, but not for this range and these filters."""
    with st.container(border=True):
        st.markdown(f"**No {what} match this range and these filters.**")
        links.cleared("Clear the filters")


def blank(why: str) -> None:
    """In a card whose chart has nothing to draw."""
    with st.container(height=180, border=False, vertical_alignment="center", horizontal_alignment="center"):
        st.caption(why, width="content")
