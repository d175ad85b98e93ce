"""The filter bar: which stretch of time and which slice, the same on every page and always in the URL.

`range`, `model`, `prompt`, `tenant`, `user` and `environment` are widgets bound to parameters of those names. `from`
and `to` (ISO 8601, UTC) give an absolute range: links carry them, and the reader sets them under *Custom*.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from analytics.window import STEPS, bucket_for
from pages.parts import asked, links, units
from store.model import Filters, Window

RANGES = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
FEWEST_POINTS, MOST_POINTS, CALLS_A_POINT = 12, 100, 20
NARROW, WIDE = 126, 196  # a chosen value is longer than "all models"
CUSTOM, WINDOW = "custom", "custom-window"
DEFAULT = "24h"
LABELS = {
    "model": ("Model", "all models", "model"),
    "prompt": ("Prompt", "all prompts", "prompt_name"),
    "tenant": ("Tenant", "all tenants", "tenant"),
    "environment": ("Environment", "anywhere", "environment"),
    "user": ("User", "all users", "user_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the reader chose. `window` ends on a whole minute, so that answers can be kept for a minute."""

    window: Window
    filters: Filters

    @property
    def before(self) -> Window:
        return self.window.before()

    @property
    def stamp(self) -> str:
        """What tells a chart of one absolute range from that of another; nothing where the range moves on."""
        return links.at(self.window.start) if st.session_state.get("range") == CUSTOM else ""

    def bucket(self, n: int) -> timedelta:
        """How finely to cut a chart of `n` calls: about a hundred points, and enough calls in each for a rate."""
        finest = bucket_for(self.window)  # finer than the rollups would read every call
        steps = [step for step in STEPS if step >= finest and FEWEST_POINTS <= self.window.length / step <= MOST_POINTS]
        enough = [step for step in steps if n * (step / self.window.length) >= CALLS_A_POINT]
        return enough[0] if enough else steps[-1] if steps else finest

    def narrowed(self, **values: tuple[str, ...]) -> Filters:
        return {**self.filters, **values}


_CHOSEN: ContextVar[Choice] = ContextVar("chosen")


def bar(*, slices: bool = True) -> None:
    """Draw the bar; without `slices` the range alone. `chosen` then says what it holds."""
    now = asked.minute(asked.runtime().now())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filterbar"):
        window = _range(now)
        picked = {name: _pick(name, window) for name in LABELS} if slices else {}
    values = {name: value for name, value in picked.items() if value}
    _CHOSEN.set(Choice(window=window, filters=filters_of(values)))


def chosen() -> Choice:
    """What the reader chose in the bar above this page."""
    return _CHOSEN.get()


def zoom(key: str) -> None:
    """Show, on every page, the stretch of time that was drawn over in the chart of this key."""
    boxes = st.session_state[key]["selection"]["box"]
    window = brushed(boxes[0]["x"]) if boxes else None
    if window:
        st.session_state["range"] = CUSTOM
        st.session_state[WINDOW] = window
        st.query_params.update({"from": links.at(window.start), "to": links.at(window.end)})


def brushed(edges: Sequence[str]) -> Window | None:
    """The whole minutes between two edges of a chart over time, None when they hold not even one."""
    start, end = sorted(datetime.fromisoformat(edge).replace(tzinfo=UTC) for edge in edges)
    window = Window(start=asked.minute(start), end=asked.minute(end))
    return window if window.start < window.end else None


def window_of(query: Mapping[str, str], now: datetime) -> Window:
    """The window that URL parameters name: `from` and `to`, else `range`, else the default."""
    span = RANGES.get(query.get("range", DEFAULT), RANGES[DEFAULT])
    return _absolute(query) or Window(start=now - span, end=now)


def _range(now: datetime) -> Window:
    absolute = _absolute(st.query_params.to_dict())
    if absolute and "range" not in st.query_params:
        st.session_state["range"] = CUSTOM
    named = st.segmented_control(
        "Range",
        [*RANGES, CUSTOM],
        default=DEFAULT,
        required=True,
        key="range",
        bind="query-params",
        on_change=_leave_custom,
        label_visibility="collapsed",
    )
    if named != CUSTOM:
        return Window(start=now - RANGES[named or DEFAULT], end=now)
    return _custom(_remembered(absolute) or Window(start=now - RANGES[DEFAULT], end=now))


def _remembered(absolute: Window | None) -> Window | None:
    """The custom range; the menu drops `from` and `to`, so the session keeps them and puts them back."""
    if absolute:
        st.session_state[WINDOW] = absolute
    elif kept := st.session_state.get(WINDOW):
        st.query_params.update({"from": links.at(kept.start), "to": links.at(kept.end)})
    kept_window: Window | None = st.session_state.get(WINDOW)
    return kept_window


def _absolute(query: Mapping[str, str]) -> Window | None:
    """The window that `from` and `to` name, None when they do not name one."""
    try:
        start, end = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
    except (KeyError, ValueError):
        return None
    start, end = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (start, end))
    return Window(start=start.astimezone(UTC), end=end.astimezone(UTC)) if start < end else None


def _leave_custom() -> None:
    if st.session_state["range"] != CUSTOM:
        for name in ("from", "to"):
            st.query_params.pop(name, None)


def _custom(window: Window) -> Window:
    """The popover that says and sets an absolute range."""
    label = f"{units.moment(window.start)} – {units.moment(window.end)} UTC"
    with st.popover(label, icon=":material/date_range:"):
        start = st.datetime_input("From (UTC)", value=_bare(window.start), step=timedelta(minutes=5))
        end = st.datetime_input("To (UTC)", value=_bare(window.end), step=timedelta(minutes=5))
        if st.button("Show this range", disabled=start >= end):
            st.query_params.update({"from": f"{start.isoformat()}Z", "to": f"{end.isoformat()}Z"})
            st.rerun()
    return window


def _bare(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _pick(name: str, window: Window) -> str | None:
    label, everything, dimension = LABELS[name]
    asked_for = st.query_params.get(name) or st.session_state.get(name)
    options = asked.values(dimension, window)
    if asked_for and asked_for not in options:  # a link may name what this range does not hold
        options = [asked_for, *options]
    return st.selectbox(
        label,
        options,
        index=None,
        placeholder=everything,
        key=name,
        bind="query-params",
        label_visibility="collapsed",
        width=WIDE if asked_for else NARROW,
    )


def filters_of(query: Mapping[str, str]) -> Filters:
    """The slice that URL parameters name; several values of one stand between commas."""
    found = {
        dimension: tuple(query[name].split(","))
        for name, (_, _, dimension) in LABELS.items()
        if query.get(name) and name != "prompt"
    }
    if prompt := query.get("prompt"):
        name, at, version = prompt.rpartition("@")
        found |= {"prompt_name": (name,), "prompt_version": (version,)} if at else {"prompt_name": (prompt,)}
    return found
