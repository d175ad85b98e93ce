"""What calls cost. A sum leaves out the calls that have no price: show `unpriced_calls` beside it."""

from analytics.metric import Metric, Rolled
from store.relations import UNPRICED

COST_USD = Metric(
    name="cost_usd",
    title="Cost",
    unit="USD",
    help="List, own or reported price of all calls that have one. Calls without a price are not in it.",
    sql="sum(cost_usd)",
    kind="total",
    worse="up",
    rolled=Rolled("sum(cost_usd)"),
)
COST_PER_CALL = Metric(
    name="cost_per_call",
    title="Cost per call",
    unit="USD",
    help="Mean cost of the calls that have a price.",
    sql="avg(cost_usd)",
    n="count(cost_usd)",
    kind="level",
    worse="up",
    rolled=Rolled("sum(cost_usd) / nullif(sum(costed_calls), 0)", n="sum(costed_calls)"),
)
UNPRICED_CALLS = Metric(
    name="unpriced_calls",
    title="Unpriced calls",
    unit="calls",
    help="Calls for which no price or no token count is known: they are in no cost. Failed calls are free.",
    sql=f"count(*) FILTER ({UNPRICED})",
    kind="total",
    worse="up",
    rolled=Rolled("coalesce(sum(unpriced_calls), 0)"),
)
GUESSED_COST_USD = Metric(
    name="guessed_cost_usd",
    title="Guessed cost",
    unit="USD",
    help="The part of the cost that rests on the price of a model whose name only looks alike.",
    sql="sum(cost_usd) FILTER (cost_status = 'guessed')",
    n="count(*) FILTER (cost_status = 'guessed')",
    kind="total",
    rolled=Rolled("sum(guessed_cost_usd)", n="sum(guessed_calls)"),
)
