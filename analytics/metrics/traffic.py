"""How much is asked, by how many, and how soon it is here."""

from analytics.metric import Metric, Rolled

_DELAY_MS = "greatest(0, (epoch_us(ingested_at) - epoch_us(event_time)) / 1000 - coalesce(latency_ms, 0))"

CALLS = Metric(
    name="calls",
    title="Calls",
    unit="calls",
    help="Logical model calls; retries of the same call count once.",
    sql="count(*)",
    kind="total",
    rolled=Rolled("coalesce(sum(calls), 0)"),
)
USERS = Metric(
    name="users",
    title="Users",
    unit="people",
    help="Distinct users, within about 2 %; calls that name no user are not counted.",
    sql="nullif(approx_count_distinct(user_id), 0)",
    n="count(user_id)",
    kind="level",
)
INGEST_DELAY_P95 = Metric(
    name="ingest_delay_p95",
    title="Ingest delay p95",
    unit="ms",
    help="95 of 100 calls were stored within this time of their end: how fresh what is shown can be.",
    sql=f"quantile_cont({_DELAY_MS}, 0.95)",
    kind="level",
    worse="up",
)
