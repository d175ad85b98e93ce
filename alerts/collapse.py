"""After a channel was away: what is over is said once, and a flood becomes a digest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerts.notification import OVER, Notification, dumps, headline, loads
from alerts.settings import AlertSettings
from store import outbox
from store.connection import Store

MOST_WAITING = 20
LISTED = 20


def collapsed(store: Store, channel: str, settings: AlertSettings, *, now: datetime) -> list[outbox.Waiting]:
    """Return a channel's rows as they are to be sent, after folding them in the outbox."""
    rows = outbox.waiting(store, channel)
    if all(row.next_attempt_at > now for row in rows):
        return rows
    if _fold_pairs(store, rows, now):
        rows = outbox.waiting(store, channel)
    if len(rows) > MOST_WAITING:
        _digest(store, rows, settings, now)
        rows = outbox.waiting(store, channel)
    return rows


def _fold_pairs(store: Store, rows: Sequence[outbox.Waiting], now: datetime) -> bool:
    """An incident that began and ended while nothing could be sent is one message, not two."""
    by_incident: dict[int, list[outbox.Waiting]] = {}
    for row in rows:
        if row.incident_id is not None:
            by_incident.setdefault(row.incident_id, []).append(row)
    pairs = [group for group in by_incident.values() if group[0].reason == "fired" and group[-1].reason in OVER[:1]]
    if not pairs:
        return False
    with store.transaction() as tx:
        for group in pairs:
            told = replace(loads(group[-1].payload), reason="fired_and_resolved", who=loads(group[0].payload).who)
            for row in group:
                outbox.mark(tx, row.notification_id, "suppressed", error="over before it could be sent: told in one")
            queued = outbox.Queued(
                channel=group[0].channel, incident_id=group[0].incident_id, reason=told.reason, payload=dumps(told)
            )
            outbox.queue(tx, queued, now=now)
    return True


def _digest(store: Store, rows: Sequence[outbox.Waiting], settings: AlertSettings, now: datetime) -> None:
    told = digest([loads(row.payload) for row in rows], settings, now)
    with store.transaction() as tx:
        for row in rows:
            outbox.mark(tx, row.notification_id, "suppressed", error="told in a digest")
        queued = outbox.Queued(channel=rows[0].channel, incident_id=None, reason="digest", payload=dumps(told))
        outbox.queue(tx, queued, now=now)


def digest(told: Sequence[Notification], settings: AlertSettings, now: datetime) -> Notification:
    """Many messages as one: how many of what, the first lines, and where to read on."""
    counts: Mapping[str, int] = Counter(one.reason.replace("_", " ") for one in told)
    summed = ", ".join(f"{n} {reason}" for reason, n in counts.items())
    worst = "critical" if any(one.severity == "critical" for one in told) else "warning"
    return Notification(
        reason="digest", rule_id="digest", title=f"{len(told)} messages were waiting", severity=worst, at=now,
        now_text=summed, why="more than 20 messages waited for this channel",
        others=tuple(headline(one) for one in told[:LISTED]) + ("…",) * (len(told) > LISTED),
        links={"incident": f"{settings.base_url.rstrip('/')}/alerts"},
    )  # fmt: skip
