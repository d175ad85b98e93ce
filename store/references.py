"""Drift references: what current windows are compared with, which kind of them people chose, and who made each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from store.audit import audit
from store.calls import json_text
from store.connection import Store
from store.errors import StoreError
from store.model import Window

RELEASES = ("service_version", "prompt_version", "model")
CHOSE, MADE = "drift_reference.choose", "drift_reference"

NEWEST_SQL = """
    SELECT * FROM data.drift_references
    WHERE subject = $subject AND encoder = $encoder AND basis = $basis
      AND ($start IS NULL OR (window_start >= $start AND window_end <= $end))
    ORDER BY created_at DESC, reference_id DESC LIMIT 1
"""
LAST_SQL = """
    SELECT * FROM data.drift_references WHERE subject = $subject AND encoder = $encoder
    ORDER BY created_at DESC, reference_id DESC LIMIT 1
"""
# What a page says of it: without the texts and topics, which are long.
OUTLINE_SQL = """
    SELECT basis, window_start, window_end, created_by, len(text_hashes) AS texts
    FROM data.drift_references WHERE subject = $subject AND encoder = $encoder
    ORDER BY created_at DESC, reference_id DESC LIMIT 1
"""
ADD_SQL = """
    INSERT INTO data.drift_references
    SELECT coalesce(max(reference_id), 0) + 1, $subject, $encoder, $basis, $start, $end, $text_hashes::VARCHAR[],
           $clusters, $created_by, $created_at FROM data.drift_references
"""
CHOICE_SQL = "SELECT basis FROM data.drift_choices WHERE subject = $subject ORDER BY chosen_at DESC LIMIT 1"
CHOOSE_SQL = "INSERT INTO data.drift_choices VALUES ($subject, $basis, $actor, $now)"
# {field} is one of RELEASES.
FIRST_SEEN_SQL = "SELECT min(event_time) FROM data.calls WHERE {field} = $value"
RELEASES_SQL = """
    SELECT {field} AS value, min(event_time) AS first_seen FROM data.calls WHERE {field} IS NOT NULL
    GROUP BY ALL ORDER BY first_seen DESC LIMIT $limit
"""
# Hours in which an alert was firing are no ground to compare with, nor are windows that drifted until someone put a
# reference in force after them: then the change is accepted.
UNCLEAN_SQL = """
    SELECT 'alert' AS kind, title AS name, opened_at AS start FROM data.incidents
    WHERE opened_at < $end AND coalesce(resolved_at, TIMESTAMP '9999-01-01') > $start
    UNION ALL
    SELECT 'drift', subject, current_start FROM data.comparisons
    WHERE detector = 'drift' AND subject = $subject AND drifted AND current_start < $end AND current_end > $start
      AND current_end > coalesce((
        SELECT max(window_end) FROM data.drift_references
        WHERE subject = $subject AND basis = 'pinned' AND created_by <> 'leeway'), TIMESTAMP '1970-01-01')
    ORDER BY start
"""
HISTORY_SQL = """
    SELECT happened_at, actor, action, details FROM data.audit_log
    WHERE subject = $subject AND action IN ('drift_reference', 'drift_reference.choose')
    ORDER BY happened_at DESC LIMIT $limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`text_hashes`: one per sampled call, repeats included. `clusters`: the topics of these texts, as made."""

    subject: str
    encoder: str
    basis: str
    window: Window
    text_hashes: list[str]
    clusters: dict[str, Any]
    created_by: str
    created_at: datetime


def newest(store: Store, subject: str, encoder: str, basis: str, within: Window | None = None) -> Reference | None:
    """The reference of that basis made last; `within`: of those that lie in this stretch."""
    given = {"subject": subject, "encoder": encoder, "basis": basis}
    span = {"start": within.start if within else None, "end": within.end if within else None}
    return _read(store.read(NEWEST_SQL, {**given, **span}))


def last(store: Store, subject: str, encoder: str) -> Reference | None:
    """The reference made last, of whatever basis."""
    return _read(store.read(LAST_SQL, {"subject": subject, "encoder": encoder}))


def outline(store: Store, subject: str, encoder: str) -> dict[str, Any] | None:
    """Of the reference made last: basis, window_start, window_end, created_by, and how many texts it holds."""
    rows = store.read(OUTLINE_SQL, {"subject": subject, "encoder": encoder})
    return rows.row(0, named=True) if rows.height else None


def add(store: Store, made: Reference, details: Mapping[str, Any]) -> None:
    """Put a reference in force and note who did it; `details` are added to the note."""
    row = {
        "subject": made.subject,
        "encoder": made.encoder,
        "basis": made.basis,
        "start": made.window.start,
        "end": made.window.end,
        "text_hashes": made.text_hashes,
        "clusters": json_text(made.clusters),
        "created_by": made.created_by,
        "created_at": made.created_at,
    }
    told = {"basis": made.basis, "start": made.window.start, "end": made.window.end, **details}
    with store.transaction() as tx:
        tx.execute(ADD_SQL, row)
        audit(
            tx, actor=made.created_by, action=MADE, subject=made.subject, details=json_text(told), now=made.created_at
        )


def choice(store: Store, subject: str) -> str | None:
    """The basis that somebody chose for a subject; None: the settings hold."""
    found: str | None = store.one(CHOICE_SQL, {"subject": subject})
    return found


def choose(store: Store, subject: str, basis: str, *, by: str, now: datetime) -> None:
    with store.transaction() as tx:
        tx.execute(CHOOSE_SQL, {"subject": subject, "basis": basis, "actor": by, "now": now})
        audit(tx, actor=by, action=CHOSE, subject=subject, details=json_text({"basis": basis}), now=now)


def first_seen(store: Store, field: str, value: str) -> datetime | None:
    """When the first call of a release began; `field` is one of RELEASES."""
    frame = store.read(FIRST_SEEN_SQL.format(field=_release(field)), {"value": value})
    found: datetime | None = frame.item()
    return found


def releases(store: Store, field: str, *, limit: int = 20) -> pl.DataFrame:
    """`value` and `first_seen` of a field of RELEASES, newest first."""
    return store.read(RELEASES_SQL.format(field=_release(field)), {"limit": limit})


def unclean(store: Store, subject: str, window: Window) -> pl.DataFrame:
    """What makes a window no ground to compare with: kind (alert, drift), name, start; empty when it is clean."""
    return store.read(UNCLEAN_SQL, {"subject": subject, "start": window.start, "end": window.end})


def history(store: Store, subject: str, limit: int = 20) -> pl.DataFrame:
    """Who put which reference in force, newest first: happened_at, actor, action, details (JSON)."""
    return store.read(HISTORY_SQL, {"subject": subject, "limit": limit})


def _release(field: str) -> str:
    if field not in RELEASES:
        raise StoreError(f"{field!r} names no release: use one of {', '.join(RELEASES)}")
    return field


def _read(rows: pl.DataFrame) -> Reference | None:
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    return Reference(
        subject=row["subject"],
        encoder=row["encoder"],
        basis=row["basis"],
        window=Window(start=row["window_start"], end=row["window_end"]),
        text_hashes=row["text_hashes"],
        clusters=orjson.loads(row["clusters"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )
