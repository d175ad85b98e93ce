"""Where a number changed most: slices by their share of the change, not by their size."""

from collections.abc import Iterable, Sequence

import polars as pl
import streamlit as st

from analytics.contributors import Contribution
from analytics.metric import metrics
from pages.parts import asked, frame, links, panels, tables, units
from pages.parts.filters import Choice

METRICS = ("cost_usd", "errors", "latency_p95", "output_tokens_per_call", "toxic_rate", "ungrounded_rate")
MOST_TELLING = 10
MOST_ROWS = 200


def table(choice: Choice) -> None:
    """The slices that carry most of a metric's change, most telling first; a row leads to its calls."""
    with frame.card("Where it changed most", "against the period before; what its size does not explain first"):
        name = str(
            st.segmented_control(
                "Metric", METRICS, default=METRICS[0], required=True, key="moved", bind="query-params",
                format_func=lambda key: metrics()[key].title, label_visibility="collapsed",
            )
        )  # fmt: skip
        found = asked.contributors(name, choice.window, choice.before, choice.filters)
        rows = _distinct(one for one in found if one.share > 0 and max(one.n, one.n_reference) >= units.FEW_CALLS)
        if not rows:
            st.caption("Nothing moved, or there is no period before to compare with.")
            return
        _pick(name, rows, choice)


def _distinct(found: Iterable[Contribution]) -> list[Contribution]:
    """Of slices that hold the same calls (a model and its only provider) the first."""
    kept: dict[object, Contribution] = {}
    for one in found:
        kept.setdefault((one.n, one.n_reference, one.value, one.reference), one)
    return list(kept.values())[:MOST_TELLING]


def _pick(name: str, rows: Sequence[Contribution], choice: Choice) -> None:
    unit = metrics()[name].unit
    shown = pl.DataFrame(
        {
            "Where": [_where(one) for one in rows],
            "Now": [units.shown(one.value, unit) for one in rows],
            "Before": [units.shown(one.reference, unit) for one in rows],
            "Share of the change": [100 * min(one.share, 1.0) for one in rows],
            "Calls now": [int(one.n) for one in rows],
            "Calls before": [int(one.n_reference) for one in rows],
        }
    )
    at = tables.picked(
        shown, alt=f"Where {metrics()[name].title} changed most", key=f"movers-{name}", anywhere=True,
        columns={
            "Now": tables.right(), "Before": tables.right(),
            "Share of the change": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
        },
    )  # fmt: skip
    if at is not None:
        links.go("calls", {**links.span(choice.window), **links.sliced(dict(rows[at].slice))})


def _where(one: Contribution) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')}: {value if value is not None else 'not named'}" for name, value in one.slice
    )


def totals(name: str, by: Sequence[str], choice: Choice) -> None:
    """Slices with what a total came to now and before, largest first."""
    unit = metrics()[name].unit
    now, before = (asked.summary([name], window, choice.filters, by=by) for window in (choice.window, choice.before))
    rows = now.join(before.select(*by, pl.col(name).alias("before")), on=list(by), how="left", nulls_equal=True)
    rows = rows.sort(name, descending=True, nulls_last=True).head(MOST_ROWS)
    whole = now[name].sum() or None
    shown = rows.select(
        panels.label(by).alias("Slice"),
        pl.col(name).map_elements(lambda value: units.shown(value, unit), pl.String, skip_nulls=False).alias("Now"),
        pl.col("before")
        .map_elements(lambda value: units.shown(value, unit), pl.String, skip_nulls=False)
        .alias("Before"),
        (pl.col(name) / whole * 100).alias("Share"),
        pl.col("n").alias("Calls"),
    )
    tables.table(
        shown, alt=f"{metrics()[name].title} by {', '.join(by)}",
        columns={
            "Now": tables.right(), "Before": tables.right(),
            "Share": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
        },
    )  # fmt: skip


def versions(names: Sequence[str], choice: Choice) -> None:
    """Rates by prompt version, worst first by the first rate; rates of few calls are left blank."""
    by = ("prompt_name", "prompt_version")
    rates = asked.summary(["calls", *names], choice.window, choice.filters, by=by)
    rows = rates.drop_nulls("prompt_name").sort("n", descending=True).head(MOST_ROWS)
    few = pl.col("n") < units.FEW_CALLS
    shown = rows.select(
        panels.label(by).alias("Prompt"),
        pl.col("n").alias("Calls"),
        *(pl.when(few).then(None).otherwise(pl.col(name) * 100).alias(metrics()[name].title) for name in names),
    )
    if shown.is_empty():
        st.caption(
            "No call in this range names its prompt. Set `prompt_name` and `prompt_version` to compare versions."
        )
        return
    st.caption(f"Shares of scored calls; versions with fewer than {units.FEW_CALLS} calls are left blank.")
    share = st.column_config.NumberColumn(format="%.2f %%")
    tables.table(shown, alt="Quality by prompt version", columns={metrics()[name].title: share for name in names})
