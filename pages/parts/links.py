"""From one page to the next without retyping a filter: range and slice travel along, times absolute.

Filters are widgets bound to the URL, and their values can be set only before they are drawn. Whoever leads elsewhere
therefore notes where to (`go`); the shell takes the reader there at the beginning of the next run (`arrive`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from store.model import Window

PARAMETERS = ("model", "prompt", "tenant", "user", "environment")
# Parameters that belong to a widget, with what each is when nobody has chosen.
BOUND: Mapping[str, Any] = {
    "range": "24h", **dict.fromkeys(PARAMETERS), "quick": None, "q": "", "order": "newest", "p": 1,
}  # fmt: skip
DEPARTURE = "departure"

Query = Mapping[str, str]


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


def encoded(query: Query) -> str:
    return urlencode(query)


def page(name: str, label: str, query: Query | None = None, *, key: str, icon: str | None = None) -> None:
    """A way to another page, or to another range and slice of this one. What `query` does not name stays as it is."""
    if st.button(label, key=f"to-{name}-{key}", icon=icon, type="tertiary"):
        go(name, query or {})


def go(name: str, query: Query) -> None:
    """Lead to a page with these URL parameters."""
    st.session_state[DEPARTURE] = (name, dict(query))
    st.rerun()


def arrive(here: str) -> None:
    """Take up what `go` noted; called by the shell before any filter is drawn. `here`: the page of this run."""
    name, query = st.session_state.pop(DEPARTURE, (None, {}))
    if name is None:
        return
    for key in BOUND.keys() & query.keys():
        st.session_state[key] = int(query[key]) if key == "p" else query[key] or BOUND[key]
    free = {key: value for key, value in {**_times(), **query}.items() if key not in BOUND}
    if name == here:
        st.query_params.update(free)
    else:
        st.switch_page(f"{name}.py", query_params=free)


def _times() -> dict[str, str]:
    return {name: st.query_params[name] for name in ("from", "to") if name in st.query_params}


def kept() -> dict[str, str]:
    """Range, slice and search as they stand, also on a page that does not show them."""
    held = {name: st.session_state.get(name) or st.query_params.get(name) for name in BOUND if name != "p"}
    return {**{name: str(value) for name, value in held.items() if value}, **_times()}


def turn(label: str, name: str, value: str | None, *, icon: str) -> None:
    """A button that sets one parameter of the URL; there but dead when there is nowhere to go."""
    st.button(label, icon=icon, type="tertiary", disabled=value is None, on_click=_turn, args=(name, value))


def _turn(name: str, value: str) -> None:
    st.query_params[name] = value


def cleared(label: str) -> None:
    st.button(label, on_click=_clear, icon=":material/filter_alt_off:")


def _clear() -> None:
    for name in (*PARAMETERS, "quick", "q"):
        st.session_state[name] = BOUND[name]
