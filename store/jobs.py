"""The ledger of scheduled runs: what makes a due window run once, and what people read when something did not run."""

from collections.abc import Mapping
from datetime import datetime

import orjson
import polars as pl

from store.connection import Store

FOUND_SQL = "SELECT status, session FROM data.job_runs WHERE job = $job AND due_at = $due_at"
BEGIN_SQL = """
    INSERT INTO data.job_runs (job, due_at, session, started_at, status)
    VALUES ($job, $due_at, $session, $now, 'running')
"""
TAKE_OVER_SQL = """
    UPDATE data.job_runs SET session = $session, started_at = $now WHERE job = $job AND due_at = $due_at
"""
FINISH_SQL = """
    UPDATE data.job_runs
    SET status = $status, ended_at = $now, counts = $counts, error = $error,
        duration_ms = epoch_us($now - started_at) / 1000
    WHERE job = $job AND due_at = $due_at
"""
RECENT_SQL = """
    SELECT job, due_at, started_at, ended_at, status, duration_ms, counts, error
    FROM data.job_runs
    WHERE $job IS NULL OR job = $job
    ORDER BY started_at DESC, job
    LIMIT $limit
"""
LAST_RUNS_SQL = """
    SELECT job, due_at, started_at, ended_at, status, duration_ms, counts, error
    FROM data.job_runs
    QUALIFY row_number() OVER (PARTITION BY job ORDER BY started_at DESC) = 1
    ORDER BY job
"""
LAST_OK_SQL = "SELECT max(ended_at) FROM data.job_runs WHERE job = $job AND status = 'ok'"
PRUNE_SQL = "DELETE FROM data.job_runs WHERE started_at < $before"


def claim(store: Store, job: str, due_at: datetime, now: datetime) -> bool:
    """Begin the run of a due window; False when it was run already or is running.

    A run that another process left behind cannot be running any more (one process owns the database): it is taken over.
    """
    run = {"job": job, "due_at": due_at}
    mine = {**run, "session": store.session, "now": now}
    with store.transaction() as tx:
        found = tx.read(FOUND_SQL, run)
        if found.is_empty():
            tx.execute(BEGIN_SQL, mine)
            return True
        status, session = found.row(0)
        if status != "running" or session == store.session:
            return False
        tx.execute(TAKE_OVER_SQL, mine)
        return True


def finish(
    store: Store,
    job: str,
    due_at: datetime,
    now: datetime,
    *,
    counts: Mapping[str, int] | None = None,
    error: str | None = None,
) -> None:
    """Close a claimed run: ok, or with the error that ended it."""
    said = {
        "job": job,
        "due_at": due_at,
        "now": now,
        "status": "error" if error else "ok",
        "counts": orjson.dumps(dict(counts or {})).decode(),
        "error": error,
    }
    with store.transaction() as tx:
        tx.execute(FINISH_SQL, said)


def recent(store: Store, *, job: str | None = None, limit: int = 100) -> pl.DataFrame:
    """The newest runs first: job, due_at, started_at, ended_at, status, duration_ms, counts (JSON), error."""
    return store.read(RECENT_SQL, {"job": job, "limit": limit})


def last_runs(store: Store) -> pl.DataFrame:
    """The newest run of each job, with the columns of `recent`."""
    return store.read(LAST_RUNS_SQL)


def last_ok(store: Store, job: str) -> datetime | None:
    """When the job last came to a good end."""
    ended: datetime | None = store.one(LAST_OK_SQL, {"job": job})
    return ended


def prune(store: Store, *, before: datetime) -> int:
    """Forget runs that began before a moment; return how many."""
    with store.transaction() as tx:
        had = tx.one("SELECT count(*) FROM data.job_runs")
        tx.execute(PRUNE_SQL, {"before": before})
        return int(had - tx.one("SELECT count(*) FROM data.job_runs"))
