"""Evaluations: appended, the newest of a (call, name) wins; and the ledger of attempts that finds poisonous texts."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa

from store.calls import COLUMNS, MARK_DIRTY_SQL
from store.connection import Store, Transaction
from store.errors import NoSuchCall, StoreError
from store.model import Evaluation

SCHEMA = pa.schema(
    [
        ("call_id", pa.string()),
        ("event_time", pa.timestamp("us")),
        ("name", pa.string()),
        ("evaluator", pa.string()),
        ("value", pa.float64()),
        ("label", pa.string()),
        ("flagged", pa.bool_()),
        ("explanation", pa.string()),
        ("created_at", pa.timestamp("us")),
    ]
)

# What can be scored at all: an answer was made, and its text was recorded. An evaluation is made after its call came
# in, so both sides of the anti-join stay within the look-back. {needs} and {columns} are names of ours.
_ELIGIBLE = """
    c.ingested_at >= $since AND c.operation IN ('chat', 'completion')
    AND c.status <> 'error' AND c.content_state <> 'absent' {needs}
"""
_SCORED = """
    SELECT call_id FROM data.evaluations
    WHERE name = $name AND starts_with(evaluator, $name || '/') AND created_at >= $since
"""
UNSCORED_SQL = f"""
    WITH due AS (
        SELECT c.rowid AS place FROM data.calls AS c
        WHERE {_ELIGIBLE}
          AND c.call_id NOT IN ({_SCORED})
          AND c.call_id NOT IN (SELECT call_id FROM data.scoring_attempts WHERE evaluator = $evaluator AND parked)
        ORDER BY c.event_time DESC
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
"""  # noqa: S608 - put together from the constants above
BACKLOG_SQL = f"""
    SELECT
        count(*) AS eligible,
        count(*) FILTER (c.call_id IN ({_SCORED})) AS scored,
        count(*) FILTER (c.call_id IN (
            SELECT call_id FROM data.scoring_attempts WHERE starts_with(evaluator, $name || '/') AND parked
        )) AS parked
    FROM data.calls AS c
    WHERE {_ELIGIBLE}
"""  # noqa: S608

DROP_ATTEMPTS_SQL = """
    DELETE FROM data.scoring_attempts
    WHERE evaluator = $evaluator AND call_id IN (SELECT unnest($calls::VARCHAR[])) AND NOT parked
"""
ATTEMPT_SQL = """
    INSERT INTO data.scoring_attempts SELECT unnest($calls::VARCHAR[]), $evaluator, $attempts, false, NULL, $now
"""
PARK_SQL = """
    INSERT INTO data.scoring_attempts SELECT unnest($calls::VARCHAR[]), $evaluator, $attempts, true, $error, $now
"""
PARKED_SQL = """
    SELECT call_id, evaluator, attempts, error, updated_at FROM data.scoring_attempts
    WHERE parked ORDER BY updated_at DESC LIMIT $limit
"""
UNPARK_SQL = "DELETE FROM data.scoring_attempts WHERE parked"

FIRST_WEEK_SQL = """
    WITH mine AS (
        SELECT value, event_time, min(event_time) OVER () AS first_at, max(event_time) OVER () AS last_at
        FROM data.evaluations WHERE evaluator = $evaluator AND value IS NOT NULL
    )
    SELECT count(*) AS n, quantile_cont(value, $quantile) AS value FROM mine
    WHERE event_time < first_at + INTERVAL 7 DAY AND last_at >= first_at + INTERVAL 7 DAY
"""

CALL_OF_SQL = """
    SELECT call_id, event_time FROM data.calls
    WHERE ($call_id IS NOT NULL AND call_id = $call_id)
       OR ($call_id IS NULL AND $response_id IS NOT NULL AND response_id = $response_id)
       OR ($call_id IS NULL AND $response_id IS NULL AND trace_id = $trace_id)
    ORDER BY event_time DESC LIMIT 1
"""


def evaluation_table(evaluations: Iterable[Evaluation]) -> pa.Table:
    rows = list(evaluations)
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    for name in ("event_time", "created_at"):
        columns[name] = [moment.astimezone(UTC).replace(tzinfo=None) for moment in columns[name]]
    return pa.table(columns, schema=SCHEMA)


def append_evaluations(tx: Transaction, evaluations: Iterable[Evaluation]) -> int:
    """Append scores and mark their hours: what the rollups say of them is outdated."""
    rows = evaluation_table(evaluations)
    tx.insert("data.evaluations", rows)
    with tx.staged(rows):
        tx.execute(MARK_DIRTY_SQL)
    return int(rows.num_rows)


def unscored(
    store: Store,
    name: str,
    evaluator: str,
    *,
    needs: Sequence[str],
    columns: Sequence[str],
    since: datetime,
    limit: int,
) -> pl.DataFrame:
    """Return calls that no version of `name` has scored and that are not parked, newest first.

    Columns: call_id, event_time, attempts (how often a try was begun and not finished), then `columns`.
    """
    chosen = "".join(f", c.{column}" for column in _ours(columns))
    sql = UNSCORED_SQL.format(needs=_present(needs), columns=chosen)
    return store.read(sql, {"name": name, "evaluator": evaluator, "since": since, "limit": limit}, timeout_s=60)


def backlog(store: Store, name: str, *, needs: Sequence[str], since: datetime) -> dict[str, int]:
    """How many calls could be scored, were scored, are parked."""
    sql = BACKLOG_SQL.format(needs=_present(needs))
    return store.read(sql, {"name": name, "since": since}, timeout_s=60).row(0, named=True)


def _ours(columns: Sequence[str]) -> Sequence[str]:
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise StoreError(f"no such column of calls: {', '.join(sorted(unknown))}")
    return columns


def _present(needs: Sequence[str]) -> str:
    return "".join(f" AND c.{column} IS NOT NULL AND c.{column} <> ''" for column in _ours(needs))


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
    return store.read(PARKED_SQL, {"limit": limit})


def unpark(store: Store) -> None:
    """Give every parked call three new tries, for instance after a new version."""
    with store.transaction() as tx:
        tx.execute(UNPARK_SQL)


def first_week_quantile(store: Store, evaluator: str, quantile: float, *, at_least: int) -> float | None:
    """A quantile of the values of the first seven days; None until they are over and hold `at_least` values."""
    n, value = store.read(FIRST_WEEK_SQL, {"evaluator": evaluator, "quantile": quantile}).row(0)
    return float(value) if n >= at_least and value is not None else None


def add_feedback(
    store: Store,
    *,
    name: str,
    value: float | None = None,
    label: str | None = None,
    comment: str | None = None,
    user: str | None = None,
    call_id: str | None = None,
    trace_id: str | None = None,
    response_id: str | None = None,
    now: datetime,
) -> Evaluation:
    """Store what a person said of a call; a trace stands for its last call. Raises NoSuchCall."""
    given = {"call_id": call_id, "trace_id": trace_id, "response_id": response_id}
    found = store.read(CALL_OF_SQL, given)
    if not found.height:
        named = ", ".join(f"{key}={text}" for key, text in given.items() if text) or "nothing"
        raise NoSuchCall(f"feedback: no call with {named}: give call_id, response_id or trace_id of a stored call")
    said = Evaluation(
        call_id=found["call_id"][0],
        event_time=found["event_time"][0],
        name=name,
        evaluator=f"human:{user or 'anonymous'}",
        value=value,
        label=label,
        explanation=comment,
        created_at=now,
    )
    with store.transaction() as tx:
        append_evaluations(tx, [said])
    return said
