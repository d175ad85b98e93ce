"""What people say of calls: labels beside scores, thumbs, and the queue of calls worth a look."""

# ruff: noqa: S608 - every name in the SQL of this module is a constant of ours

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from store.connection import Store
from store.evaluations import append_evaluations
from store.model import Evaluation, Window
from store.relations import BOUND, SAID_SQL

# Why a call stands in the queue. Labels of odd calls say nothing of the others.
BY_CHANCE = "by chance"
ANOTHER_OPINION = "another opinion"
LIKED, DISLIKED = "flagged, but liked", "not flagged, but disliked"
NOVEL = "unlike anything before"
ODD = frozenset({ANOTHER_OPINION, LIKED, DISLIKED, NOVEL})
HUMAN = "human:"
FEEDBACK_SQL = SAID_SQL.format(**BOUND)
SESSIONS_SQL = f"""
    SELECT c.session_id, count(*) FILTER (well) AS up, count(*) FILTER (NOT well) AS down, count(*) AS said,
        arg_max(f.explanation, f.created_at) AS comment, max(f.created_at) AS last_at
    FROM ({FEEDBACK_SQL}) AS f JOIN data.calls AS c ON c.call_id = f.call_id
    WHERE c.event_time >= $start AND c.event_time < $end
    GROUP BY c.session_id ORDER BY down DESC, last_at DESC LIMIT $limit
"""
_SCORES_SQL = """
    SELECT call_id, event_time, evaluator, value, label, flagged FROM data.evaluations
    WHERE event_time >= $start AND event_time < $end AND name = $name AND flagged IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY created_at DESC) = 1
"""
_LABELS_SQL = """
    SELECT call_id, event_time, evaluator, value, label, explanation, created_at FROM data.evaluations
    WHERE name = $name AND starts_with(evaluator, 'human:')
    QUALIFY row_number() OVER (PARTITION BY call_id, evaluator ORDER BY created_at DESC) = 1
"""
LABELS_SQL = f"""
    WITH labels AS ({_LABELS_SQL}), scores AS (
        SELECT call_id, evaluator, value, flagged FROM data.evaluations
        WHERE name = $name AND flagged IS NOT NULL AND label <> 'not_measurable'
          AND call_id IN (SELECT call_id FROM labels)
        QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY created_at DESC) = 1
    )
    SELECT l.call_id, substr(l.evaluator, 7) AS reviewer, coalesce(l.value >= 0.5, l.label = $label) AS said,
        l.explanation AS how, l.created_at, s.evaluator, s.value, s.flagged
    FROM labels AS l JOIN scores AS s USING (call_id) ORDER BY l.created_at
"""
# Reasons in turn: a call that somebody else has judged (for their kappa), a score that feedback contradicts, a text the
# drift job found unlike any before, and calls by chance, flagged and not in turn.
QUEUE_SQL = f"""
    WITH scored AS (SELECT * FROM ({_SCORES_SQL}) WHERE label <> 'not_measurable'),
    labelled AS ({_LABELS_SQL}),
    found AS (
        SELECT call_id, 1 AS kind, '{ANOTHER_OPINION}' AS reason, hash(call_id) AS place
        FROM scored WHERE call_id IN (SELECT call_id FROM labelled WHERE evaluator <> $reviewer)
        UNION ALL
        SELECT s.call_id, 2, CASE WHEN s.flagged THEN '{LIKED}' ELSE '{DISLIKED}' END,
            hash(s.call_id)
        FROM scored AS s JOIN ({FEEDBACK_SQL}) AS f ON f.call_id = s.call_id AND f.well = s.flagged
        UNION ALL
        SELECT call_id, 3, '{NOVEL}', hash(call_id)
        FROM scored WHERE list_contains($novel, call_id)
        UNION ALL
        SELECT call_id, 4, '{BY_CHANCE}',
            2 * row_number() OVER (PARTITION BY flagged ORDER BY hash(call_id, $name)) + flagged::INT
        FROM scored
    ),
    ranked AS (
        SELECT call_id, reason, kind, row_number() OVER (PARTITION BY kind ORDER BY place) AS number FROM found
        WHERE call_id NOT IN (SELECT call_id FROM labelled WHERE evaluator = $reviewer)
    )
    SELECT call_id, event_time, reason, evaluator, value, label, flagged
    FROM (SELECT * FROM ranked QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY number, kind DESC) = 1)
    JOIN scored USING (call_id) ORDER BY number, kind LIMIT $limit
"""
NOVEL_SQL = """
    SELECT DISTINCT unnest(from_json(details -> '$.novel[*].call_id', '["VARCHAR"]')) AS call_id
    FROM data.comparisons WHERE current_end > $start AND current_start < $end AND details IS NOT NULL
"""


def queue(
    store: Store, name: str, window: Window, *, reviewer: str, names: Sequence[str], limit: int = 40
) -> pl.DataFrame:
    """Calls of a window worth a look, which `reviewer` has not labelled yet, each with why, its score and its label.

    `names`: of all evaluators; what goes by another name is feedback.
    """
    span = {"start": window.start, "end": window.end}
    novel = store.read(NOVEL_SQL, span)["call_id"].to_list()
    asked = {"name": name, "names": list(names), "reviewer": HUMAN + reviewer}
    return store.read(QUEUE_SQL, {**span, **asked, "novel": novel, "limit": limit})


def add_label(
    store: Store, *, call_id: str, event_time: datetime, name: str, said: bool, label: str, how: str, reviewer: str,
    now: datetime,
) -> None:  # fmt: skip
    """Keep what a reviewer says of a call: that it is (`said`) or is not what an evaluator flags as `label`."""
    row = Evaluation(
        call_id=call_id, event_time=event_time, name=name, evaluator=HUMAN + reviewer, value=float(said),
        label=label if said else f"not_{label}", explanation=how, created_at=now,
    )  # fmt: skip
    with store.transaction() as tx:
        append_evaluations(tx, [row])


def labels(store: Store, name: str, *, label: str) -> list[dict[str, Any]]:
    """Every label on an evaluator's calls beside the score, the oldest first.

    call_id, reviewer, said, how, created_at; evaluator, value and flagged of the newest score.
    """
    return store.read(LABELS_SQL, {"name": name, "label": label}).to_dicts()


def sessions(store: Store, window: Window, *, names: Sequence[str], limit: int = 50) -> pl.DataFrame:
    """Feedback by session, most unhappy first: session_id, up, down, said, comment, last_at."""
    given = {"start": window.start, "end": window.end, "names": list(names), "limit": limit}
    return store.read(SESSIONS_SQL, given)
