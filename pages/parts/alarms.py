"""What the alert rules say now: the strip on top of a page, and the stretches of time to shade in its charts.

Status is read from the rules, never from the chosen range: a wide range dilutes an incident until it looks fine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from alerts.notification import scope
from analytics.metric import metrics
from pages.parts import asked, links, states, units
from pages.parts.charts import Band
from pages.parts.filters import Choice
from pages.parts.text import safe_label
from store import alerts, facets, incidents, rules
from store.alerting import Health
from store.connection import Store
from store.facets import Extent
from store.model import Window

REFRESH = timedelta(seconds=20)
LATE = timedelta(minutes=30)
MOST_SHOWN = 4
TRAIL_SPAN = timedelta(days=2)
MARGIN = timedelta(hours=1)  # what to show around an incident
BLIND = (Health.ERROR, Health.NO_DATA)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the rules stand: open incidents, how many rules watch, which cannot see, and when they last looked."""

    firing: Sequence[Row]
    rules: int
    blind: Sequence[str]
    evaluated_at: datetime | None


@st.cache_data(ttl=timedelta(seconds=10), max_entries=8, show_spinner=False)
def _standing(_store: Store, path: str) -> Standing:  # noqa: ARG001 - the path is the key
    watched = [rule.rule_id for rule in rules.stored_rules(_store) if not rule.paused]
    looked = [found for rule_id in watched if (found := alerts.progress(_store, rule_id))]
    return Standing(
        firing=incidents.firing(_store).to_dicts(),
        rules=len(watched),
        blind=[found.rule_id for found in looked if found.health in BLIND],
        evaluated_at=min((found.evaluated_at for found in looked), default=None),
    )


@st.cache_data(ttl=timedelta(seconds=10), max_entries=8, show_spinner=False)
def _extent(_store: Store, path: str) -> Extent:  # noqa: ARG001
    return facets.extent(_store)


def forget() -> None:
    """Ask anew: somebody has just changed something."""
    _standing.clear()


def rules_known() -> list[rules.StoredRule]:
    return rules.stored_rules(asked.store())


def unit_of(name: str) -> str:
    return metrics()[name].unit if name in metrics() else ""


def standing() -> Standing:
    return _standing(asked.store(), str(asked.store().settings.path))


def extent() -> Extent:
    return _extent(asked.store(), str(asked.store().settings.path))


def data_until() -> str:
    """How fresh the data is, in a few words."""
    known = extent()
    return f"Data to {units.moment(known.last_at)} UTC" if known.last_at else "No data yet"


@st.fragment(run_every=REFRESH)
def strip() -> None:
    """Firing alerts, or that there are none. It alone refreshes itself: nothing else moves under the reader's hands."""
    with states.guarded("The state of the alerts"):
        now = asked.runtime().now()
        known = standing()
        with st.container(border=True, gap="xsmall", key="status-strip"):
            for row in known.firing[:MOST_SHOWN]:
                _firing(row, now)
            if len(known.firing) > MOST_SHOWN:
                links.page("alerts", f"{len(known.firing) - MOST_SHOWN} more", key="more")
            if not known.firing:
                _quiet(known, now)
            _warnings(known, now)


def _firing(row: Row, now: datetime) -> None:
    number = str(row["incident_id"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        sentence(row, now)
        links.page("overview", "Show", around(row, now), key=number, icon=":material/zoom_in:")
        links.page("calls", "Calls", around(row, now), key=number, icon=":material/forum:")
        links.page("alerts", "Incident", {"incident": number}, key=number, icon=":material/notifications:")


def sentence(row: Row, now: datetime) -> None:
    """Severity and sentence of a firing alert; hue is not the only sign."""
    critical = row["severity"] == "critical"
    icon = ":material/error:" if critical else ":material/warning:"
    st.badge(row["severity"].capitalize(), icon=icon, color="red" if critical else "orange", width=88)
    st.markdown(_sentence(row, now), width="stretch")


def _sentence(row: Row, now: datetime) -> str:
    """`Error rate – model: claude · 26.7 % against 5.00 % · since 04:50 UTC (32 min)`."""
    where = sliced(row["slice"])
    said = f"**{safe_label(row['title'])}**" + (f" – {safe_label(where)}" if where else "")
    since = f"since {units.moment(row['opened_at'])} UTC ({units.span(now - row['opened_at'])})"
    kept = "acknowledged" if row["acknowledged_at"] else ""
    return " · ".join(part for part in (said, _stands_at(row), since, kept) if part).replace("$", "\\$")


def _stands_at(row: Row) -> str:
    """`26.7 % against 5.00 %`. Without calls nobody knows whether it is over: then what it came to at its worst."""
    value, unit = row["value"] if row["value"] is not None else row["last_value"], row["unit"]
    against = f" against {units.shown(row['threshold'], unit)}" if row["threshold"] is not None else ""
    if value is not None:
        return units.shown(value, unit) + against
    if row["peak_value"] is not None:
        return f"unknown now, at worst {units.shown(row['peak_value'], unit)}{against}"
    return "unknown now" if against else ""


def _quiet(known: Standing, now: datetime) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if known.rules:
            st.badge("No alert is firing", icon=":material/check_circle:", color="green")
            looked = f", looked {units.ago(known.evaluated_at, now)}" if known.evaluated_at else ""
            st.caption(f"{known.rules} rules watch{looked}", width="stretch")
        else:
            st.badge("Nothing is watched", icon=":material/visibility_off:", color="gray")
            st.caption("There are no alert rules yet.", width="stretch")
            links.page("alerts", "Make a rule", key="make", icon=":material/add_alert:")


def _warnings(known: Standing, now: datetime) -> None:
    if known.blind:
        names = ", ".join(safe_label(name) for name in known.blind[:MOST_SHOWN])
        st.caption(f":orange[:material/visibility_off:] Cannot see: {names}. The Alerts page says why.")
    if known.evaluated_at and now - known.evaluated_at > LATE:
        st.caption(f":orange[:material/schedule:] Rules were last looked at {units.ago(known.evaluated_at, now)}.")


def sliced(key: str) -> str:
    """A slice as words; empty for everything."""
    return scope(dict(alerts.slice_of(key)))


def around(row: Row, now: datetime) -> dict[str, str]:
    """URL parameters of a window around an incident, cut to its slice."""
    end = min((row["resolved_at"] or now) + MARGIN, now)
    window = Window(start=row["opened_at"] - MARGIN, end=end)
    return {**links.span(window), **links.sliced(dict(alerts.slice_of(row["slice"]))), "rule": row["rule_id"]}


def bands(choice: Choice) -> list[Band]:
    """What fires now and overlaps the window, and the incident or rule that the URL names."""
    now = asked.runtime().now()
    rows = [row for row in standing().firing if row["opened_at"] < choice.window.end]
    named = st.query_params.get("rule")
    if named:
        found = incidents.incidents(asked.store(), choice.window.start, choice.window.end, now=now).to_dicts()
        rows = [row for row in found if row["rule_id"] == named] or rows
    return [
        Band(window=Window(start=row["opened_at"], end=row["resolved_at"] or now), name=row["title"]) for row in rows
    ]
