"""Write a rule: what to watch, when it fires, whom it tells; its preview stands below it before it wakes anybody."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from alerts.condition import kinds
from alerts.rule import Rule
from alerts.rules.defaults import suggested
from alerts.rules.rulebook import save_rule
from alerts.rules.rulefile import doubts, rule_from
from analytics.metric import metrics
from pages.parts import alarms, asked, rulefields, rulepreview
from pages.parts.text import safe_label
from store.alerting import Severity
from store.errors import LeewayError
from store.model import DIMENSIONS
from store.rules import StoredRule

WINDOWS = ("5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "3d", "7d")
EVERY = ("1m", "5m", "10m", "15m", "30m", "1h")
HOLDS = ("0s", "5m", "10m", "15m", "30m", "1h", "3h")
UNLIMITED = ("no_data",)  # kinds that compare with no number
LIMITS = {
    "change": "Times as much as before", "seasonal": "Deviations from what is usual", "cusum": "Deviations, added up",
    "burn_rate": "Times what the objective allows", "budget": "Budget", "drift": "Times the detectors' own limit",
}  # fmt: skip

Table = dict[str, Any]


def open_for(stored: StoredRule | None) -> None:
    """Open the editor, on a rule or for a new one."""
    rulepreview.forget()
    _dialog(stored)


@st.dialog("Alert rule", width="large")
def _dialog(stored: StoredRule | None) -> None:
    """Nothing is kept until it is saved."""
    old: Table = {**(stored.definition if stored else {}), **rulepreview.taken()}
    table = _asked(old, new=stored is None)
    try:
        rule = rule_from(table, where="rule", metrics=metrics())
    except LeewayError as error:
        st.caption(f":orange[:material/edit_note:] {safe_label(str(error), 300)}")
        return
    for doubt in doubts(rule):
        st.caption(f":orange[:material/lightbulb:] {safe_label(doubt, 300)}")
    saved = rulepreview.buttons(rule, save="Save")
    if saved:
        _save(rule, stored)
    rulepreview.shown(rule)


def _asked(old: Table, *, new: bool) -> Table:
    """The fields as a rule's table; what the form does not ask for stays as it was."""
    title = st.text_input("Name", value=old.get("title") or old.get("id", ""), max_chars=120)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = select("Metric", list(metrics()), old.get("metric", "error_rate"), lambda key: metrics()[key].title)
        old = {**suggested(name, metrics()[name]), **old} if new else old
        kind = select("Kind", list(kinds()), old.get("kind", "threshold"), lambda key: key.replace("_", " "))
        old = {**kinds()[kind].usual({}), **old}
        comparison = select("Fires when", [">", ">=", "<", "<="], old.get("comparison", ">"), width=110)
        threshold = _limit(kind, name, old)
    st.caption(f"{metrics()[name].help} {kinds()[kind].help}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        window = select("Over the last", WINDOWS, old.get("window", "1h"), width=120)
        every = select("Looks every", EVERY, old.get("every", "5m"), width=120)
        hold = select("Must last", HOLDS, old.get("for", "0s"), width=120)
        severity = select("Severity", [one.value for one in Severity], old.get("severity", "warning"), width=130)
    filters = rulefields.filters(old.get("filters", {}))
    group_by = st.multiselect(
        "One alert for each", DIMENSIONS, default=rulefields.names(old.get("group_by", ())), placeholder="all together"
    )
    channels = st.multiselect(
        "Tells", list(asked.runtime().channels), default=_known(old.get("channels", ())), placeholder="every channel"
    )
    table = {
        **old, "id": old.get("id") or _slug(title), "title": title, "metric": name, "kind": kind, "window": window,
        "comparison": comparison, "every": every, "for": hold, "severity": severity, "group_by": group_by,
        "channels": channels, "threshold": threshold, "filters": filters, **rulefields.more(old, kind),
    }  # fmt: skip
    _warn(table, new=new)
    return {key: value for key, value in table.items() if value is not None}


def select(
    label: str, options: Sequence[str], value: str, say: Callable[[str], str] = str, width: Any = "stretch"
) -> str:
    """A choice that also offers what was chosen elsewhere, in a file."""
    values = list(options) if value in options else [value, *options]
    return str(st.selectbox(label, values, index=values.index(value), format_func=say, width=width))


def _limit(kind: str, name: str, old: Table) -> float | None:
    if kind in UNLIMITED:
        return None
    unit = metrics()[name].unit
    label = LIMITS.get(kind) or ("Limit (share, 0.05 is 5 %)" if unit == "share" else f"Limit ({unit})")
    return st.number_input(label, value=_number(old.get("threshold")), placeholder="a number", format="%g", width=190)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _known(value: Any) -> list[str]:
    return [name for name in rulefields.names(value) if name in asked.runtime().channels]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:64] or "rule"


def _warn(table: Table, *, new: bool) -> None:
    if new and table["id"] in {rule.rule_id for rule in alarms.rules_known()}:
        st.caption(
            f":orange[:material/warning:] The rule {safe_label(table['id'])} is there already and would be replaced."
        )


def _save(rule: Rule, stored: StoredRule | None) -> None:
    origin = stored.origin if stored else "ui"
    with asked.store().transaction() as tx:
        save_rule(tx, rule, origin=origin, by=asked.ACTOR, now=asked.runtime().now())
    alarms.forget()
    st.rerun()
