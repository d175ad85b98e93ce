"""Are answers getting worse?"""

from collections.abc import Callable
from functools import partial

import streamlit as st

from analytics.evaluator import Evaluator, evaluators
from pages.parts import (
    alarms,
    asked,
    campaigns,
    contradictions,
    filters,
    flagged,
    frame,
    groups,
    honesty,
    movers,
    panels,
    review,
    scoring,
    states,
)
from pages.parts.filters import Choice

FIRST = ("toxicity", "ungrounded", "relevance")


def page() -> None:
    frame.title("Quality", "Are answers getting worse?", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    choice = filters.chosen()
    found = _in_order()
    rates = [evaluator.rate for evaluator in found]
    with states.guarded("The summary"):
        calls = asked.calls(choice.window, choice.filters)
        if not calls:
            states.no_match()
            return
        frame.tiles(panels.tiles([*rates, "scored_share"], choice))
        scoring.progress()
    chosen = _chosen(found)
    with panels.columns():
        flagged.course(chosen, choice, calls)
        honesty.card(chosen)
    _below(chosen, choice, rates)


def _in_order() -> list[Evaluator]:
    """Every evaluator there is; which come first is an editorial choice."""
    found = evaluators()
    return [
        *(found[name] for name in FIRST if name in found),
        *(one for one in found.values() if one.name not in FIRST),
    ]


def _chosen(found: list[Evaluator]) -> Evaluator:
    """What the rest of the page is about."""
    by_flag = {evaluator.flagged: evaluator for evaluator in found}
    flag = st.pills(
        "Look at", list(by_flag), default=found[0].flagged, format_func=lambda flag: flag.replace("_", " "),
        required=True, key="score", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    return by_flag[str(flag)]


def _below(chosen: Evaluator, choice: Choice, rates: list[str]) -> None:
    """One at a time: what is not looked at is not worked out."""
    sections: dict[str, Callable[[], None]] = {
        "Flagged calls": partial(flagged.table, chosen, choice),
        "By prompt version": partial(movers.versions, rates, choice),
        "By group mentioned": partial(groups.panel, choice),
        "Contradictions": partial(contradictions.panel, choice),
        "Campaigns": partial(campaigns.panel, choice),
        "Review": partial(review.panel, chosen, choice),
        "Feedback": partial(review.sessions, choice),
        "Scoring": scoring.panel,
    }
    tabs = st.tabs(list(sections), key="below", bind="query-params", on_change="rerun")
    for tab, (title, draw) in zip(tabs, sections.items(), strict=True):
        if tab.open:
            with tab, states.guarded(f"“{title}”"):
                draw()


page()
