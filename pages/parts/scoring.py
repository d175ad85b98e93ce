"""How scoring stands: what waits, at what pace, what was given up, and the buttons to try and to score again."""

import polars as pl
import streamlit as st

from analytics.evaluator import evaluators
from analytics.standing import Standing
from pages.parts import asked, honesty, tables, units
from pages.parts.text import safe_label, shortened
from store import scoring as ledger

MOST_PARKED = 100


def progress() -> None:
    """In one line: whether the rates can be trusted to be of all calls."""
    found = asked.standings().values()
    behind = max(found, key=lambda one: one.waiting, default=None)
    pace = sum(one.last_hour for one in found)
    said = [
        f"{units.count(behind.waiting)} calls wait for {safe_label(evaluators()[behind.name].title.lower())}"
        f"{_until(behind)}: each hour is scored as a random sample, and shares are weighted for it"
        if behind and behind.waiting
        else "Everything that can be scored is scored",
        f"{units.count(pace)} scores in the last hour" if pace else "",
        *(f"{safe_label(one.name)}: {safe_label(shortened(one.missing, 160), 160)}" for one in found if one.missing),
    ]
    st.caption(" · ".join(part for part in said if part))


def _until(behind: Standing) -> str:
    return f" (about {behind.waiting / behind.last_hour:.1f} h at this pace)" if behind.last_hour else ""


def panel() -> None:
    """Every evaluator with engine, threshold, backlog and pace; parked calls; buttons."""
    found = asked.standings()
    _table(list(found.values()))
    _again(found)
    _parked()


def _table(found: list[Standing]) -> None:
    versions = asked.versions()
    shown = pl.DataFrame(
        [
            {
                "Evaluator": evaluators()[one.name].title,
                "Scored by": one.engine or f"not scored: {one.missing}",
                "Threshold": one.threshold.value if one.threshold else None,
                "From": honesty.ORIGINS[one.threshold.origin].partition(":")[0] if one.threshold else "",
                "Scored": sum(versions.get(one.name, {}).values()),
                "By another version": sum(n for by, n in versions.get(one.name, {}).items() if by != one.engine),
                "Waiting": one.waiting if one.engine else None,
                "Last hour": one.last_hour,
                "Cost": one.cost,
            }
            for one in found
        ]
    )
    number = st.column_config.NumberColumn(format="localized")
    tables.table(
        shown, alt="How scoring stands",
        columns={
            "Threshold": st.column_config.NumberColumn(format="%.2f"),
            **dict.fromkeys(("Scored", "By another version", "Waiting", "Last hour"), number),
        },
        fitting=20,
    )  # fmt: skip
    settings = asked.runtime().settings.scoring
    most = f", and {settings.calls_per_hour:,} calls an hour each" if settings.calls_per_hour else ""
    st.caption(
        f"Budget: {settings.core_share:.0%} of a core{most} (`scoring.core_share`, `scoring.calls_per_hour`). "
        f"Calls of the last {units.span(settings.lookback)}."
    )


def _again(found: dict[str, Standing]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox(
            "Score again", [name for name, one in found.items() if one.engine], width=260, key="again",
            format_func=lambda name: evaluators()[name].title,
            help="After a new version or threshold. Old scores stay until new ones take their place.",
        )  # fmt: skip
        if st.button("Score again", icon=":material/replay:", disabled=name is None) and name:
            now = asked.runtime().now()
            ledger.score_again(asked.store(), name, actor=asked.ACTOR, now=now)
            asked.scores_changed()
            st.rerun()


def _parked() -> None:
    """Calls that were given up, with what went wrong."""
    rows = ledger.parked(asked.store(), MOST_PARKED)
    if rows.is_empty():
        st.caption("No call was given up.")
        return
    st.markdown(f"**{rows.height} calls were given up** after three tries each alone:")
    shown = rows.select(
        pl.col("call_id").alias("Call"), pl.col("evaluator").alias("By"), pl.col("attempts").alias("Tries"),
        pl.col("error").fill_null("").alias("What went wrong"),
        pl.col("updated_at").dt.strftime("%d %b %H:%M").alias("When (UTC)"),
    )  # fmt: skip
    tables.table(shown, alt="Calls that were given up")
    if st.button("Try again", icon=":material/restart_alt:", key="unpark"):
        ledger.unpark(asked.store(), actor=asked.ACTOR, now=asked.runtime().now())
        asked.scores_changed()
        st.rerun()
