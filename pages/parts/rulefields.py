"""What a rule can say beyond the usual: which calls, when it ends, how little is too little, in which hours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from pages.parts import asked
from store.model import Window

FILTERED = ("model", "provider", "prompt_name", "tenant", "service", "environment", "operation")
OFFERED = timedelta(days=7)
MOST_OFFERED = 30  # of each dimension; anything else can be typed
MARK = ": "
VERSIONED = "@"  # prompts are offered elsewhere with their versions
BY_KIND = "as its kind has it"
KEEPS = (BY_KIND, "0s", "5m", "15m", "30m", "1h", "3h")
NO_DATA = {"keep": "keep what is known", "alert": "fire", "ok": "end the alert"}
ZONES = sorted(available_timezones())
HOURS = {"days": "Days (mon, tue; empty: every day)", "from": "From", "to": "To"}

Table = Mapping[str, Any]


def names(value: Any) -> list[str]:
    """One name or several, as a rule's table may have them."""
    return [value] if isinstance(value, str) else [str(name) for name in value]


def filters(old: Table) -> dict[str, list[str]]:
    """Which calls count, as `{dimension: values}`."""
    chosen = [f"{dimension}{MARK}{value}" for dimension, values in old.items() for value in names(values)]
    options = list(dict.fromkeys([*chosen, *_offered()]))
    picked = st.multiselect(
        "Only calls with", options, default=chosen, placeholder="all calls", accept_new_options=True,
        help="Several values of one dimension: any of them. Something that is not offered is typed as model: NAME.",
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for one in picked:
        dimension, _, value = str(one).partition(MARK)
        found.setdefault(dimension.strip(), []).append(value.strip())
    return found


def _offered() -> Iterable[str]:
    now = asked.minute(asked.runtime().now())
    window = Window(start=now - OFFERED, end=now)
    for dimension in FILTERED:
        plain = [
            value for value in asked.values(dimension, window) if VERSIONED not in value or dimension != "prompt_name"
        ]
        yield from (f"{dimension}{MARK}{value}" for value in plain[:MOST_OFFERED])


def more(old: Table, kind: str) -> dict[str, Any]:
    """The fields of an expander, as a part of the rule's table; None: left to the kind."""
    with st.expander("When it ends, too few calls, no data, quiet hours, who owns it"):
        found = {**_of_kind(old, kind), **_ends(old, kind), **_little(old), **_owner(old)}
        found["mute"] = _quiet_hours(old)
    return found


def _of_kind(old: Table, kind: str) -> dict[str, Any]:
    if kind == "change":
        against = ["previous", "last_week"]
        return {"against": _choice("Against", against, old.get("against", "previous"))}
    if kind == "burn_rate":
        value = float(old.get("objective") or 0.99)
        return {"objective": st.number_input("Objective: share of calls that is to be good", value=value, format="%g")}
    if kind == "budget":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            period = _choice("Budget of a", ["day", "week", "month"], old.get("period", "month"))
            projected = st.checkbox("Tell also when it will not last", value=bool(old.get("projected", True)))
        return {"period": period, "projected": projected}
    return {}


def _ends(old: Table, kind: str) -> dict[str, Any]:
    if kind in ("budget", "no_data"):
        return {"recover_threshold": None}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        below = old.get("recover_threshold")
        recover = st.number_input(
            "Ends below (above, for <)", value=None if below is None else float(below), placeholder="the limit",
            format="%g", help="Farther from trouble than the limit, so that it does not flap.",
        )  # fmt: skip
        keep = _choice("Keeps firing for", KEEPS, old.get("keep_firing_for", BY_KIND))
    return {"recover_threshold": recover, "keep_firing_for": None if keep == BY_KIND else keep}


def _little(old: Table) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        few = old.get("min_samples")
        fewest = st.number_input(
            "Says nothing below so many calls", value=None if few is None else int(few), min_value=0,
            placeholder="as its kind has it",
        )  # fmt: skip
        missing = st.selectbox(
            "Without data", list(NO_DATA), index=list(NO_DATA).index(old.get("no_data", "keep")),
            format_func=NO_DATA.__getitem__,
        )  # fmt: skip
        told = st.checkbox("and say so once", value=bool(old.get("notify_no_data", False)))
    return {"min_samples": fewest, "no_data": missing, "notify_no_data": told}


def _owner(old: Table) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        owner = st.text_input("Owner", value=old.get("owner") or "", max_chars=120)
        runbook = st.text_input("Runbook", value=old.get("runbook") or "", placeholder="https://…", max_chars=500)
        zone = old.get("time_zone", "UTC")
        zones = ZONES if zone in ZONES else [zone, *ZONES]
        chosen = st.selectbox("Time zone", zones, index=zones.index(zone))
    return {"owner": owner or None, "runbook": runbook or None, "time_zone": chosen}


def _quiet_hours(old: Table) -> list[dict[str, Any]]:
    """Messages are kept back then; the alert's life goes on."""
    st.caption("Quiet hours: nobody is told then, the alert stays visible.")
    rows = [_hours(one) for one in old.get("mute", ())] or [{"days": "", "from": "", "to": ""}]
    edited = st.data_editor(rows, num_rows="dynamic", hide_index=True, column_config=HOURS, key="quiet-hours")
    return [timing for row in edited if (timing := _timing(row))]


def _hours(timing: Table) -> dict[str, str]:
    return {
        "days": ", ".join(names(timing.get("days", ()))),
        "from": timing.get("from", ""),
        "to": timing.get("to", ""),
    }


def _timing(row: Table) -> dict[str, Any]:
    days = [day.strip().lower() for day in str(row.get("days") or "").split(",") if day.strip()]
    times = {name: str(row[name]).strip() for name in ("from", "to") if row.get(name)}
    return {**({"days": days} if days else {}), **times}


def _choice(label: str, options: Sequence[str], value: str) -> str:
    values = list(options) if value in options else [value, *options]
    return str(st.selectbox(label, values, index=values.index(value), format_func=lambda one: one.replace("_", " ")))
