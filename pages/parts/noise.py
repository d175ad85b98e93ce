"""Which rules are read and which are noise, and a quieter setting to try."""

from datetime import timedelta

import polars as pl
import streamlit as st

from alerts.noise import Change, RuleNoise, differences
from alerts.rule import Rule
from alerts.rules.rulebook import save_rule
from alerts.rules.rulefile import rule_from
from leeway import telling
from pages.parts import alarms, asked, tables, units
from pages.parts.text import safe_label
from store import rules
from store.errors import LeewayError
from store.model import Window

SPAN = timedelta(days=28)


def table() -> None:
    """Every rule that fired in the last weeks; one that is mostly noise can be made quieter."""
    now = asked.minute(asked.runtime().now())
    window = Window(start=now - SPAN, end=now)
    known = telling.noisy(asked.runtime(), window)
    if not known:
        st.caption(f"No rule has fired in the last {SPAN.days} days.")
        return
    at = tables.picked(_shown(known), alt="How noisy each rule was", key="noise", columns={"Typical": tables.right()})
    st.caption(f"The last {SPAN.days} days. Brief: over by itself within 10 minutes. Click the box before a rule.")
    if at is not None:
        _quieter(known[at], window)


def _shown(known: list[RuleNoise]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "Rule": [one.title or one.rule_id for one in known],
            "Fired": [one.fires for one in known],
            "Acknowledged": [one.acknowledged for one in known],
            "Brief": [one.brief for one in known],
            "Real": [f"{one.real} of {one.real + one.noise}" if one.real + one.noise else "" for one in known],
            "Typical": [units.span(one.median) for one in known],
            "Messages": [one.messages for one in known],
            "Together with": [f"{one.overlaps} ({one.overlapping})" if one.overlaps else "" for one in known],
            "What speaks against it": [one.verdict for one in known],
        }
    )


def _quieter(said: RuleNoise, window: Window) -> None:
    if not said.verdict:
        st.caption(f"{safe_label(said.title)}: nothing speaks against it.")
        return
    if not st.button("Find a quieter setting", icon=":material/tune:"):
        return
    stored = rules.stored_rule(asked.store(), said.rule_id)
    if stored is None:
        st.caption("The rule is gone.")
        return
    try:
        rule = rule_from(stored.definition, where=said.rule_id)
        with st.spinner("Replaying four weeks …"):
            found = telling.quieter(asked.runtime(), rule, said, window)
    except LeewayError as error:
        st.warning(safe_label(str(error), 240), title="That did not work")
        return
    _told(rule, found)


def _told(rule: Rule, found: Change | None) -> None:
    if found is None:
        st.caption("No setting of this kind is quieter and still finds something: pause the rule, or narrow it.")
        return
    st.info(
        f"{safe_label(', '.join(differences(rule, found.rule)), 240)}: would have fired {len(found.after.episodes)} "
        f"times instead of {len(found.before.episodes)}.",
        icon=":material/tune:",
    )
    st.button("Take it", icon=":material/check:", on_click=_take, args=(found.rule,))


def _take(rule: Rule) -> None:
    stored = rules.stored_rule(asked.store(), rule.id)
    with asked.store().transaction() as tx:
        save_rule(tx, rule, origin=stored.origin if stored else "ui", by=asked.ACTOR, now=asked.runtime().now())
    alarms.forget()
