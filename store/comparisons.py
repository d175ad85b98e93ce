"""What current windows looked like against their references."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from store.calls import json_text
from store.connection import Store, Transaction
from store.model import Comparison, Json, Window

ADD_COMPARISON_SQL = """
    INSERT INTO data.comparisons
    SELECT $detector, $subject, $statistic, $threshold, $drifted, $provisional, $reference_start, $reference_end,
           $current_start, $current_end, $n_reference, $n_current, $note, $details,
           $basis, $created_at
    WHERE NOT EXISTS (
        SELECT 1 FROM data.comparisons WHERE detector = $detector AND subject = $subject
        AND current_end = $current_end AND reference_start = $reference_start AND reference_end = $reference_end
        AND basis = $basis
    )
"""
# A reference that moves with the clock gives one history; each that stands still has its own.
_SAME_GROUND = """
      basis = $basis AND (basis IN ('rolling', 'same_weekday')
        OR (reference_start = $reference_start AND reference_end = $reference_end))
"""
# The windows a new one is ranked among: same size, same ground, and not found drifted on it.
HISTORY_SQL = f"""
    SELECT statistic FROM data.comparisons
    WHERE detector = $detector AND subject = $subject AND n_current = $n AND statistic IS NOT NULL
      AND current_end <= $before AND {_SAME_GROUND}
      AND (provisional OR drifted IS NOT TRUE)
    ORDER BY current_end DESC LIMIT $limit
"""  # noqa: S608 - put together from the constants above
DONE_SQL = f"""
    SELECT current_start, current_end, statistic IS NULL AS undecided FROM data.comparisons
    WHERE detector = $detector AND subject = $subject AND {_SAME_GROUND}
    ORDER BY current_end
"""  # noqa: S608
UNTIL_SQL = """
    SELECT max(current_end) FROM data.comparisons
    WHERE detector = $detector AND subject = $subject AND basis = $basis
      AND ($start IS NULL OR (reference_start = $start AND reference_end = $end))
"""
LATEST_SQL = """
    SELECT * FROM data.comparisons WHERE subject = $subject
    QUALIFY current_end = max(current_end) OVER () ORDER BY detector
"""
SERIES_SQL = """
    SELECT * EXCLUDE (details) FROM data.comparisons
    WHERE subject = $subject AND current_end > $start AND current_end <= $end ORDER BY current_end, detector
"""
# Of windows that were compared on several grounds, the comparison made last.
SUMMARIES_SQL = """
    SELECT * EXCLUDE (details) FROM data.comparisons
    WHERE detector = 'drift' AND list_contains($subjects, subject) AND current_end > $start AND current_end <= $end
    QUALIFY row_number() OVER (PARTITION BY subject, current_end ORDER BY created_at DESC) = 1
    ORDER BY subject, current_end
"""
NEWEST_SQL = """
    SELECT * EXCLUDE (details), max(current_end) OVER (PARTITION BY subject) AS looked_until
    FROM data.comparisons WHERE detector = 'drift' AND list_contains($subjects, subject)
    QUALIFY row_number() OVER (
        PARTITION BY subject ORDER BY drifted IS NULL, current_end DESC, created_at DESC
    ) = 1
"""
OF_WINDOW_SQL = """
    SELECT * FROM data.comparisons
    WHERE current_end = $current_end AND list_contains($subjects, subject) AND detector <> 'drift'
    QUALIFY row_number() OVER (PARTITION BY detector, subject ORDER BY created_at DESC) = 1
"""
# `topic`: the new one, else the one that moved most; `moved`: the column that did.
VERDICTS_SQL = """
    SELECT subject, drifted, provisional, statistic, threshold, note, basis, n_current, current_start, current_end,
           details ->> '$.topics[0].name' AS topic, (details ->> '$.topics[0].new')::BOOLEAN AS topic_is_new,
           (details ->> '$.topics[0].change')::DOUBLE AS topic_change,
           details ->> '$.topics[0].first_seen' AS first_seen,
           details ->> '$.columns[0].column' AS moved
    FROM data.comparisons
    WHERE detector = 'drift' AND current_end > $start AND current_end <= $end
    QUALIFY row_number() OVER (PARTITION BY subject ORDER BY current_end DESC, created_at DESC) = 1
    ORDER BY subject
"""
DETAILS_SQL = """
    SELECT details FROM data.comparisons
    WHERE detector = $detector AND subject = $subject AND current_end = $current_end
    ORDER BY created_at DESC LIMIT 1
"""


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
                "basis": made.basis,
                "created_at": now,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What windows of a subject are compared with. `basis`: as in `store.references`."""

    subject: str
    basis: str
    reference: Window

    @property
    def given(self) -> dict[str, Any]:
        start, end = self.reference.start, self.reference.end
        return {"subject": self.subject, "basis": self.basis, "reference_start": start, "reference_end": end}


def history(store: Store, detector: str, ground: Ground, *, n: int, before: datetime, limit: int) -> list[float]:
    """Statistics of the last windows of `n` calls on the same ground, newest first."""
    rows = store.read(HISTORY_SQL, {"detector": detector, "n": n, "before": before, "limit": limit, **ground.given})
    return rows["statistic"].to_list()


def looked_at_until(store: Store, detector: str, subject: str, basis: str, reference: Window | None) -> datetime | None:
    """End of the last window that was compared on this basis; of a reference that stands still, with just that."""
    given = {"detector": detector, "subject": subject, "basis": basis}
    span = {"start": reference.start if reference else None, "end": reference.end if reference else None}
    found: datetime | None = store.one(UNTIL_SQL, {**given, **span})
    return found


def done(store: Store, detector: str, ground: Ground) -> pl.DataFrame:
    """Windows that were looked at: current_start, current_end, undecided."""
    return store.read(DONE_SQL, {"detector": detector, **ground.given})


def latest(store: Store, subject: str) -> pl.DataFrame:
    """Every detector's comparison of the newest window."""
    return store.read(LATEST_SQL, {"subject": subject})


def series(store: Store, subject: str, window: Window) -> pl.DataFrame:
    """All comparisons whose current window ends in `window`, without their details."""
    return store.read(SERIES_SQL, {"subject": subject, "start": window.start, "end": window.end})


def summaries(store: Store, subjects: Sequence[str], window: Window) -> pl.DataFrame:
    """The verdicts on windows that end in `window`, oldest first, without their details."""
    return store.read(SUMMARIES_SQL, {"subjects": list(subjects), "start": window.start, "end": window.end})


def newest(store: Store, subjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The verdict on the newest window of each subject that could be judged, else on the newest one.

    `looked_until`: the end of the newest window, judged or not.
    """
    rows = store.read(NEWEST_SQL, {"subjects": list(subjects)})
    return {row["subject"]: row for row in rows.iter_rows(named=True)}


def of_window(store: Store, current_end: datetime, subjects: Sequence[str]) -> pl.DataFrame:
    """Every detector's newest comparison of the windows that end then, of some subjects; without the summaries."""
    return store.read(OF_WINDOW_SQL, {"current_end": current_end, "subjects": list(subjects)})


def verdicts(store: Store, window: Window) -> pl.DataFrame:
    """The newest verdict on each subject whose window ended in `window`, with the topic or column that tells most.

    `subject` is a text (input_text, output_text, retrieved), a column (latency_ms, model, …) or `columns`, all of them.
    `drifted` is null where there were too few calls; shares are 0 to 1.
    """
    return store.read(VERDICTS_SQL, {"start": window.start, "end": window.end})


def details(store: Store, detector: str, subject: str, current_end: datetime) -> Json:
    """What a comparison found, as `analytics.drift` describes it; None when there is none."""
    found = store.one(DETAILS_SQL, {"detector": detector, "subject": subject, "current_end": current_end})
    told: Json = orjson.loads(found) if found else None
    return told
