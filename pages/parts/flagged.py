"""What one evaluator flags: its rate over time, how its values spread, and the calls themselves."""

import polars as pl
import streamlit as st

from analytics.evaluator import Evaluator
from analytics.metric import metrics
from pages.parts import asked, charts, frame, links, panels, tables, units
from pages.parts.charts import Line
from pages.parts.filters import Choice
from store.examples import flagged_calls

SHOWN = 20
NOT_SCORED = "Nothing scored in this range yet. The tab Scoring says what waits, and for what."


def course(evaluator: Evaluator, choice: Choice, calls: int) -> None:
    """The rate over time, and below it the values now and before, with the threshold."""
    metric = metrics()[evaluator.rate]
    panels.lines(
        metric.title,
        (Line(column=metric.name, name=metric.title),),
        choice,
        bucket=choice.bucket(calls // 2),
        note=f"share flagged {evaluator.flagged}",
        empty=NOT_SCORED,
        footer=lambda: _spread(evaluator, choice),
    )


def _spread(evaluator: Evaluator, choice: Choice) -> None:
    now, before = (asked.distribution(evaluator.name, each, choice.filters) for each in (choice.window, choice.before))
    if now["n"].sum() < units.FEW_CALLS or now.filter(pl.col("n") > 0).height <= 2:  # noqa: PLR2004 - 0 and 1
        return
    standing = asked.standings().get(evaluator.name)
    limit = standing.threshold.value if standing and standing.threshold else None
    said = f"How its values spread ({evaluator.unit})"
    st.caption(said + (f"; dashed: flagged {'below' if evaluator.low else 'from'} {limit:.2f}" if limit else ""))
    drawn = charts.spread(now, before, threshold=limit, height=150)
    frame.figure(drawn, alt=f"{evaluator.title}: how values spread, now and before.", key=f"spread-{evaluator.name}")


def table(evaluator: Evaluator, choice: Choice) -> None:
    """The clearest of the flagged calls, and the way to all of them."""
    found = flagged_calls(
        asked.store(), choice.window, choice.filters, evaluator=evaluator.name, low=evaluator.low, limit=SHOWN
    )
    if found.is_empty():
        st.caption(f"No call of this range is flagged {evaluator.flagged}.")
        return
    shown = found.select(
        pl.col("event_time").dt.strftime("%d %b %H:%M:%S").alias("Time (UTC)"),
        pl.col("value").alias("Value"),
        pl.col("output_text").str.replace_all(r"\s+", " ").fill_null("").alias("Answer"),
        pl.col("explanation").str.replace_all(r"\s+", " ").fill_null("").alias("Why"),
        pl.col("model").fill_null("").alias("Model"),
    )
    column = st.column_config
    at = tables.picked(
        shown, alt=f"Calls flagged {evaluator.flagged}", key=f"flagged-{evaluator.name}", anywhere=True,
        columns={
            "Time (UTC)": column.TextColumn(width=118), "Value": column.NumberColumn(format="%.2f", width=64),
            "Model": column.TextColumn(width=130), "Answer": column.TextColumn(width=420),
            "Why": column.TextColumn(width=420),
        },
    )  # fmt: skip
    links.page(
        "calls", "All flagged calls", {"quick": evaluator.flagged, "p": "1"}, key=evaluator.flagged,
        icon=":material/forum:",
    )  # fmt: skip
    if at is not None:
        links.go("trace", {"call": found["call_id"][at]})
