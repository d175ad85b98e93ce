"""Show me the calls."""

import math
from collections.abc import Callable

import polars as pl
import streamlit as st

from analytics.evaluator import evaluators
from pages.parts import alarms, asked, filters, frame, links, states, tables
from store import browse
from store.browse import Order, Quick, Selection
from store.export import WRITERS

PAGE_ROWS, FITTING_ROWS = 100, 19
EXPORT_LIMIT = 100_000  # beyond that: `leeway export calls`, which does not keep the file in memory


def page() -> None:
    frame.title("Calls", "Show me the calls.", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    choice = filters.chosen()
    chosen, order = _narrowed(choice)
    with states.guarded("The calls"):
        total = browse.count(asked.store(), chosen)
        if not total:
            states.no_match()
            return
        _list(chosen, order, total)


def _narrowed(choice: filters.Choice) -> tuple[Selection, Order]:
    flags = sorted(evaluator.flagged for evaluator in evaluators().values())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        quick = st.pills(
            "Quick sets", [*(one.value for one in Quick), *flags], key="quick", bind="query-params",
            label_visibility="collapsed", on_change=_first_page, format_func=lambda name: name.replace("_", " "),
        )  # fmt: skip
        search = st.text_input(
            "Search", key="q", bind="query-params", type="search", placeholder="Search in texts, or a whole id",
            label_visibility="collapsed", max_chars=200, width=260, on_change=_first_page,
        )  # fmt: skip
        order = st.selectbox(
            "Order", [one.value for one in Order], key="order", bind="query-params", label_visibility="collapsed",
            icon=":material/sort:", width=150, on_change=_first_page,
        )  # fmt: skip
    found = (search or "").strip()
    chosen = Selection(window=choice.window, filters=choice.filters, quick=quick, search=found)
    return chosen, Order(order or Order.NEWEST)


def _first_page() -> None:
    st.session_state["p"] = 1


def _list(chosen: Selection, order: Order, total: int) -> None:
    last = math.ceil(total / PAGE_ROWS)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{total:,}** {'call' if total == 1 else 'calls'}", width="content")
        number = st.pagination(last, key="p", bind="query-params") if last > 1 else 1
        _export(chosen, total)
    rows = browse.page(asked.store(), chosen, order=order, limit=PAGE_ROWS, offset=(min(number, last) - 1) * PAGE_ROWS)
    at = tables.picked(
        _shown(rows), alt="Calls", key="calls", columns=_columns(), anywhere=True, fitting=FITTING_ROWS, tall=640
    )
    st.caption("Click a call to open it. Times are UTC.")
    if at is not None:
        links.go("trace", {"call": rows["call_id"][at]})


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    prompt = pl.concat_str([pl.col("prompt_name").fill_null(""), pl.col("prompt_version").fill_null("")], separator="@")
    return rows.select(
        pl.col("event_time").dt.strftime("%d %b %H:%M:%S").alias("Time"),
        pl.when(pl.col("status") == "error").then(pl.concat_str(pl.lit("✕ "), pl.col("error_type").fill_null("error")))
        .otherwise("status").alias("Status"),
        pl.col("flags").list.join(", ").str.replace_all("_", " ", literal=True).fill_null("").alias("Flags"),
        pl.col("model").fill_null("").alias("Model"),
        prompt.str.strip_chars("@").alias("Prompt"),
        pl.col("input_text").str.replace_all(r"\s+", " ").fill_null("").alias("Question"),
        pl.col("output_text").str.replace_all(r"\s+", " ").fill_null("").alias("Answer"),
        (pl.col("latency_ms") / 1000).alias("Latency"),
        pl.col("input_tokens").alias("In"),
        pl.col("output_tokens").alias("Out"),
        pl.col("cost_usd").alias("Cost"),
        pl.col("tenant").fill_null("").alias("Tenant"),
        pl.col("user_id").fill_null("").alias("User"),
    )  # fmt: skip


def _columns() -> dict[str, object]:
    column = st.column_config
    return {
        "Time": column.TextColumn(width=118),
        "Status": column.TextColumn(width=84),
        "Flags": column.TextColumn(width=86),
        "Model": column.TextColumn(width=130),
        "Prompt": column.TextColumn(width=120),
        "Question": column.TextColumn(width=205),
        "Answer": column.TextColumn(width=205),
        "Latency": column.NumberColumn(format="%.2f s", width=72),
        "In": column.NumberColumn(format="localized", width=60, help="Tokens of the whole prompt"),
        "Out": column.NumberColumn(format="localized", width=60, help="Tokens of the answer"),
        "Cost": column.NumberColumn(format="$%.4f", width=76, help="Empty: no price is known"),
    }


def _export(chosen: Selection, total: int) -> None:
    with st.popover("Export", icon=":material/download:"):
        if total > EXPORT_LIMIT:
            st.caption(f"The first {EXPORT_LIMIT:,} of {total:,} calls. For all of them: `leeway export calls`.")
        for kind, word in (("csv", "CSV"), ("jsonl", "JSON lines")):
            st.download_button(
                f"{word}, {min(total, EXPORT_LIMIT):,} calls", _file(chosen, kind), file_name=f"calls.{kind}",
                key=f"export-{kind}", on_click="ignore", icon=":material/download:",
            )  # fmt: skip


def _file(chosen: Selection, kind: str) -> Callable[[], bytes]:
    """Made when the button is pressed, not with every run of the page."""
    store = asked.store()
    return lambda: b"".join(WRITERS[kind](browse.pages(store, chosen, limit=EXPORT_LIMIT)))


page()
