"""The rules: where each stands and how it has been, and the dialog in which one is written and tried on history."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from alerts.notification import word_of
from analytics.metric import metrics
from pages.parts import alarms, asked, ruleform, rulehistory, tables, units
from store import alerts, rules
from store.alerting import State
from store.model import Window
from store.rules import StoredRule

TRAIL, FEWEST = 48, 2  # points of a line
SIGNS = {"firing": "●", "recovering": "◐", "pending": "◔"}
TIMES, SPREADS = ("change", "burn_rate", "drift"), ("seasonal", "cusum")
ORDER = [State.FIRING, State.RECOVERING, State.PENDING, State.INACTIVE]


def table() -> None:
    known = rules.stored_rules(asked.store())
    if not known:
        st.caption("No rule watches anything yet.")
    picked = _drawn(known) if known else None
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("New rule", icon=":material/add:"):
            ruleform.open_for(None)
        rulehistory.file()
        if picked:
            _actions(picked)
        elif known:
            st.caption("Click the box before a rule to change, pause or delete it.")
    if picked:
        rulehistory.versions(picked)


def _actions(rule: StoredRule) -> None:
    if st.button("Edit", icon=":material/edit:"):
        ruleform.open_for(rule)
    word, icon = ("Resume", ":material/play_arrow:") if rule.paused else ("Pause", ":material/pause:")
    st.button(word, icon=icon, on_click=_pause, args=(rule,))
    with st.popover("Delete", icon=":material/delete:"):
        st.text(f"Delete the rule {rule.rule_id}? What it found stays in the history.")
        st.button("Delete it", on_click=_delete, args=(rule.rule_id,))
    if rule.origin == "file":
        st.caption("It comes from a file: what you change here holds until the file is read again.")


def _pause(rule: StoredRule) -> None:
    with asked.store().transaction() as tx:
        rules.put_rule(
            tx, rule.definition, origin=rule.origin, by=asked.ACTOR, now=asked.runtime().now(), paused=not rule.paused
        )
    alarms.forget()


def _delete(rule_id: str) -> None:
    with asked.store().transaction() as tx:
        rules.delete_rule(tx, rule_id, by=asked.ACTOR, now=asked.runtime().now())
    alarms.forget()


def _drawn(known: list[StoredRule]) -> StoredRule | None:
    rows = sorted((_row(rule) for rule in known), key=lambda row: (row["rank"], row["Rule"]))
    by_id = {rule.rule_id: rule for rule in known}
    shown = pl.DataFrame(rows, schema_overrides={"Lately": pl.List(pl.Float64)}).drop("rank", "id")
    at = tables.picked(
        shown, alt="Alert rules", key="rules",
        columns={
            "Lately": st.column_config.LineChartColumn("Lately", y_min=0, width="small"),
            "Value": tables.right(), "Limit": tables.right(),
            "Watches": st.column_config.TextColumn(width="medium"),
        },
    )  # fmt: skip
    return None if at is None else by_id[rows[at]["id"]]


def _row(rule: StoredRule) -> dict[str, Any]:
    """A rule as its worst slice stands."""
    store = asked.store()
    definition = rule.definition
    stands = sorted(alerts.instances(store, rule.rule_id), key=lambda one: (ORDER.index(one.state), -(one.value or 0)))
    progress = alerts.progress(store, rule.rule_id)
    worst = stands[0] if stands else None
    unit = alarms.unit_of(definition.get("metric", "calls"))
    state = "paused" if rule.paused else worst.state.value if worst else "waiting for its first look"
    limit = definition.get("threshold")
    return {
        "id": rule.rule_id,
        "rank": ORDER.index(worst.state) if worst and not rule.paused else len(ORDER),
        "State": f"{SIGNS.get(state, '○')} {state}",
        "Rule": str(definition.get("title") or rule.rule_id),
        "Watches": _watches(definition),
        "Worst": (alarms.sliced(worst.slice) or "all calls") if worst else "",
        "Value": units.shown(worst.value, unit) if worst else units.UNKNOWN,
        "Limit": _limit(str(definition.get("kind", "threshold")), limit, unit),
        "Lately": _trail(rule.rule_id, worst.slice if worst else None),
        "Health": _health(progress),
        "Severity": str(definition.get("severity", "warning")),
        "Tells": ", ".join(_names(definition.get("channels", ()))) or "every channel",
    }


def _watches(definition: Mapping[str, Any]) -> str:
    """`Error rate over 1h, per model`."""
    name = str(definition.get("metric", "calls"))
    title = metrics()[name].title if name in metrics() else name
    each = " and ".join(word_of(one) for one in _names(definition.get("group_by", ())))
    kind = str(definition.get("kind", "threshold"))
    named = "" if kind == "threshold" else f" ({kind.replace('_', ' ')})"
    return f"{title}{named} over {definition.get('window', '1h')}" + (f", per {each}" if each else "")


def _limit(kind: str, limit: float | None, unit: str) -> str:
    """A limit in the metric's unit, or in what its kind counts."""
    if limit is None:
        return units.UNKNOWN
    if kind in TIMES:
        return f"{limit:g}×"
    return f"{limit:g} spreads" if kind in SPREADS else units.shown(limit, unit)


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(name) for name in value]


def _trail(rule_id: str, key: str | None) -> list[float]:
    if key is None:
        return []
    now = asked.runtime().now()
    window = Window(start=now - alarms.TRAIL_SPAN, end=now)
    seen = alerts.trails(asked.store(), rule_id, window, TRAIL).get(key, [])
    known = [value for value in seen if value is not None]
    return known if len(known) >= FEWEST else []


def _health(progress: alerts.Progress | None) -> str:
    if progress is None:
        return "not looked yet"
    looked = units.ago(progress.evaluated_at, asked.runtime().now())
    word = progress.health.value.replace("_", " ")
    return f"{word}, {looked}" + (f": {progress.note}" if progress.note else "")
