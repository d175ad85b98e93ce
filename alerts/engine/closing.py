"""Ends that are no recovery: a rule was changed, paused or deleted, or history turned out otherwise."""

from dataclasses import replace
from datetime import datetime

from alerts.notification import dumps, loads
from store import alerts, incidents, outbox
from store.connection import Store

CLOSED_WORDS = {
    "rule_updated": "closed: the rule was changed", "rule_paused": "closed: the rule was paused",
    "rule_deleted": "closed: the rule was deleted", "late_data": "closed: data that came late shows no breach",
}  # fmt: skip


def farewell(
    store: Store, incident_id: int | None, last_sent_at: datetime | None, reason: str, *, now: datetime
) -> list[outbox.Queued]:
    """One line to those who know of an incident that ends for another reason than recovery."""
    if incident_id is None or last_sent_at is None:
        return []
    evidence = incidents.evidence(store, incident_id)
    told = replace(loads(evidence), reason="closed", at=now, why=CLOSED_WORDS[reason], who=(), examples=())
    return [
        outbox.Queued(channel=channel, incident_id=incident_id, reason="closed", payload=dumps(told))
        for channel in incidents.told_channels(store, incident_id)
    ]


def close_all(store: Store, rule_id: str, reason: str, *, now: datetime) -> None:
    """End everything a rule has under way: it was changed, paused or deleted."""
    under_way = alerts.instances(store, rule_id)
    with store.transaction() as tx:
        for one in under_way:
            for message in farewell(store, one.incident_id, one.last_sent_at, reason, now=now):
                outbox.queue(tx, message, now=now)
            if one.incident_id is not None:
                incidents.close_incident(tx, one.incident_id, at=now, reason=reason)
        alerts.drop_instances(tx, rule_id, [one.slice for one in under_way])
        alerts.drop_progress(tx, rule_id)
