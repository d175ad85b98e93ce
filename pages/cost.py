"""What do we spend, on what, and where is it heading?"""

from datetime import datetime

import polars as pl
import streamlit as st

from pages.parts import alarms, asked, filters, frame, movers, panels, states, tables, units
from pages.parts.charts import Line
from pages.parts.filters import Choice
from pages.parts.frame import Tile
from pages.parts.text import safe_label

BY = {"Model": ("model",), "Tenant": ("tenant",), "Prompt": ("prompt_name", "prompt_version"), "User": ("user_id",)}
TILES = ("cost_usd", "cost_per_call", "input_tokens", "output_tokens", "cache_hit_rate")
TOKENS = (Line(column="input_tokens", name="in"), Line(column="output_tokens", name="out"))
MOST_NAMED = 3
LENGTH = (Line(column="output_tokens_per_call", name="Output tokens per call"),)


def page() -> None:
    now = asked.runtime().now()
    frame.title("Cost", "What do we spend, on what, and where is it heading?", alarms.data_until())
    if not alarms.extent().calls:
        states.no_data()
        return
    choice = filters.chosen()
    with states.guarded("The summary"):
        total = asked.calls(choice.window, choice.filters)
        if not total:
            states.no_match()
            return
        _unpriced(choice)
        _tiles(choice, now)
    _spend(choice, total)
    _tokens(choice, total)
    note = "USD per million tokens, on the last day each model was called"
    with frame.card("Prices in force", note), states.guarded("The price table"):
        _prices(choice)


def _unpriced(choice: Choice) -> None:
    """Loudly: a cost that leaves calls out looks like a saving."""
    counts = asked.summary(["calls", "unpriced_calls"], choice.window, choice.filters, by=("provider", "model"))
    missing = counts.filter(pl.col("unpriced_calls") > 0).sort("unpriced_calls", descending=True)
    if missing.is_empty():
        return
    models = missing.filter(pl.col("unpriced_calls") == pl.col("n"))
    named = ", ".join(safe_label(name or "not named") for name in models["model"].head(MOST_NAMED))
    title = f"No price is known for {named}" if named else "Some calls have no token counts"
    calls = units.count(float(missing["unpriced_calls"].sum()))
    st.warning(
        f"{calls} calls of this range are in no sum on this page. Give a model its price under `[prices]` in "
        "`leeway.toml`: the next run of the prices job prices its calls, past days included.",
        title=title,
        icon=":material/money_off:",
    )


def _tiles(choice: Choice, now: datetime) -> None:
    """The last one is the calendar month, whatever the range."""
    bill = asked.month(choice.filters, now)
    month = Tile(
        label=f"{now:%B} so far",
        value=units.shown(bill.spent_usd, "USD"),
        note=f"about {units.shown(bill.projected_usd, 'USD')} by its end"
        if bill.projected_usd
        else "too early to project",
        help="From the 1st, UTC. The projection adds the mean of the last seven whole days for each day that is left.",
    )
    frame.tiles([*panels.tiles(TILES, choice), month])


def _spend(choice: Choice, calls: int) -> None:
    st.segmented_control("Spend by", list(BY), default="Model", required=True, key="by", bind="query-params")
    by = BY[st.session_state["by"] or "Model"]
    bucket = choice.bucket(calls)
    panels.slices("Spend", "cost_usd", by, choice, bucket=bucket, note="priced calls only")
    with frame.card("Who spends", "this range against the one before"), states.guarded("Who spends"):
        movers.totals("cost_usd", by, choice)


def _prices(choice: Choice) -> None:
    table = asked.prices(choice.window)
    price = st.column_config.NumberColumn(format="$%.4g")
    shown = table.select(
        Provider="provider", Model="model", Status="status", From="day",
        Input="input_mtok", Cached="cache_read_mtok", Written="cache_write_mtok", Output="output_mtok",
        Above=pl.when(pl.col("tier_start") > 0).then("tier_start"), Source="source",
    )  # fmt: skip
    tables.table(
        shown, alt="Prices in force",
        columns={
            **dict.fromkeys(("Input", "Cached", "Written", "Output"), price),
            "Above": st.column_config.NumberColumn("Above tokens", help="It holds for longer prompts."),
            "From": st.column_config.DateColumn("Day"),
        },
    )  # fmt: skip


def _tokens(choice: Choice, calls: int) -> None:
    bucket = choice.bucket(calls)
    with panels.columns():
        panels.lines("Tokens", TOKENS, choice, bucket=bucket, compare=False)
        panels.lines("Output tokens per call", LENGTH, choice, bucket=bucket)
        panels.lines("Cost per call", (Line(column="cost_per_call", name="Cost per call"),), choice, bucket=bucket)
        panels.lines("Cache hit rate", (Line(column="cache_hit_rate", name="Cache hits"),), choice, bucket=bucket)


page()
