"""Are answers getting worse?"""

import streamlit as st

from analytics.evaluator import Evaluator, evaluators
from pages.parts import alarms, asked, filters, flagged, frame, honesty, movers, panels, review, scoring, states
from pages.parts.filters import Choice

FIRST = ("toxicity", "ungrounded", "relevance")
BELOW = ("Flagged calls", "By prompt version", "Review", "Feedback", "Scoring")


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
        "Look at", list(by_flag), default=found[0].flagged, required=True, key="score", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return by_flag[str(flag)]


def _below(chosen: Evaluator, choice: Choice, rates: list[str]) -> None:
    """One at a time: what is not looked at is not worked out."""
    calls, versions, queue, thumbs, state = st.tabs(list(BELOW), key="below", bind="query-params", on_change="rerun")
    if calls.open:
        with calls, states.guarded("The flagged calls"):
            flagged.table(chosen, choice)
    if versions.open:
        with versions, states.guarded("The table of prompt versions"):
            st.caption("Shares of scored calls; versions with fewer than 30 calls are left blank.")
            movers.versions(rates, choice)
    if queue.open:
        with queue, states.guarded("The review queue"):
            review.panel(chosen, choice)
    if thumbs.open:
        with thumbs, states.guarded("The feedback"):
            review.sessions(choice)
    if state.open:
        with state, states.guarded("The state of scoring"):
            scoring.panel()


page()
