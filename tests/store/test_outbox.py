"""The outbox over months."""

from datetime import UTC, datetime, timedelta

from store import outbox
from store.outbox import Attempt, Queued

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def queued(store, at: datetime, status: str) -> int:
    with store.transaction() as tx:
        number = outbox.queue(tx, Queued(channel="ops", incident_id=None, reason="fired", payload="{}"), now=at)
        if status != "waiting":
            tx.execute("UPDATE data.outbox SET status = ? WHERE notification_id = ?", [status, number])
        outbox.note_attempt(
            tx,
            Attempt(
                notification_id=number, channel="ops", attempt=1, attempted_at=at, duration_ms=1.0, ok=True,
                status_code=200, error=None,
            ),
        )  # fmt: skip
    return number


def test_old_messages_are_forgotten_but_none_that_is_still_to_be_told(store):
    for status in ("sent", "dead", "suppressed"):
        queued(store, NOON - 100 * DAY, status)
    kept = {queued(store, NOON - 100 * DAY, "waiting"), queued(store, NOON - 100 * DAY, "held")}
    kept |= {queued(store, NOON - 10 * DAY, "sent")}
    assert outbox.prune(store, before=NOON - 90 * DAY) == 3
    assert set(store.read("SELECT notification_id FROM data.outbox")["notification_id"]) == kept
    assert outbox.deliveries(store).height == 1
