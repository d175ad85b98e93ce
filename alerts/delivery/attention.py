"""What people answer to an alert: I look after it; be quiet until it is worse; this is what I found."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from alerts.channel import Configured
from alerts.messages.wording import amount, calls
from alerts.notification import Notification, dumps, loads
from store import incidents, outbox
from store.connection import Store

WORSE = 1.5  # times as bad as when it was snoozed
NOBODY = "leeway"
REAL, NOISE = "real", "noise"


def acknowledge(
    store: Store, channels: Mapping[str, Configured], incident_id: int, *, by: str, now: datetime
) -> bool:  # fmt: skip
    """Say that somebody looks after an incident, also where it was told, if that place wants to know.

    False when it is somebody's already.
    """
    told_to = incidents.told_channels(store, incident_id)
    evidence = loads(incidents.evidence(store, incident_id))
    told = replace(evidence, reason="acknowledged", at=now, why=f"{by} looks after it", who=(), examples=())
    with store.transaction() as tx:
        if not incidents.acknowledge(tx, incident_id, by=by, now=now):
            return False
        for name in told_to:
            if name in channels and channels[name].channel.answers:
                outbox.queue(tx, _queued(name, told), now=now)
    return True


def snooze(
    store: Store, incident_id: int, *, by: str, now: datetime, worse: float | None = WORSE
) -> bool:  # fmt: skip
    """No repeats until the value is `worse` times as bad as now; None: until it ends. False when it is over."""
    row = incidents.incident(store, incident_id, now=now).row(0, named=True)
    value, limit = row["last_value"], row["threshold"]
    beyond = None
    if worse is not None and value is not None:
        beyond = value * worse if limit is None or value >= limit else value / worse
    with store.transaction() as tx:
        return incidents.snooze(tx, incident_id, beyond, by=by, now=now)


def note(store: Store, incident_id: int, text: str, *, by: str, now: datetime) -> None:
    """Write into the incident's timeline what was found out."""
    with store.transaction() as tx:
        incidents.note(tx, incident_id, text, by=by, now=now)


def judge(store: Store, incident_id: int, *, real: bool, by: str, now: datetime) -> None:
    """Say whether it was worth being told of: the noise report counts it."""
    with store.transaction() as tx:
        incidents.judge(tx, incident_id, REAL if real else NOISE, by=by, now=now)


def woken(store: Store, *, now: datetime) -> int:
    """End the snooze of what has got worse, and tell those who were told; return how many."""
    found = [
        row for row in incidents.snoozed(store) if _is_worse(row["value"], row["snoozed_beyond"], row["threshold"])
    ]
    for row in found:
        told = as_it_stands(loads(row["evidence"]), value=row["value"], n=row["n"], why=row["why"], at=now)
        why = f"{amount(row['value'], told.unit)} is worse than {amount(row['snoozed_beyond'], told.unit)}"
        told = replace(told, reason="worse", why=f"snoozed until worse: {why}")
        names = incidents.told_channels(store, row["incident_id"])
        with store.transaction() as tx:
            incidents.wake(tx, row["incident_id"], why=why, by=NOBODY, now=now)
            for name in names:
                outbox.queue(tx, _queued(name, told), now=now)
    return len(found)


def _is_worse(value: float | None, beyond: float, limit: float | None) -> bool:
    if value is None:
        return False
    return value > beyond if limit is None or beyond >= limit else value < beyond


def as_it_stands(told: Notification, *, value: float | None, n: int, why: str, at: datetime) -> Notification:
    """The message with today's numbers: it was written earlier than it is sent."""
    said = f"{amount(value, told.unit)} ({calls(n)})"
    return replace(told, value=value, n=n, why=why or told.why, at=at, now_text=said)


def _queued(channel: str, told: Notification) -> outbox.Queued:
    return outbox.Queued(channel=channel, incident_id=told.incident_id, reason=told.reason, payload=dumps(told))
