"""After a channel was away: what was overtaken by what came later is not told any more."""

from collections.abc import Sequence
from dataclasses import replace

from alerts.notification import OVER, UP, Reason, dumps, loads
from store import outbox
from store.connection import Store
from store.outbox import Waiting

IN_ONE = "overtaken before it could be sent: told in one"


def collapsed(store: Store, channel: str) -> list[Waiting]:
    """Return what a channel has to send, after folding each incident's messages into as few as tell it."""
    rows = outbox.waiting(store, channel)
    by_incident: dict[int, list[Waiting]] = {}
    for row in rows:
        if row.incident_id is not None and row.reason in (*UP, *OVER):
            by_incident.setdefault(row.incident_id, []).append(row)
    stale = [group for group in by_incident.values() if len(group) > 1]
    for group in stale:
        _fold(store, group)
    return outbox.waiting(store, channel) if stale else rows


def _fold(store: Store, group: Sequence[Waiting]) -> None:
    """Fired and resolved is one message; of several that say it fires, the first says what the last knows."""
    first, last = group[0], group[-1]
    told = loads(last.payload)
    if first.reason == "fired":
        reason: Reason = "fired_and_resolved" if last.reason in OVER else "fired"
        told = replace(told, reason=reason, who=told.who or loads(first.payload).who)
    with store.transaction() as tx:
        outbox.rewrite(tx, first.notification_id, payload=dumps(told), reason=told.reason)
        for row in group[1:]:
            outbox.mark(tx, row.notification_id, "suppressed", error=IN_ONE)
