"""What is still to be scored, how far scoring has got, and the ledger of attempts that finds poisonous texts."""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from store.audit import audit
from store.calls import COLUMNS
from store.connection import Store, Transaction
from store.errors import StoreError

# What can be scored at all: an answer was made, and its text was recorded. An evaluation is made after its call came
# in, so both sides of the anti-join stay within the look-back. {needs} and {columns} are names of ours.
_ELIGIBLE = """
    c.ingested_at >= $since AND c.operation IN ('chat', 'completion')
    AND c.status <> 'error' AND c.content_state <> 'absent' {needs}
"""
_SCORED = """
    SELECT call_id FROM data.evaluations
    WHERE name = $name AND flagged IS NOT NULL AND created_at >= $scored_since AND event_time >= $from
"""
_PARKED = "SELECT call_id FROM data.scoring_attempts WHERE evaluator = $evaluator AND parked"
_WAITING = f"{_ELIGIBLE} AND c.event_time >= $from AND c.call_id NOT IN ({_SCORED}) AND c.call_id NOT IN ({_PARKED})"
# The newest hour first, and within an hour in an order that has nothing to do with the calls: wherever scoring stops,
# what it has got to of an hour is a random sample of that hour.
UNSCORED_SQL = f"""
    WITH due AS (
        SELECT c.rowid AS place FROM data.calls AS c
        WHERE {_WAITING}
        ORDER BY date_trunc('hour', c.event_time) DESC, hash(c.call_id)
        LIMIT $limit
    )
    SELECT c.call_id, c.event_time, coalesce(a.attempts, 0) AS attempts {{columns}}
    FROM data.calls AS c
    LEFT JOIN (
        SELECT call_id, max(attempts) + 1 AS attempts FROM data.scoring_attempts
        WHERE evaluator = $evaluator GROUP BY call_id
    ) AS a USING (call_id)
    WHERE c.rowid IN (SELECT place FROM due)
    ORDER BY c.event_time DESC
"""
WAITING_SQL = f"SELECT count(*) FROM data.calls AS c WHERE {_WAITING}"

ATTEMPT_SQL = """
    INSERT INTO data.scoring_attempts SELECT unnest($calls::VARCHAR[]), $evaluator, $attempts, false, NULL, $now
"""
DROP_ATTEMPTS_SQL = """
    DELETE FROM data.scoring_attempts
    WHERE evaluator = $evaluator AND call_id IN (SELECT unnest($calls::VARCHAR[])) AND NOT parked
"""
PARK_SQL = """
    INSERT INTO data.scoring_attempts SELECT unnest($calls::VARCHAR[]), $evaluator, $attempts, true, $error, $now
"""
PARKED_SQL = """
    SELECT call_id, evaluator, attempts, error, updated_at FROM data.scoring_attempts
    WHERE parked ORDER BY updated_at DESC LIMIT $limit
"""
UNPARK_SQL = "DELETE FROM data.scoring_attempts WHERE parked"
UNSETTLE_SQL = "UPDATE data.scoring_progress SET settled_at = NULL"

PROGRESS_SQL = "SELECT settled_at, again_at FROM data.scoring_progress WHERE name = $name"
SETTLE_SQL = """
    INSERT INTO data.scoring_progress (name, settled_at) VALUES ($name, $at)
    ON CONFLICT (name) DO UPDATE SET settled_at = excluded.settled_at WHERE again_at IS NOT DISTINCT FROM $again_at
"""
AGAIN_SQL = """
    INSERT INTO data.scoring_progress (name, again_at) VALUES ($name, $now)
    ON CONFLICT (name) DO UPDATE SET settled_at = NULL, again_at = excluded.again_at
"""
VERSIONS_SQL = """
    SELECT name, evaluator, count(*) AS calls FROM (
        SELECT name, evaluator FROM data.evaluations
        WHERE flagged IS NOT NULL AND created_at >= $since
        QUALIFY row_number() OVER (PARTITION BY call_id, name ORDER BY created_at DESC) = 1
    ) GROUP BY ALL ORDER BY ALL
"""
PACE_SQL = """
    SELECT name, count(*) AS calls FROM data.evaluations
    WHERE flagged IS NOT NULL AND created_at >= $since GROUP BY name
"""
RECENT_SQL = """
    SELECT count(*) FROM data.evaluations WHERE name = $name AND flagged IS NOT NULL AND created_at >= $since
"""

# Hours in which something waits: how many of their calls could be scored, and how many were.
SAMPLES_SQL = f"""
    WITH hours AS (SELECT DISTINCT date_trunc('hour', c.event_time) AS hour FROM data.calls AS c WHERE {_WAITING})
    SELECT $name AS name, hour, count(*) AS eligible, count(s.call_id) AS scored
    FROM (
        SELECT c.call_id, date_trunc('hour', c.event_time) AS hour FROM data.calls AS c
        WHERE c.event_time >= (SELECT min(hour) FROM hours)
          AND c.event_time < (SELECT max(hour) + INTERVAL 1 HOUR FROM hours)
          AND {_ELIGIBLE.replace("$since", "$lookback")}
    ) JOIN hours USING (hour)
    LEFT JOIN (
        SELECT DISTINCT call_id FROM data.evaluations
        WHERE name = $name AND flagged IS NOT NULL AND event_time >= (SELECT min(hour) FROM hours)
    ) AS s USING (call_id)
    GROUP BY hour HAVING scored > 0 AND scored < eligible
"""
CHANGED_SQL = """
    INSERT INTO data.dirty_hours
    SELECT DISTINCT hour FROM (
        (SELECT * FROM staged EXCEPT SELECT * FROM data.scoring_samples WHERE name = $name)
        UNION ALL (SELECT * FROM data.scoring_samples WHERE name = $name EXCEPT SELECT * FROM staged)
    )
"""

FIRST_WEEK_SQL = """
    WITH mine AS (
        SELECT value, event_time, min(event_time) OVER () AS first_at, max(event_time) OVER () AS last_at
        FROM data.evaluations WHERE evaluator = $evaluator AND value IS NOT NULL
    )
    SELECT count(*) AS n, quantile_cont(value, $quantile) AS value FROM mine
    WHERE event_time < first_at + INTERVAL 7 DAY AND last_at >= first_at + INTERVAL 7 DAY
"""
ADOPTED_SQL = """
    SELECT threshold, adopted_by FROM data.score_thresholds
    WHERE evaluator = $evaluator ORDER BY adopted_at DESC LIMIT 1
"""
ADOPT_SQL = "INSERT INTO data.score_thresholds VALUES ($evaluator, $threshold, $actor, $now)"


EVER = datetime(1, 1, 1, tzinfo=UTC)
RECENT = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one evaluator looks for, as things stand when a run begins.

    `evaluator`: its name with engine and version. `needs`: columns of calls that must not be empty. `lookback`: calls
    that came in before it are left alone; nothing that came in before `since` waits. `again_at`: scores that were made
    before it do not count.
    """

    name: str
    evaluator: str
    needs: Sequence[str]
    lookback: datetime
    since: datetime
    again_at: datetime | None

    def bound(self) -> dict[str, object]:
        scored_since = max(self.since, self.again_at or self.since)
        known = {"name": self.name, "evaluator": self.evaluator, "since": self.since, "scored_since": scored_since}
        return {**known, "from": EVER}


def work(store: Store, name: str, evaluator: str, *, needs: Sequence[str], lookback: datetime) -> Work:
    found = store.read(PROGRESS_SQL, {"name": name})
    settled_at, again_at = found.row(0) if found.height else (None, None)
    since = max(lookback, settled_at or lookback)
    return Work(name=name, evaluator=evaluator, needs=needs, lookback=lookback, since=since, again_at=again_at)


def unscored(store: Store, todo: Work, *, columns: Sequence[str], limit: int, now: datetime) -> pl.DataFrame:
    """Return calls that no version of the evaluator has scored and that are not parked, the newest hours first.

    Columns: call_id, event_time, attempts (how often a try was begun and not finished), then `columns`. Old calls are
    looked for only when none of the last hours is left: where a month waits, that is a scan of the month.
    """
    chosen = "".join(f", c.{column}" for column in _ours(columns))
    sql = UNSCORED_SQL.format(needs=_present(todo.needs), columns=chosen)
    bound = {**todo.bound(), "limit": limit}
    recent = store.read(sql, {**bound, "from": whole_hour(now) - RECENT}, timeout_s=60)
    return recent if recent.height else store.read(sql, bound, timeout_s=60)


def whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def waiting(store: Store, todo: Work) -> int:
    """How many calls are still to be scored."""
    sql = WAITING_SQL.format(needs=_present(todo.needs))
    return int(store.read(sql, todo.bound(), timeout_s=60).item())


def _ours(columns: Sequence[str]) -> Sequence[str]:
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise StoreError(f"no such column of calls: {', '.join(sorted(unknown))}")
    return columns


def _present(needs: Sequence[str]) -> str:
    return "".join(f" AND c.{column} IS NOT NULL AND c.{column} <> ''" for column in _ours(needs))


def settle(store: Store, todo: Work, *, at: datetime) -> None:
    """Nothing that came in before `at` waits any more, unless somebody has asked for it all again meanwhile."""
    with store.transaction() as tx:
        tx.execute(SETTLE_SQL, {"name": todo.name, "at": at, "again_at": todo.again_at})


def keep_samples(store: Store, todo: Work) -> None:
    """Note which hours are scored in part; the rollups of those that have changed are outdated."""
    sql = SAMPLES_SQL.format(needs=_present(todo.needs))
    rows = store.read(sql, {**todo.bound(), "lookback": todo.lookback}, timeout_s=60)
    naive = rows.with_columns(pl.col("hour").dt.replace_time_zone(None)).to_arrow()
    with store.transaction() as tx, tx.staged(naive):
        tx.execute(CHANGED_SQL, {"name": todo.name})
        tx.execute("DELETE FROM data.scoring_samples WHERE name = $name", {"name": todo.name})
        tx.execute("INSERT INTO data.scoring_samples BY NAME SELECT * FROM staged")


def score_again(store: Store, name: str, *, actor: str, now: datetime) -> None:
    """Have every call within the look-back scored once more; old scores stay until new ones take their place."""
    with store.transaction() as tx:
        tx.execute(AGAIN_SQL, {"name": name, "now": now})
        audit(tx, actor=actor, action="scores.again", subject=name, details=None, now=now)


def versions(store: Store, *, since: datetime) -> pl.DataFrame:
    """By name and evaluator: calls whose newest score it gave. Reads every score since then."""
    return store.read(VERSIONS_SQL, {"since": since}, timeout_s=60)


def pace(store: Store, *, since: datetime) -> dict[str, int]:
    """Calls scored since then, by name."""
    return dict(store.read(PACE_SQL, {"since": since}).rows())


def scored_since(store: Store, name: str, since: datetime) -> int:
    return int(store.read(RECENT_SQL, {"name": name, "since": since}).item())


def begin_attempt(tx: Transaction, evaluator: str, calls: Sequence[str], attempts: int, *, now: datetime) -> None:
    """Note that these calls are about to be tried, so that a text that ends the process is found again.

    `attempts`: how often they were tried alone so far, this one included; 0 in company.
    """
    tx.execute(DROP_ATTEMPTS_SQL, {"evaluator": evaluator, "calls": list(calls)})
    tx.execute(ATTEMPT_SQL, {"evaluator": evaluator, "calls": list(calls), "attempts": attempts, "now": now})


def end_attempt(tx: Transaction, evaluator: str, calls: Sequence[str]) -> None:
    tx.execute(DROP_ATTEMPTS_SQL, {"evaluator": evaluator, "calls": list(calls)})


def park(tx: Transaction, evaluator: str, calls: Sequence[str], attempts: int, error: str, *, now: datetime) -> None:
    """Leave these calls alone from now on."""
    end_attempt(tx, evaluator, calls)
    given = {"evaluator": evaluator, "calls": list(calls), "attempts": attempts, "error": error, "now": now}
    tx.execute(PARK_SQL, given)


def parked(store: Store, limit: int = 100) -> pl.DataFrame:
    """Calls that were given up, the latest first: call_id, evaluator, attempts, error, updated_at."""
    return store.read(PARKED_SQL, {"limit": limit})


def unpark(store: Store, *, actor: str, now: datetime) -> None:
    """Give every parked call three new tries, for instance after a new version."""
    with store.transaction() as tx:
        tx.execute(UNPARK_SQL)
        tx.execute(UNSETTLE_SQL)
        audit(tx, actor=actor, action="scores.unpark", subject="parked calls", details=None, now=now)


def first_week_quantile(store: Store, evaluator: str, quantile: float, *, at_least: int) -> float | None:
    """A quantile of the values of the first seven days; None until they are over and hold `at_least` values."""
    n, value = store.read(FIRST_WEEK_SQL, {"evaluator": evaluator, "quantile": quantile}).row(0)
    return float(value) if n >= at_least and value is not None else None


def adopted_threshold(store: Store, evaluator: str) -> tuple[float, str] | None:
    """The threshold that was adopted for this engine and version, and by whom; None when none was."""
    found = store.read(ADOPTED_SQL, {"evaluator": evaluator})
    return (float(found.item(0, 0)), str(found.item(0, 1))) if found.height else None


def adopt_threshold(store: Store, evaluator: str, threshold: float, *, why: str, actor: str, now: datetime) -> None:
    """Flag by this threshold from now on."""
    with store.transaction() as tx:
        tx.execute(ADOPT_SQL, {"evaluator": evaluator, "threshold": threshold, "actor": actor, "now": now})
        audit(tx, actor=actor, action="scores.threshold", subject=evaluator, details=f"{threshold:g}: {why}", now=now)
