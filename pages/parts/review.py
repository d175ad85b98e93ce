"""Calls worth a look, one at a time, and what people said of them."""

from typing import Any

import polars as pl
import streamlit as st

from analytics.agreement import pairs
from analytics.context import context_of
from analytics.evaluator import Evaluator, evaluators
from pages.parts import asked, links, tables, units
from pages.parts.filters import Choice
from pages.parts.text import safe_label
from store import reviews

REVIEWER, SKIPPED = "reviewer", "review-skipped"
TEXT_CHARS, DOCUMENTS = 4000, 5
NEGATIVE = "negative_feedback_rate"


def panel(evaluator: Evaluator, choice: Choice) -> None:
    """Who looks, the next call in their queue, and how reviewers agree."""
    reviewer = st.text_input(
        "Your name", key=REVIEWER, bind="query-params", max_chars=40, width=260,
        placeholder="Labels carry it", help="Kept with each label; agreement between reviewers is counted by it.",
    ).strip()  # fmt: skip
    if reviewer:
        _next(evaluator, choice, reviewer)
    else:
        st.caption(
            "Say who you are to begin: one call after the other; the keys are A (agree), D (disagree), S (skip)."
        )
    _between(evaluator)


def _next(evaluator: Evaluator, choice: Choice, reviewer: str) -> None:
    skipped = st.session_state.setdefault(SKIPPED, set())
    rows = reviews.queue(asked.store(), evaluator.name, choice.window, reviewer=reviewer, names=tuple(evaluators()))
    waiting = [row for row in rows.to_dicts() if (evaluator.name, row["call_id"]) not in skipped]
    if not waiting:
        st.caption("Nothing more to look at in this range.")
        return
    row = waiting[0]
    call = asked.call(row["call_id"])
    if call is None:
        skipped.add((evaluator.name, row["call_id"]))
        st.rerun()
    value = "" if row["value"] is None else f" ({row['value']:.2f})"
    claim = evaluator.flagged if row["flagged"] else f"not {evaluator.flagged}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{safe_label(evaluator.asks)}** Leeway says: **{safe_label(claim)}**{value}.", width="stretch")
        st.badge(row["reason"], icon=":material/rule:", color="gray")
    _buttons(evaluator, row, reviewer)
    _texts(call)


def _buttons(evaluator: Evaluator, row: dict[str, Any], reviewer: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        agrees = st.button("Agree", shortcut="A", icon=":material/thumb_up:", key="agree")
        disagrees = st.button("Disagree", shortcut="D", icon=":material/thumb_down:", key="disagree")
        skips = st.button("Skip", shortcut="S", icon=":material/skip_next:", key="skip")
        links.page("trace", "The whole call", {"call": row["call_id"]}, key="review", icon=":material/open_in_full:")
    if agrees or disagrees:
        reviews.add_label(
            asked.store(), call_id=row["call_id"], event_time=row["event_time"], name=evaluator.name,
            said=bool(row["flagged"]) == agrees, label=evaluator.flagged, how=row["reason"], reviewer=reviewer,
            now=asked.runtime().now(),
        )  # fmt: skip
        asked.scores_changed()
        st.rerun()
    if skips:
        st.session_state[SKIPPED].add((evaluator.name, row["call_id"]))
        st.rerun()


def _texts(call: dict[str, Any]) -> None:
    """Question, answer and documents; hostile as they may be, as plain text."""
    for heading, text in (("Question", call["input_text"]), ("Answer", call["output_text"])):
        with st.container(border=True, gap="xsmall"):
            st.caption(heading)
            st.text(str(text or "nothing recorded")[:TEXT_CHARS])
    documents = context_of(call)
    if documents:
        with st.container(border=True, gap="xsmall", height=260):
            st.caption(f"What the answer was given ({len(documents)})")
            for document in documents[:DOCUMENTS]:
                st.text(document[:TEXT_CHARS])


def _between(evaluator: Evaluator) -> None:
    """Cohen's kappa of every two reviewers."""
    labels = asked.labels(evaluator)
    if not labels:
        return
    by = pl.DataFrame([{"reviewer": one["reviewer"]} for one in labels]).group_by("reviewer").len().sort("reviewer")
    counted = ", ".join(f"{safe_label(name)} {n}" for name, n in by.rows())
    st.caption(f"Labels: {counted}; the last on {units.moment(labels[-1]['created_at'], year=True)} UTC.")
    found = pairs(labels)
    if not found:
        return
    shown = pl.DataFrame(
        [
            {"Reviewers": " and ".join(one.reviewers), "Calls in common": one.n, "Agreed": 100 * one.agreed,
             "Cohen’s kappa": one.kappa}
            for one in found
        ],
        schema_overrides={"Cohen’s kappa": pl.Float64},
    )  # fmt: skip
    columns = {
        "Agreed": st.column_config.NumberColumn(format="%.0f %%"),
        "Cohen’s kappa": st.column_config.NumberColumn(
            format="%.2f", help="1: always alike; 0: no more than by chance. Empty: both always said the same."
        ),
    }
    tables.table(shown, alt="Agreement between reviewers", columns=columns)


def sessions(choice: Choice) -> None:
    """Thumbs and other feedback by session; a row leads to the session's calls."""
    rows = reviews.sessions(asked.store(), choice.window, names=tuple(evaluators()))
    if rows.is_empty():
        st.caption("No feedback in this range. Send it to `POST /api/feedback`, or as OTLP evaluation events.")
        return
    said = asked.tally((NEGATIVE,), choice.window, choice.filters)[NEGATIVE]
    if said.value is not None:
        share = units.shown(said.value, "share")
        st.caption(f"{share} of what was said is negative (n = {said.n}); a rule can watch `{NEGATIVE}`.")
    shown = rows.select(
        pl.col("session_id").fill_null("no session").alias("Session"), pl.col("down").alias("Down"),
        pl.col("up").alias("Up"), pl.col("comment").fill_null("").alias("Last comment"),
        pl.col("last_at").dt.strftime("%d %b %H:%M").alias("When (UTC)"),
    )  # fmt: skip
    at = tables.picked(shown, alt="Feedback by session", key="feedback", anywhere=True)
    if at is not None and rows["session_id"][at]:
        links.go("calls", {"q": rows["session_id"][at], "p": "1"})
