"""How often a call does not give an answer. Calls whose outcome nobody reported are in neither part of a rate."""

from analytics.metric import Metric, Rolled
from store.relations import RATE_LIMITED

_KNOWN = "status <> 'unknown'"

ERRORS = Metric(
    name="errors",
    title="Errors",
    unit="calls",
    help="Calls that ended in an error.",
    sql="count(*) FILTER (status = 'error')",
    kind="total",
    worse="up",
    rolled=Rolled("coalesce(sum(calls) FILTER (status = 'error'), 0)"),
)
ERROR_RATE = Metric(
    name="error_rate",
    title="Error rate",
    unit="share",
    help="Share of the calls with a known outcome that ended in an error.",
    sql=f"count(*) FILTER (status = 'error') / nullif(count(*) FILTER ({_KNOWN}), 0)",
    n=f"count(*) FILTER ({_KNOWN})",
    kind="rate",
    worse="up",
    rolled=Rolled(
        f"coalesce(sum(calls) FILTER (status = 'error'), 0) / nullif(sum(calls) FILTER ({_KNOWN}), 0)",
        n=f"sum(calls) FILTER ({_KNOWN})",
    ),
)
RATE_LIMITED_RATE = Metric(
    name="rate_limited_rate",
    title="Rate-limited",
    unit="share",
    help="Share of calls that the provider turned away for asking too often (HTTP 429).",
    sql=f"count(*) FILTER ({RATE_LIMITED}) / nullif(count(*), 0)",
    kind="rate",
    worse="up",
    rolled=Rolled("sum(rate_limited) / nullif(sum(calls), 0)"),
)
