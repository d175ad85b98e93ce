"""When data came in of late, and for how long it did not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.connection import Store

LOOK_BACK = timedelta(days=7)
FEWEST = 12  # moments at which something came: with fewer nobody can say what a pause is
ARRIVALS_SQL = """
    WITH moments AS (
        SELECT DISTINCT time_bucket(INTERVAL 1 MINUTE, ingested_at) AS moment FROM data.calls
        WHERE event_time >= $since AND ingested_at >= $since
    )
    SELECT max(moment) AS last_at, max(epoch(pause)) AS longest_pause_s, count(*) AS moments
    FROM (SELECT moment, moment - lag(moment) OVER (ORDER BY moment) AS pause FROM moments)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """To the minute. None: too little has come in the last week to say."""

    last_at: datetime | None
    longest_pause: timedelta | None


def arrivals(store: Store, *, now: datetime) -> Arrivals:
    """Return when calls of the last week came last, and the longest time between two arrivals."""
    row = store.read(ARRIVALS_SQL, {"since": now - LOOK_BACK}).row(0, named=True)
    enough = row["moments"] >= FEWEST
    return Arrivals(last_at=row["last_at"], longest_pause=timedelta(seconds=row["longest_pause_s"]) if enough else None)
