"""How much is asked, and by how many."""

from analytics.metric import Metric, Rolled

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
