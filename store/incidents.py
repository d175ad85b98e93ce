"""Incidents: one stretch of firing of one rule for one slice, with its timeline."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from store.alerting import Severity
from store.audit import audit
from store.connection import Store, Transaction

NEXT_ID_SQL = "SELECT nextval('data.incident_ids')"
OPEN_SQL = """
    INSERT INTO data.incidents BY NAME SELECT
        $incident_id AS incident_id, $rule_id AS rule_id, $slice AS slice, $severity AS severity, $title AS title,
        $opened_at AS opened_at, $fired_at AS fired_at, $peak_value AS peak_value, $last_value AS last_value,
        $threshold AS threshold, $baseline AS baseline, $unit AS unit, $reason AS reason, $evidence AS evidence,
        $late AS late
"""
UPDATE_SQL = """
    UPDATE data.incidents SET last_value = $last_value, peak_value = $peak_value WHERE incident_id = $incident_id
"""
CLOSE_SQL = """
    UPDATE data.incidents SET resolved_at = $at, resolved_reason = $reason
    WHERE incident_id = $incident_id AND resolved_at IS NULL
"""
# An incident of this slice that already covers the moment: history that is rewritten finds its incident again.
COVERING_SQL = """
    SELECT incident_id FROM data.incidents
    WHERE rule_id = $rule_id AND slice = $slice AND opened_at <= $until AND coalesce(resolved_at, $at) >= $at
    ORDER BY incident_id DESC LIMIT 1
"""
REOPEN_SQL = "UPDATE data.incidents SET resolved_at = NULL, resolved_reason = NULL WHERE incident_id = $incident_id"
RESOLVED_SQL = """
    SELECT incident_id FROM data.incidents WHERE list_contains($ids, incident_id) AND resolved_at IS NOT NULL
"""
EVIDENCE_SQL = "SELECT evidence FROM data.incidents WHERE incident_id = $incident_id"
TOLD_SQL = """
    SELECT DISTINCT channel FROM data.outbox
    WHERE incident_id = $incident_id AND status <> 'suppressed' ORDER BY channel
"""
PEAK_SQL = "SELECT peak_value FROM data.incidents WHERE incident_id = $incident_id"
CHANGES_SQL = """
    SELECT slice, moment FROM (
        SELECT slice, unnest([fired_at, resolved_at]) AS moment FROM data.incidents
        WHERE rule_id = $rule_id AND (fired_at > $since OR resolved_at > $since)
    )
    WHERE moment > $since ORDER BY moment
"""
ACKNOWLEDGED_SQL = """
    SELECT incident_id FROM data.incidents
    WHERE rule_id = $rule_id AND resolved_at IS NULL AND (acknowledged_at IS NOT NULL OR snoozed_at IS NOT NULL)
"""
ACKNOWLEDGE_SQL = """
    UPDATE data.incidents SET acknowledged_at = $now, acknowledged_by = $by
    WHERE incident_id = $incident_id AND acknowledged_at IS NULL RETURNING incident_id
"""
SNOOZE_SQL = """
    UPDATE data.incidents SET snoozed_at = $now, snoozed_by = $by, snoozed_beyond = $beyond
    WHERE incident_id = $incident_id AND resolved_at IS NULL RETURNING incident_id
"""
WAKE_SQL = """
    UPDATE data.incidents SET snoozed_at = NULL, snoozed_by = NULL, snoozed_beyond = NULL
    WHERE incident_id = $incident_id
"""
SNOOZED_SQL = """
    SELECT i.incident_id, i.evidence, i.threshold, i.snoozed_beyond, a.value, a.n, a.why, a.last_window_end
    FROM data.incidents i JOIN data.alert_instances a USING (incident_id)
    WHERE i.resolved_at IS NULL AND i.snoozed_beyond IS NOT NULL
"""
FIRING_SQL = """
    SELECT i.*, a.state, a.health, a.value, a.n, a.why, a.last_window_end, a.last_sent_at
    FROM data.incidents i
    LEFT JOIN data.alert_instances a ON a.rule_id = i.rule_id AND a.slice = i.slice
    WHERE i.resolved_at IS NULL
    ORDER BY i.severity = 'critical' DESC, i.fired_at DESC
"""
INCIDENTS_SQL = """
    SELECT *, epoch(coalesce(resolved_at, $now) - fired_at) AS duration_s FROM data.incidents
    WHERE fired_at < $end AND coalesce(resolved_at, $now) >= $start
    ORDER BY fired_at DESC LIMIT $limit
"""
INCIDENT_SQL = """
    SELECT *, epoch(coalesce(resolved_at, $now) - fired_at) AS duration_s FROM data.incidents
    WHERE incident_id = $incident_id
"""
JUDGED_SQL = """
    SELECT arg_max(details, happened_at) FROM data.audit_log WHERE action = 'incident.judge' AND subject = $subject
"""
TIMELINE_SQL = """
    SELECT happened_at, what, details FROM (
        SELECT opened_at AS happened_at, 'breach began' AS what, NULL AS details, 0 AS rank
        FROM data.incidents WHERE incident_id = $incident_id
        UNION ALL
        SELECT fired_at, 'fired', reason, 1 FROM data.incidents WHERE incident_id = $incident_id
        UNION ALL
        SELECT created_at, CASE status WHEN 'suppressed' THEN 'not sent' WHEN 'held' THEN 'held back' ELSE 'queued' END,
            reason || ' for ' || channel || coalesce(': ' || error, ''), 3
        FROM data.outbox WHERE incident_id = $incident_id AND status IN ('suppressed', 'waiting', 'held')
        UNION ALL
        SELECT d.attempted_at, CASE WHEN d.ok THEN 'sent' ELSE 'failed to send' END,
            o.reason || ' to ' || d.channel || coalesce(': ' || d.error, ''), 4
        FROM data.deliveries d JOIN data.outbox o USING (notification_id) WHERE o.incident_id = $incident_id
        UNION ALL
        SELECT happened_at, CASE action WHEN 'incident.acknowledge' THEN 'acknowledged' WHEN 'incident.note' THEN 'note'
            WHEN 'incident.snooze' THEN 'snoozed' WHEN 'incident.judge' THEN 'judged' ELSE 'woken' END,
            concat_ws(': ', actor, details), 5
        FROM data.audit_log WHERE subject = $subject AND starts_with(action, 'incident.')
        UNION ALL
        SELECT resolved_at, 'resolved', resolved_reason, 2 FROM data.incidents
        WHERE incident_id = $incident_id AND resolved_at IS NOT NULL
    )
    ORDER BY happened_at, rank
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident when it opens. `evidence` is the first notification as JSON."""

    incident_id: int
    rule_id: str
    slice: str
    severity: Severity
    title: str
    opened_at: datetime
    fired_at: datetime
    peak_value: float | None
    last_value: float | None
    threshold: float | None
    baseline: float | None
    unit: str
    reason: str
    evidence: str
    late: bool = False


def next_incident_id(store: Store) -> int:
    return int(store.one(NEXT_ID_SQL))


def open_incident(tx: Transaction, incident: Incident) -> None:
    tx.execute(OPEN_SQL, asdict(incident))


def update_incident(tx: Transaction, incident_id: int, *, last: float | None, peak: float | None) -> None:
    tx.execute(UPDATE_SQL, {"incident_id": incident_id, "last_value": last, "peak_value": peak})


def close_incident(tx: Transaction, incident_id: int, *, at: datetime, reason: str) -> None:
    tx.execute(CLOSE_SQL, {"incident_id": incident_id, "at": at, "reason": reason})


def covering_incident(store: Store, rule_id: str, slice_: str, at: datetime, margin: timedelta) -> int | None:
    """The incident of a slice that was open at `at`, or that opened at most `margin` later."""
    params = {"rule_id": rule_id, "slice": slice_, "at": at, "until": at + margin}
    found = store.one(COVERING_SQL, params)
    return int(found) if found is not None else None


def reopen_incident(tx: Transaction, incident_id: int) -> None:
    tx.execute(REOPEN_SQL, {"incident_id": incident_id})


def resolved_of(store: Store, incident_ids: Sequence[int]) -> set[int]:
    """Those of `incident_ids` that are resolved."""
    return set(store.read(RESOLVED_SQL, {"ids": list(incident_ids)})["incident_id"].to_list())


def evidence(store: Store, incident_id: int) -> str:
    """The first notification of an incident as JSON."""
    return str(store.one(EVIDENCE_SQL, {"incident_id": incident_id}))


def told_channels(store: Store, incident_id: int) -> list[str]:
    """The channels that were told of an incident, or are about to be."""
    return store.read(TOLD_SQL, {"incident_id": incident_id})["channel"].to_list()


def peak(store: Store, incident_id: int) -> float | None:
    found = store.one(PEAK_SQL, {"incident_id": incident_id})
    return float(found) if found is not None else None


def changes(store: Store, rule_id: str, since: datetime) -> dict[str, list[datetime]]:
    """When each slice of a rule fired or resolved after `since`."""
    found: dict[str, list[datetime]] = {}
    for key, moment in store.read(CHANGES_SQL, {"rule_id": rule_id, "since": since}).iter_rows():
        found.setdefault(key, []).append(moment)
    return found


def acknowledged(store: Store, rule_id: str) -> set[int]:
    """Open incidents that somebody looks after or has snoozed: they are not repeated."""
    return set(store.read(ACKNOWLEDGED_SQL, {"rule_id": rule_id})["incident_id"].to_list())


def acknowledge(tx: Transaction, incident_id: int, *, by: str, now: datetime) -> bool:
    """Say that somebody looks after it: no more repeats. False when somebody does already."""
    done = tx.one(ACKNOWLEDGE_SQL, {"incident_id": incident_id, "by": by, "now": now}) is not None
    if done:
        _audited(tx, incident_id, "acknowledge", None, by=by, now=now)
    return done


def snooze(tx: Transaction, incident_id: int, beyond: float | None, *, by: str, now: datetime) -> bool:
    """Keep quiet until the value is worse than `beyond` (None: until it ends). False when it is over already."""
    params = {"incident_id": incident_id, "beyond": beyond, "by": by, "now": now}
    done = tx.one(SNOOZE_SQL, params) is not None
    if done:
        said = f"until worse than {beyond:g}" if beyond is not None else "until it ends"
        _audited(tx, incident_id, "snooze", said, by=by, now=now)
    return done


def wake(tx: Transaction, incident_id: int, *, why: str, by: str, now: datetime) -> None:
    tx.execute(WAKE_SQL, {"incident_id": incident_id})
    _audited(tx, incident_id, "wake", why, by=by, now=now)


def note(tx: Transaction, incident_id: int, text: str, *, by: str, now: datetime) -> None:
    """Write down what people found out; it stands in the timeline."""
    _audited(tx, incident_id, "note", text, by=by, now=now)


def judge(tx: Transaction, incident_id: int, worth: str, *, by: str, now: datetime) -> None:
    """Say what it was worth, `real` or `noise`; the last word counts."""
    _audited(tx, incident_id, "judge", worth, by=by, now=now)


def judgement(store: Store, incident_id: int) -> str | None:
    """What people said it was worth; None: nothing yet."""
    said = store.one(JUDGED_SQL, {"subject": str(incident_id)})
    return str(said) if said else None


def _audited(tx: Transaction, incident_id: int, what: str, details: str | None, *, by: str, now: datetime) -> None:
    audit(tx, actor=by, action=f"incident.{what}", subject=str(incident_id), details=details, now=now)


def snoozed(store: Store) -> list[dict[str, Any]]:
    """Open incidents that wake up when they get worse, with where their alert stands now."""
    return store.read(SNOOZED_SQL).to_dicts()


def firing(store: Store) -> pl.DataFrame:
    """Open incidents, critical first, with where their alert stands now (`state`, `health`, `value`, `why`)."""
    return store.read(FIRING_SQL)


def incidents(store: Store, start: datetime, end: datetime, *, now: datetime, limit: int = 500) -> pl.DataFrame:
    """Incidents that fired or were open within `[start, end)`, newest first, with `duration_s`."""
    return store.read(INCIDENTS_SQL, {"start": start, "end": end, "now": now, "limit": limit})


def incident(store: Store, incident_id: int, *, now: datetime) -> pl.DataFrame:
    return store.read(INCIDENT_SQL, {"incident_id": incident_id, "now": now})


def timeline(store: Store, incident_id: int) -> pl.DataFrame:
    """What happened, in order: happened_at, what, details."""
    return store.read(TIMELINE_SQL, {"incident_id": incident_id, "subject": str(incident_id)})
