"""Drift references and what current windows looked like against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from store.calls import json_text
from store.connection import Store, Transaction
from store.model import Comparison, Json, Window

NEWEST_REFERENCE_SQL = """
    SELECT * FROM data.drift_references WHERE subject = $subject AND encoder = $encoder
    ORDER BY created_at DESC, reference_id DESC LIMIT 1
"""
ADD_REFERENCE_SQL = """
    INSERT INTO data.drift_references
    SELECT coalesce(max(reference_id), 0) + 1, $subject, $encoder, $start, $end, $text_hashes::VARCHAR[], $clusters,
           $created_by, $created_at FROM data.drift_references
"""
AUDIT_SQL = "INSERT INTO data.audit_log VALUES ($now, $actor, 'drift_reference', $subject, $details)"
ADD_COMPARISON_SQL = """
    INSERT INTO data.comparisons
    SELECT $detector, $subject, $statistic, $threshold, $drifted, $provisional, $reference_start, $reference_end,
           $current_start, $current_end, $n_reference, $n_current, $note, $details, $created_at
    WHERE NOT EXISTS (
        SELECT 1 FROM data.comparisons WHERE detector = $detector AND subject = $subject
        AND current_end = $current_end AND reference_start = $reference_start AND reference_end = $reference_end
    )
"""
# The windows a new one is ranked among: same size, same reference, and not found drifted on this very ground.
HISTORY_SQL = """
    SELECT statistic FROM data.comparisons
    WHERE detector = $detector AND subject = $subject AND n_current = $n AND statistic IS NOT NULL
      AND reference_start = $reference_start AND reference_end = $reference_end AND current_end <= $before
      AND (provisional OR drifted IS NOT TRUE)
    ORDER BY current_end DESC LIMIT $limit
"""
DONE_SQL = """
    SELECT current_start, current_end, statistic IS NULL AS undecided FROM data.comparisons
    WHERE detector = $detector AND subject = $subject
      AND reference_start = $reference_start AND reference_end = $reference_end
    ORDER BY current_end
"""
# Hours in which an alert was firing are no ground to compare with.
CLEAN_SQL = """
    SELECT count(*) = 0 FROM data.incidents
    WHERE opened_at < $end AND coalesce(resolved_at, TIMESTAMP '9999-01-01') > $start
"""
LATEST_SQL = """
    SELECT * FROM data.comparisons WHERE subject = $subject
    QUALIFY current_end = max(current_end) OVER () ORDER BY detector
"""
SERIES_SQL = """
    SELECT * EXCLUDE (details) FROM data.comparisons
    WHERE subject = $subject AND current_end > $start AND current_end <= $end ORDER BY current_end, detector
"""
DETAILS_SQL = """
    SELECT details FROM data.comparisons
    WHERE detector = $detector AND subject = $subject AND current_end = $current_end
    ORDER BY created_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`text_hashes`: one per sampled call, repeats included. `clusters`: the topics of these texts, as made."""

    subject: str
    encoder: str
    window: Window
    text_hashes: list[str]
    clusters: dict[str, Any]
    created_by: str
    created_at: datetime


def reference(store: Store, subject: str, encoder: str) -> Reference | None:
    """The reference in force: the one made last."""
    rows = store.read(NEWEST_REFERENCE_SQL, {"subject": subject, "encoder": encoder})
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    return Reference(
        subject=subject,
        encoder=encoder,
        window=Window(start=row["window_start"], end=row["window_end"]),
        text_hashes=row["text_hashes"],
        clusters=orjson.loads(row["clusters"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


def add_reference(store: Store, made: Reference) -> None:
    """Put a reference in force and note who did it."""
    with store.transaction() as tx:
        tx.execute(
            ADD_REFERENCE_SQL,
            {
                "subject": made.subject,
                "encoder": made.encoder,
                "start": made.window.start,
                "end": made.window.end,
                "text_hashes": made.text_hashes,
                "clusters": json_text(made.clusters),
                "created_by": made.created_by,
                "created_at": made.created_at,
            },
        )
        window = {"start": made.window.start, "end": made.window.end, "texts": len(made.text_hashes)}
        given = {"now": made.created_at, "actor": made.created_by, "subject": made.subject}
        tx.execute(AUDIT_SQL, {**given, "details": json_text(window)})


def append_comparisons(tx: Transaction, comparisons: Sequence[Comparison], *, now: datetime) -> None:
    """Store verdicts; one that is already there for its (detector, subject, window end, reference) stays as it is."""
    for made in comparisons:
        tx.execute(
            ADD_COMPARISON_SQL,
            {
                "detector": made.detector,
                "subject": made.subject,
                "statistic": made.statistic,
                "threshold": made.threshold,
                "drifted": made.drifted,
                "provisional": made.provisional,
                "reference_start": made.reference.start,
                "reference_end": made.reference.end,
                "current_start": made.current.start,
                "current_end": made.current.end,
                "n_reference": made.n_reference,
                "n_current": made.n_current,
                "note": made.note,
                "details": json_text(made.details),
                "created_at": now,
            },
        )


def history(
    store: Store, detector: str, subject: str, against: Window, *, n: int, before: datetime, limit: int
) -> list[float]:
    """Statistics of the last windows of `n` calls against the same reference, newest first."""
    given = {"detector": detector, "subject": subject, "n": n, "before": before, "limit": limit}
    rows = store.read(HISTORY_SQL, {**given, **_against(against)})
    return rows["statistic"].to_list()


def done(store: Store, detector: str, subject: str, against: Window) -> pl.DataFrame:
    """Windows that were looked at: current_start, current_end, undecided."""
    return store.read(DONE_SQL, {"detector": detector, "subject": subject, **_against(against)})


def clean(store: Store, window: Window) -> bool:
    """Whether no alert was firing in the window."""
    return bool(store.one(CLEAN_SQL, {"start": window.start, "end": window.end}))


def latest(store: Store, subject: str) -> pl.DataFrame:
    """Every detector's comparison of the newest window."""
    return store.read(LATEST_SQL, {"subject": subject})


def series(store: Store, subject: str, window: Window) -> pl.DataFrame:
    """All comparisons whose current window ends in `window`, without their details."""
    return store.read(SERIES_SQL, {"subject": subject, "start": window.start, "end": window.end})


def details(store: Store, detector: str, subject: str, current_end: datetime) -> Json:
    """What a comparison found, as `analytics.drift` describes it; None when there is none."""
    found = store.one(DETAILS_SQL, {"detector": detector, "subject": subject, "current_end": current_end})
    told: Json = orjson.loads(found) if found else None
    return told


def _against(window: Window) -> dict[str, datetime]:
    return {"reference_start": window.start, "reference_end": window.end}
