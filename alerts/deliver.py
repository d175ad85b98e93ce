"""Empty the outbox: at least once, in order within an incident, patiently, and loudly when a channel is dead."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

from alerts.channel import Configured, Letter, Receipt
from alerts.delivery.attention import woken
from alerts.delivery.collapse import collapsed
from alerts.delivery.grouping import Batch, batches
from alerts.delivery.holding import hold
from alerts.delivery.inhibition import Inhibition
from alerts.delivery.secrets import masked
from alerts.delivery.sending import Answer, attempted, letter, wait_s
from alerts.delivery.turns import Turns
from alerts.notification import Notification, dumps, loads
from alerts.settings import AlertSettings
from store import outbox, threads
from store.connection import Store
from store.errors import DeliveryError

log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(hours=24)
LEASE = timedelta(seconds=60)  # longer than any attempt: while it runs, nobody else takes the row
TURN = timedelta(seconds=20)  # what has come meanwhile may be to be told together with the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one delivery works with."""

    store: Store
    channels: Mapping[str, Configured]
    settings: AlertSettings
    clock: Callable[[], datetime]
    rng: Random
    sleep: Callable[[float], None]
    answer: Answer | None = None
    counts: Counter[str] = field(default_factory=Counter)


def deliver(
    store: Store, channels: Mapping[str, Configured], settings: AlertSettings, *, clock: Callable[[], datetime],
    inhibitions: Sequence[Inhibition] = (), answer: Answer | None = None, turns: Turns | None = None,
    rng: Random | None = None, sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:  # fmt: skip
    """Send what is due and return counts: sent, failed, dead.

    With `turns`, kept from round to round, channels do not wait for one another: what a slow one does is counted no
    more. Without, all are waited for.
    """
    woken(store, now=clock())
    hold(store, inhibitions, now=clock())
    names = outbox.waiting_channels(store)
    worker = Worker(
        store=store, channels=channels, settings=settings, clock=clock, rng=rng or Random(), sleep=sleep,  # noqa: S311 - jitter
        answer=answer,
    )  # fmt: skip
    if turns is not None:
        turns.round(names, partial(_emptied, worker))
    elif names:
        with Turns(None) as alone:
            alone.round(names, partial(_emptied, worker))
    return {"sent": 0, "failed": 0, "dead": 0, **worker.counts}


def test(store: Store, channel: Configured, settings: AlertSettings, *, now: datetime) -> outbox.Attempt:
    """Send a test message now and return how the attempt went; it is a row in the delivery log like any other."""
    told = Notification(
        reason="test", rule_id="test", title="Leeway can reach this channel", severity="info", at=now,
        why="somebody pressed the test button", links={"page": settings.base_url},
    )  # fmt: skip
    with store.transaction() as tx:
        queued = outbox.Queued(channel=channel.name, incident_id=None, reason="test", payload=dumps(told))
        notification_id = outbox.queue(tx, queued, now=now)
        outbox.mark(tx, notification_id, "sending")
    attempt, _, _ = attempted(channel, Letter(told=told, channel=channel.name), notification_id, 1, now)
    with store.transaction() as tx:
        outbox.note_attempt(tx, attempt)
        outbox.mark(tx, notification_id, "sent" if attempt.ok else "dead", at=now, error=attempt.error)
    return attempt


def _emptied(worker: Worker, name: str) -> None:
    """Send what is due on a channel one by one until one fails: then the whole channel waits."""
    began = worker.clock()
    for index, batch in enumerate(_due(worker, name)):
        if worker.clock() - began > TURN:
            return
        if index:
            worker.sleep(worker.channels[name].settings.min_interval_s if name in worker.channels else 0.0)
        if not _sent(worker, batch):
            return


def _due(worker: Worker, name: str) -> list[Batch]:
    """What may go to a channel now, nothing while it was asked to wait: who comes later waits as well."""
    now = worker.clock()
    rows = collapsed(worker.store, name)
    if any(row.attempts > 0 and row.next_attempt_at > now for row in rows):
        return []
    channel = worker.channels.get(name)
    since = outbox.sent_since(worker.store, name, now - worker.settings.group_interval)
    return batches(
        [(row, loads(row.payload)) for row in rows if row.next_attempt_at <= now],
        [(loads(payload), at) for payload, at in since],
        worker.settings,
        gathers=channel.channel.gathers if channel else True,
        now=now,
    )


def _sent(worker: Worker, batch: Batch) -> bool:
    """Try one message. False: the channel is to be left alone for now."""
    row = batch.rows[0]
    channel = worker.channels.get(row.channel)
    _gathered(worker.store, batch)
    if channel is None:
        _dead(worker, batch, f"no channel is named {row.channel!r}: see [channels] in leeway.toml", None)
        return True
    attempt = outbox.claim(worker.store, row, until=worker.clock() + LEASE)
    if attempt is None:
        return True
    now = worker.clock()
    sent = letter(worker.store, channel, batch.told, worker.settings, answer=worker.answer, now=now)
    tried, receipt, failure = attempted(channel, sent, row.notification_id, attempt, now)
    if failure is None:
        _delivered(worker, batch, tried, receipt)
        return True
    gave_up = worker.clock() - row.created_at >= GIVE_UP_AFTER
    if failure.permanent or gave_up:
        _dead(worker, batch, masked(str(failure)) + (" (gave up after 24 h)" if gave_up else ""), tried)
        return True
    _put_off(worker, row, attempt, tried, failure)
    return False


def _gathered(store: Store, batch: Batch) -> None:
    """Before a shared message is sent it stands in the outbox: a crash sends it again, never half of it."""
    first, *rest = batch.rows
    if not rest:
        return
    with store.transaction() as tx:
        outbox.rewrite(tx, first.notification_id, payload=dumps(batch.told), reason=batch.told.reason)
        for row in rest:
            outbox.mark(tx, row.notification_id, "suppressed", error=f"told together: message {first.notification_id}")


def _delivered(worker: Worker, batch: Batch, tried: outbox.Attempt, receipt: Receipt) -> None:
    row = batch.rows[0]
    with worker.store.transaction() as tx:
        outbox.note_attempt(tx, tried)
        outbox.mark(tx, row.notification_id, "sent", at=worker.clock(), error=tried.error)
        if receipt.ref is not None:
            threads.begin_threads(tx, row.channel, batch.told.incidents, receipt.ref)
    worker.counts["sent"] += 1


def _put_off(
    worker: Worker, row: outbox.Waiting, attempt: int, tried: outbox.Attempt, failure: DeliveryError
) -> None:  # fmt: skip
    until = worker.clock() + timedelta(seconds=wait_s(failure, attempt, worker.rng))
    with worker.store.transaction() as tx:
        outbox.note_attempt(tx, tried)
        outbox.retry_at(tx, row.notification_id, until, masked(str(failure)))
    worker.counts["failed"] += 1


def _dead(worker: Worker, batch: Batch, why: str, tried: outbox.Attempt | None) -> None:
    """Give a message up on its channel, loudly, and send it through the fallback if there is one."""
    row, now = batch.rows[0], worker.clock()
    log.error("channel %s: message %s is not delivered: %s", row.channel, row.notification_id, why)
    with worker.store.transaction() as tx:
        outbox.note_attempt(tx, tried or _not_tried(row, why, now))
        outbox.mark(tx, row.notification_id, "dead", error=why)
        for message in _rescued(worker, batch, why):
            outbox.queue(tx, message, now=now)
    worker.counts["dead"] += 1


def _not_tried(row: outbox.Waiting, why: str, now: datetime) -> outbox.Attempt:
    return outbox.Attempt(
        notification_id=row.notification_id, channel=row.channel, attempt=row.attempts + 1, attempted_at=now,
        duration_ms=0.0, ok=False, error=why,
    )  # fmt: skip


def _rescued(worker: Worker, batch: Batch, why: str) -> Sequence[outbox.Queued]:
    row, told = batch.rows[0], batch.told
    channel = worker.channels.get(row.channel)
    fallback = channel.settings.fallback if channel else None
    if fallback is None or told.rescued_from is not None:
        return ()
    told = replace(told, rescued_from=f"{row.channel}: {why}")
    return [outbox.Queued(channel=fallback, incident_id=row.incident_id, reason=told.reason, payload=dumps(told))]
