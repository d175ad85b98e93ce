"""Alerts: where each rule stands for each slice, what its evaluations saw, how far it has been evaluated."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from store.alerting import Health, State
from store.connection import Store, Transaction
from store.model import Slice, Window

INSTANCES_SQL = "SELECT * FROM data.alert_instances WHERE rule_id = $rule_id ORDER BY slice"
UPSERT_INSTANCE_SQL = """
    INSERT OR REPLACE INTO data.alert_instances BY NAME SELECT * FROM staged
"""
DROP_INSTANCES_SQL = "DELETE FROM data.alert_instances WHERE rule_id = $rule_id AND list_contains($slices, slice)"
UPSERT_EVALUATIONS_SQL = "INSERT OR REPLACE INTO data.alert_evaluations BY NAME SELECT * FROM staged"
PROGRESS_SQL = "SELECT * FROM data.alert_progress WHERE rule_id = $rule_id"
UPSERT_PROGRESS_SQL = """
    INSERT OR REPLACE INTO data.alert_progress
    VALUES ($rule_id, $version, $evaluated_until, $evaluated_at, $health, $note)
"""
DROP_PROGRESS_SQL = "DELETE FROM data.alert_progress WHERE rule_id = $rule_id"
ALL_PROGRESS_SQL = "SELECT rule_id FROM data.alert_progress ORDER BY rule_id"
# The last `limit` values of each slice, oldest first.
TRAIL_SQL = """
    SELECT slice, list(value ORDER BY window_end) AS trail
    FROM (
        SELECT slice, window_end, value FROM data.alert_evaluations
        WHERE rule_id = $rule_id AND window_end > $since AND window_end <= $until
        QUALIFY row_number() OVER (PARTITION BY slice ORDER BY window_end DESC) <= $limit
    )
    GROUP BY slice
"""
AS_OF_SQL = """
    SELECT * FROM data.alert_evaluations
    WHERE rule_id = $rule_id AND window_end = (
        SELECT max(window_end) FROM data.alert_evaluations WHERE rule_id = $rule_id AND window_end <= $until
    )
"""
ENDS_SQL = """
    SELECT DISTINCT window_end FROM data.alert_evaluations
    WHERE rule_id = $rule_id AND window_end > $after ORDER BY window_end
"""
# What came in after the rule was last evaluated but belongs to a time it had already looked at.
LATE_CALLS_SQL = """
    SELECT min(event_time) FROM data.calls
    WHERE event_time >= $since AND event_time < $until AND ingested_at > $evaluated_at
"""
LATE_SCORES_SQL = """
    SELECT min(event_time) FROM data.evaluations
    WHERE event_time >= $since AND event_time < $until AND created_at > $evaluated_at AND name = $evaluator
"""
EVALUATIONS_SQL = """
    SELECT slice, window_end, value, baseline, threshold, n, breached, state, health, late FROM data.alert_evaluations
    WHERE rule_id = $rule_id AND window_end > $start AND window_end <= $end ORDER BY slice, window_end
"""
PRUNE_SQL = "DELETE FROM data.alert_evaluations WHERE window_end < $before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A row of data.alert_instances."""

    rule_id: str
    slice: str
    state: State
    health: Health
    last_window_end: datetime
    active_at: datetime | None = None
    fired_at: datetime | None = None
    keep_firing_since: datetime | None = None
    unknown_since: datetime | None = None
    missing: int = 0
    passed: int = 0
    value: float | None = None
    baseline: float | None = None
    threshold: float | None = None
    n: int = 0
    why: str = ""
    incident_id: int | None = None
    last_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A row of data.alert_evaluations."""

    rule_id: str
    slice: str
    window_end: datetime
    value: float | None
    baseline: float | None
    threshold: float | None
    n: int
    breached: bool | None
    state: State
    health: Health
    active_at: datetime | None
    fired_at: datetime | None
    keep_firing_since: datetime | None
    unknown_since: datetime | None
    missing: int
    passed: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A row of data.alert_progress."""

    rule_id: str
    version: int
    evaluated_until: datetime
    evaluated_at: datetime
    health: Health = Health.OK
    note: str | None = None


_TIME = pa.timestamp("us")
_STATE_COLUMNS = [
    ("state", pa.string()), ("health", pa.string()), ("active_at", _TIME), ("fired_at", _TIME),
    ("keep_firing_since", _TIME), ("unknown_since", _TIME), ("missing", pa.int32()), ("passed", pa.int32()),
    ("value", pa.float64()), ("baseline", pa.float64()), ("threshold", pa.float64()), ("n", pa.int64()),
]  # fmt: skip
INSTANCE_SCHEMA = pa.schema([
    ("rule_id", pa.string()), ("slice", pa.string()), *_STATE_COLUMNS, ("last_window_end", _TIME),
    ("why", pa.string()), ("incident_id", pa.int64()), ("last_sent_at", _TIME),
])  # fmt: skip
EVALUATION_SCHEMA = pa.schema([
    ("rule_id", pa.string()), ("slice", pa.string()), ("window_end", _TIME), *_STATE_COLUMNS,
    ("breached", pa.bool_()), ("late", pa.bool_()),
])  # fmt: skip


@lru_cache(maxsize=4096)
def slice_key(labels: Slice) -> str:
    """A slice as its alert's key: sorted JSON, `{}` for everything."""
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()


@lru_cache(maxsize=4096)
def slice_of(key: str) -> Slice:
    return tuple(orjson.loads(key).items())


def instances(store: Store, rule_id: str) -> list[Instance]:
    return [_instance(row) for row in store.read(INSTANCES_SQL, {"rule_id": rule_id}).iter_rows(named=True)]


def _instance(row: dict[str, Any]) -> Instance:
    known = {**row, "n": row["n"] or 0, "why": row["why"] or ""}
    return replace(Instance(**known), state=State(row["state"]), health=Health(row["health"]))


def as_of(store: Store, rule_id: str, until: datetime) -> list[Evaluated]:
    """What the last evaluation at or before `until` left behind, one row a slice."""
    rows = store.read(AS_OF_SQL, {"rule_id": rule_id, "until": until}).iter_rows(named=True)
    return [replace(Evaluated(**row), state=State(row["state"]), health=Health(row["health"])) for row in rows]


def evaluated_ends(store: Store, rule_id: str, after: datetime) -> list[datetime]:
    return store.read(ENDS_SQL, {"rule_id": rule_id, "after": after})["window_end"].to_list()


def trails(store: Store, rule_id: str, window: Window, limit: int) -> dict[str, list[float | None]]:
    """The last values of each slice before the window's end, oldest first."""
    params = {"rule_id": rule_id, "since": window.start, "until": window.end, "limit": limit}
    return {key: list(trail) for key, trail in store.read(TRAIL_SQL, params).iter_rows()}


def evaluations(store: Store, rule_id: str, window: Window) -> pl.DataFrame:
    """What a rule's evaluations saw: slice, window_end, value, baseline, threshold, n, breached, state, health."""
    return store.read(EVALUATIONS_SQL, {"rule_id": rule_id, "start": window.start, "end": window.end})


def late_since(store: Store, progress: Progress, since: datetime, evaluator: str | None) -> datetime | None:
    """The earliest moment from `since` on that the rule looked at before all of its calls had come.

    With an `evaluator` it is that one's scores that may have been late.
    """
    params = {"since": since, "until": progress.evaluated_until, "evaluated_at": progress.evaluated_at}
    sql = LATE_CALLS_SQL if evaluator is None else LATE_SCORES_SQL
    moment = store.one(sql, params if evaluator is None else {**params, "evaluator": evaluator})
    return moment if isinstance(moment, datetime) else None


def progress(reader: Store | Transaction, rule_id: str) -> Progress | None:
    for row in reader.read(PROGRESS_SQL, {"rule_id": rule_id}).iter_rows(named=True):
        return replace(Progress(**row), health=Health(row["health"]))
    return None


def rules_in_progress(store: Store) -> list[str]:
    return store.read(ALL_PROGRESS_SQL)["rule_id"].to_list()


def put_progress(tx: Transaction, moved: Progress) -> None:
    tx.execute(UPSERT_PROGRESS_SQL, asdict(moved))


def drop_progress(tx: Transaction, rule_id: str) -> None:
    tx.execute(DROP_PROGRESS_SQL, {"rule_id": rule_id})


def put_instances(tx: Transaction, rows: Iterable[Instance]) -> None:
    _upsert(tx, UPSERT_INSTANCE_SQL, [asdict(row) for row in rows], INSTANCE_SCHEMA)


def drop_instances(tx: Transaction, rule_id: str, slices: Sequence[str]) -> None:
    tx.execute(DROP_INSTANCES_SQL, {"rule_id": rule_id, "slices": list(slices)})


def put_evaluations(tx: Transaction, rows: Iterable[Evaluated]) -> None:
    _upsert(tx, UPSERT_EVALUATIONS_SQL, [asdict(row) for row in rows], EVALUATION_SCHEMA)


def prune(store: Store, *, before: datetime) -> int:
    """Forget what evaluations of windows that ended before saw; return how many."""
    with store.transaction() as tx:
        return len(tx.read(PRUNE_SQL + " RETURNING window_end", {"before": before}))


def _upsert(tx: Transaction, sql: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    if rows:
        naive = [{key: _naive(value) for key, value in row.items()} for row in rows]
        with tx.staged(pa.Table.from_pylist(naive, schema)):
            tx.execute(sql)


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
