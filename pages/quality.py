"""Are answers getting worse?"""

import polars as pl
import streamlit as st

from analytics.evaluator import Evaluator, evaluators
from analytics.metric import metrics
from pages.parts import alarms, asked, charts, filters, frame, links, movers, panels, states, units
from pages.parts.charts import Line
from pages.parts.filters import Choice
from pages.parts.text import shortened

TILES = ("toxic_rate", "ungrounded_rate", "irrelevant_rate", "refusal_rate", "empty_rate", "scored_share")
# Metric, its evaluator, the quick set of Calls that holds what it flags.
KINDS = (
    ("toxic_rate", "toxicity", "toxic"),
    ("ungrounded_rate", "ungrounded", "ungrounded"),
    ("irrelevant_rate", "relevance", "irrelevant"),
    ("refusal_rate", "refusal", "refusal"),
    ("empty_rate", "empty", "empty"),
)
HALF = 0.5
SPREAD = ("toxicity", "ungrounded", "relevance")


def page() -> None:
    frame.title("Quality", "Are answers getting worse?", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    choice = filters.chosen()
    with states.guarded("The summary"):
        calls = asked.summary(["calls"], choice.window, choice.filters)["n"].item()
        if not calls:
            states.no_match()
            return
        frame.tiles(panels.tiles(TILES, choice))
        _progress()
        _rates(choice, calls)
    _spreads(choice)
    note = "shares of scored answers; versions with fewer than 30 calls are left blank"
    with frame.card("By prompt version", note), states.guarded("The table of prompt versions"):
        movers.versions([name for name, _, _ in KINDS], choice)


def _progress() -> None:
    """What is still to be scored, and what cannot be."""
    standing = asked.standings()
    waiting = max((kind.waiting for kind in standing.values()), default=0)
    said = [
        f"{units.count(waiting)} answers wait to be scored" if waiting else "Everything that can be scored is scored",
        *(f"{name}: {shortened(kind.missing, 160)}" for name, kind in standing.items() if kind.missing),
    ]
    st.caption(" · ".join(part for part in said if part).replace("$", "\\$"))


def _rates(choice: Choice, calls: int) -> None:
    bucket = choice.bucket(calls // 2)
    with panels.columns():
        for name, evaluator, quick in KINDS:
            panels.lines(
                metrics()[name].title,
                (Line(column=name, name=metrics()[name].title),),
                choice,
                bucket=bucket,
                note=f"flagged as {quick}",
                empty="Nothing scored in this range yet.",
                footer=_trust(evaluators()[evaluator], quick),
            )
        panels.lines("Scored", (Line(column="scored_share", name="Scored"),), choice, bucket=bucket, compare=False)


def _trust(evaluator: Evaluator, quick: str) -> panels.Footer:
    """How far to believe the number, beside the number; and the calls behind it."""
    standing = asked.standings().get(evaluator.name)
    trust = (standing.trust or standing.missing) if standing else "no engine is ready"

    def footer() -> None:
        st.caption(f"{evaluator.help} How far to trust it: {trust}.")
        links.page("calls", "Flagged calls", {"quick": quick, "p": "1"}, key=quick, icon=":material/forum:")

    return footer


def _spreads(choice: Choice) -> None:
    with panels.columns(len(SPREAD)):
        for name in SPREAD:
            heading = f"{evaluators()[name].title}: spread"
            with frame.card(heading, f"{evaluators()[name].unit}, now against before"), states.guarded(heading):
                _spread(name, heading, choice)


def _spread(name: str, heading: str, choice: Choice) -> None:
    now, before = (asked.distribution(name, window, choice.filters) for window in (choice.window, choice.before))
    if now["n"].sum() < units.FEW_CALLS:
        states.blank(f"{now['n'].sum()} scores: too few for a distribution.")
        return
    above = float(now.filter(pl.col("low") >= HALF)["share"].sum())
    alt = f"{heading}: {units.percent(above)} of values lie above one half."
    frame.figure(charts.spread(now, before), alt=alt, key=f"spread-{name}")


page()
