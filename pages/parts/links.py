"""From one page to the next without retyping a filter: the chosen range and slice travel in the URL, times absolute."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import streamlit as st

from store.model import Window

PAGES = {
    "overview": "overview.py",
    "alerts": "alerts.py",
    "calls": "calls.py",
    "cost": "cost.py",
    "quality": "quality.py",
    "drift": "drift.py",
    "data": "data.py",
    "trace": "trace.py",
}
PARAMETERS = ("model", "prompt", "tenant", "user", "environment")


def at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(window: Window) -> dict[str, str]:
    """A window as URL parameters: absolute, or the link shows nothing the next morning."""
    return {"range": "custom", "from": at(window.start), "to": at(window.end)}


def sliced(values: Mapping[str, str | None]) -> dict[str, str]:
    """Dimensions and values as URL parameters. Every filter is named, so that none of an earlier page stays."""
    query = dict.fromkeys(PARAMETERS, "")
    names = {"model": "model", "tenant": "tenant", "user_id": "user", "environment": "environment"}
    query |= {names[key]: value for key, value in values.items() if key in names and value is not None}
    if prompt := values.get("prompt_name"):
        version = values.get("prompt_version")
        query["prompt"] = f"{prompt}@{version}" if version else prompt
    return query


def encoded(query: Mapping[str, str]) -> str:
    return urlencode(query)


def page(name: str, label: str, query: Mapping[str, str] | None = None, *, icon: str | None = None) -> None:
    """A link; without `query` it keeps range and slice."""
    st.page_link(PAGES[name], label=label, icon=icon, query_params=dict(kept() if query is None else query))


def go(name: str, query: Mapping[str, str]) -> None:
    st.switch_page(PAGES[name], query_params=dict(query))


def here(label: str, query: Mapping[str, str], *, key: str, icon: str | None = None) -> None:
    """A button that sets the range and slice of the page it stands on."""
    st.button(label, key=key, icon=icon, type="tertiary", on_click=_set, args=(dict(query),))


def turn(label: str, name: str, value: str | None, *, icon: str) -> None:
    """A button that sets one parameter of the URL; there but dead when there is nowhere to go."""
    st.button(label, icon=icon, type="tertiary", disabled=value is None, on_click=_turn, args=(name, value))


def _turn(name: str, value: str) -> None:
    st.query_params[name] = value


def _set(query: Mapping[str, str]) -> None:
    for name in ("range", *PARAMETERS):
        st.session_state[name] = query.get(name) or (None if name != "range" else "24h")
    st.query_params.update({name: query[name] for name in ("from", "to", "rule") if name in query})


def kept() -> dict[str, str]:
    """What the URL says now of range and slice."""
    names = ("range", "from", "to", *PARAMETERS)
    return {name: st.query_params[name] for name in names if st.query_params.get(name)}


def cleared(label: str) -> None:
    st.button(label, on_click=_clear, icon=":material/filter_alt_off:")


def _clear() -> None:
    for name in PARAMETERS:
        st.session_state[name] = None
