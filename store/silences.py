"""Silences: for a while nobody is told; the alert's life goes on."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from store.audit import audit
from store.connection import Store

NEXT_ID_SQL = "SELECT nextval('data.silence_ids')"
ADD_SQL = "INSERT INTO data.silences VALUES ($silence_id, $rule_id, $slice, $starts_at, $ends_at, $comment, $by, $now)"
END_SQL = "UPDATE data.silences SET ends_at = $now WHERE silence_id = $silence_id AND ends_at > $now"
ALL_SQL = """
    SELECT *, CASE WHEN ends_at <= $now THEN 'expired' WHEN starts_at > $now THEN 'pending' ELSE 'active' END AS status
    FROM data.silences ORDER BY ends_at DESC, silence_id DESC
"""
OVERLAPPING_SQL = "SELECT * EXCLUDE (created_at) FROM data.silences WHERE starts_at <= $end AND ends_at > $start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """`rule_id` and `slice` None stand for every one."""

    silence_id: int
    rule_id: str | None
    slice: str | None
    starts_at: datetime
    ends_at: datetime
    comment: str | None
    created_by: str

    def covers(self, rule_id: str, slice_: str, at: datetime) -> bool:
        mine = self.rule_id in (None, rule_id) and self.slice in (None, slice_)
        return mine and self.starts_at <= at < self.ends_at


def silence(
    store: Store, *, rule_id: str | None, slice_: str | None, starts_at: datetime, ends_at: datetime, comment: str,
    by: str, now: datetime,
) -> int:  # fmt: skip
    """Add a silence and return its id."""
    with store.transaction() as tx:
        silence_id = int(tx.one(NEXT_ID_SQL))
        row = {
            "silence_id": silence_id,
            "rule_id": rule_id,
            "slice": slice_,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        tx.execute(ADD_SQL, {**row, "comment": comment, "by": by, "now": now})
        audit(tx, actor=by, action="silence.add", subject=rule_id or "every rule", details=comment, now=now)
    return silence_id


def end_silence(store: Store, silence_id: int, *, by: str, now: datetime) -> None:
    with store.transaction() as tx:
        tx.execute(END_SQL, {"silence_id": silence_id, "now": now})
        audit(tx, actor=by, action="silence.end", subject=str(silence_id), details=None, now=now)


def silences(store: Store, *, now: datetime) -> pl.DataFrame:
    """All silences with their `status`: active, pending, expired."""
    return store.read(ALL_SQL, {"now": now})


def silences_between(store: Store, start: datetime, end: datetime) -> list[Silence]:
    rows = store.read(OVERLAPPING_SQL, {"start": start, "end": end}).iter_rows(named=True)
    return [Silence(**row) for row in rows]
