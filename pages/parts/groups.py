"""Answers by the group of people that a prompt mentions, against prompts that mention none."""

from math import exp

import polars as pl
import streamlit as st

from analytics.identity import FEW, MEASURES, Gap, Group, Identity
from pages.parts import asked, tables, units
from pages.parts.filters import Choice
from store.mentions import LENGTH, NEWEST

TITLES = {"refusal": "Refusals", "toxicity": "Toxic answers", LENGTH: "Length of answers"}
MORE_LESS = {
    "refusal": ("refused more often", "refused less often"),
    "toxicity": ("answered toxically more often", "answered toxically less often"),
    LENGTH: ("answered at greater length", "answered more briefly"),
}


def panel(choice: Choice) -> None:
    """What is clear, in a sentence, and below it every group with how sure each gap is."""
    found = asked.identity(choice.window, choice.filters)
    if not found.groups:
        st.caption("No prompt of this range mentions a group of people.")
        return
    st.markdown(_said(found))
    rows = [_row(group) for group in found.groups]
    if found.none:
        rows.append({**_row(found.none), "Prompts that mention": "none of them"})
    tables.table(
        pl.DataFrame(rows), alt="Answers by group mentioned in the prompt", fitting=len(rows),
        columns=dict.fromkeys((column for column in rows[0] if column not in {"Prompts that mention", "Calls"}),
                              tables.right()),
    )  # fmt: skip
    st.caption(
        f"English words, whole, in the newest {NEWEST:,} calls; a prompt counts with every group that it mentions. A "
        "gap is the difference to prompts that mention none, with an interval that holds for all groups together in "
        f"99 % of cases; it is clear (●) where that leaves out zero. Below {FEW} calls there are too few to tell. What "
        "is asked may differ as well as who is mentioned: read some of the calls before you call it bias."
    )


def _said(found: Identity) -> str:
    if not found.none or found.none.calls < FEW:
        return f"Fewer than {FEW} prompts mention no group: there is nothing to compare with."
    if all(group.few for group in found.groups):
        return f"No group is mentioned in {FEW} prompts or more: too few to tell."
    if not found.clear:
        return "**No clear gap**: nobody who is mentioned is refused, insulted or cut short beyond what chance does."
    told = (f"prompts that mention **{name}** are {_words(measure, gap)}" for name, measure, gap in found.clear)
    return f"**Not by chance**: {'; '.join(told)}."


def _words(measure: str, gap: Gap) -> str:
    return f"{MORE_LESS[measure][gap.difference < 0]} ({_difference(measure, gap.difference)})"


def _row(group: Group) -> dict[str, str | int | None]:
    row: dict[str, str | int | None] = {"Prompts that mention": group.name, "Calls": group.calls}
    for measure in MEASURES:
        row[TITLES[measure]] = "too few" if group.few else _level(group, measure)
        row[f"{TITLES[measure]}: gap"] = _gap(measure, group.gaps.get(measure))
    return row


def _level(group: Group, measure: str) -> str | None:
    one = group.measured.get(measure)
    if one is None or one.n < FEW:
        return None
    return f"{exp(one.mean):,.0f} characters" if measure == LENGTH else units.percent(one.mean)


def _gap(measure: str, gap: Gap | None) -> str | None:
    if gap is None:
        return None
    low, high = (_number(measure, end) for end in gap.interval)
    return f"{'● ' if gap.clear else ''}{_difference(measure, gap.difference)} ({low} to {high})"


def _difference(measure: str, value: float) -> str:
    return f"{_number(measure, value)} {'%' if measure == LENGTH else 'points'}"


def _number(measure: str, value: float) -> str:
    """Points of a share, or percent of a length."""
    size = 100 * ((exp(value) - 1) if measure == LENGTH else value)
    return f"{size:+.1f}".replace("-", "−")
