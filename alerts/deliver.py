"""Empty the outbox: at least once, in order within an incident, patiently, and loudly when a channel is dead."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from alerts.channel import Configured, Receipt
from alerts.collapse import collapsed
from alerts.notification import Notification, dumps, loads
from alerts.settings import AlertSettings
from store import outbox
from store.connection import Store
from store.duration import words
from store.errors import DeliveryError

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 600.0
GIVE_UP_AFTER = timedelta(hours=24)
LEASE = timedelta(seconds=60)  # longer than any attempt: while it runs, nobody else takes the row


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one delivery works with."""

    store: Store
    channels: Mapping[str, Configured]
    settings: AlertSettings
    now: datetime
    rng: Random
    sleep: Callable[[float], None]
    counts: Counter[str] = field(default_factory=Counter)


def deliver(
    store: Store, channels: Mapping[str, Configured], settings: AlertSettings, *, now: datetime,
    rng: Random | None = None, sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:  # fmt: skip
    """Send what is due and return counts: sent, failed, dead. Channels do not wait for one another."""
    names = outbox.waiting_channels(store)
    worker = Worker(store=store, channels=channels, settings=settings, now=now, rng=rng or Random(), sleep=sleep)  # noqa: S311 - jitter
    if names:
        with ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="deliver") as pool:
            list(pool.map(lambda name: _emptied(worker, name), names))
    return {"sent": 0, "failed": 0, "dead": 0, **worker.counts}


def test(store: Store, channel: Configured, settings: AlertSettings, *, now: datetime) -> outbox.Attempt:
    """Send a test message now and return how the attempt went; it is a row in the delivery log like any other."""
    told = Notification(
        reason="test", rule_id="test", title="Leeway can reach this channel", severity="info", at=now,
        why="somebody pressed the test button", links={"chart": settings.base_url},
    )  # fmt: skip
    with store.transaction() as tx:
        queued = outbox.Queued(channel=channel.name, incident_id=None, reason="test", payload=dumps(told))
        notification_id = outbox.queue(tx, queued, now=now)
        outbox.mark(tx, notification_id, "sending")
    attempt, _ = _attempted(channel, told, notification_id, 1, now)
    with store.transaction() as tx:
        outbox.note_attempt(tx, attempt)
        outbox.mark(tx, notification_id, "sent" if attempt.ok else "dead", at=now, error=attempt.error)
    return attempt


def _emptied(worker: Worker, name: str) -> None:
    """Send a channel's rows one by one until one fails: then the whole channel waits."""
    rows = collapsed(worker.store, name, worker.settings, now=worker.now)
    blocked: set[int] = set()
    first = True
    for row in rows:
        if row.next_attempt_at > worker.now or row.incident_id in blocked:
            blocked |= {row.incident_id} if row.incident_id is not None else set()
            continue
        if not first:
            worker.sleep(_interval(worker, name))
        first = False
        if not _sent(worker, row):
            return


def _interval(worker: Worker, name: str) -> float:
    return worker.channels[name].settings.min_interval_s if name in worker.channels else 0.0


def _sent(worker: Worker, row: outbox.Waiting) -> bool:
    """Try one row. False: the channel is to be left alone for now."""
    channel = worker.channels.get(row.channel)
    if channel is None:
        _dead(worker, row, f"no channel is named {row.channel!r}: see [channels] in leeway.toml", None)
        return True
    attempt = outbox.claim(worker.store, row, until=worker.now + LEASE)
    if attempt is None:
        return True
    told = _as_sent(loads(row.payload), worker)
    tried, failure = _attempted(channel, told, row.notification_id, attempt, worker.now)
    if failure is None:
        with worker.store.transaction() as tx:
            outbox.note_attempt(tx, tried)
            outbox.mark(tx, row.notification_id, "sent", at=worker.now, error=tried.error)
        worker.counts["sent"] += 1
        return True
    gave_up = worker.now - row.created_at >= GIVE_UP_AFTER
    if failure.permanent or gave_up:
        _dead(worker, row, str(failure) + (" (gave up after 24 h)" if gave_up else ""), tried)
        return True
    _put_off(worker, row, attempt, tried, failure)
    return False


def _as_sent(told: Notification, worker: Worker) -> Notification:
    late = worker.now - told.at
    delayed = f"by {words(late)}" if late > worker.settings.max_alert_age else told.delayed
    return replace(told, sent_at=worker.now, delayed=delayed)


def _attempted(
    channel: Configured, told: Notification, notification_id: int, attempt: int, now: datetime
) -> tuple[outbox.Attempt, DeliveryError | None]:
    began = time.perf_counter()
    receipt, failure = Receipt(), None
    try:
        receipt = channel.send(told)
    except DeliveryError as error:
        failure = error
    except Exception as error:  # a channel's bug must not keep the others from being told
        log.exception("channel %s failed", channel.name)
        failure = DeliveryError(f"{type(error).__name__} in channel {channel.name!r}; see the log", permanent=False)
    return outbox.Attempt(
        notification_id=notification_id, channel=channel.name, attempt=attempt, attempted_at=now,
        duration_ms=1000 * (time.perf_counter() - began), ok=failure is None,
        status_code=failure.status_code if failure else receipt.status_code,
        error=str(failure) if failure else receipt.note,
    ), failure  # fmt: skip


def _put_off(worker: Worker, row: outbox.Waiting, attempt: int, tried: outbox.Attempt, failure: DeliveryError) -> None:
    wait = failure.retry_after if failure.retry_after is not None else backoff_s(attempt, worker.rng)
    until = worker.now + timedelta(seconds=wait)
    with worker.store.transaction() as tx:
        outbox.note_attempt(tx, tried)
        outbox.retry_at(tx, row.notification_id, until, str(failure))
        outbox.defer(tx, row.channel, until)
    worker.counts["failed"] += 1


def backoff_s(attempt: int, rng: Random) -> float:
    """Full jitter: somewhere below 5 s · 2^n, at most 10 min, and never at once."""
    return max(1.0, rng.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 20))))


def _dead(worker: Worker, row: outbox.Waiting, why: str, tried: outbox.Attempt | None) -> None:
    """Give a message up on its channel, loudly, and send it through the fallback if there is one."""
    log.error("channel %s: message %s is not delivered: %s", row.channel, row.notification_id, why)
    with worker.store.transaction() as tx:
        outbox.note_attempt(tx, tried or _not_tried(row, why, worker.now))
        outbox.mark(tx, row.notification_id, "dead", error=why)
        for message in _rescued(worker, row, why):
            outbox.queue(tx, message, now=worker.now)
    worker.counts["dead"] += 1


def _not_tried(row: outbox.Waiting, why: str, now: datetime) -> outbox.Attempt:
    return outbox.Attempt(
        notification_id=row.notification_id, channel=row.channel, attempt=row.attempts + 1, attempted_at=now,
        duration_ms=0.0, ok=False, error=why,
    )  # fmt: skip


def _rescued(worker: Worker, row: outbox.Waiting, why: str) -> Sequence[outbox.Queued]:
    channel = worker.channels.get(row.channel)
    fallback = channel.settings.fallback if channel else None
    told = loads(row.payload)
    if fallback is None or told.rescued_from is not None:
        return ()
    told = replace(told, rescued_from=f"{row.channel}: {why}")
    return [outbox.Queued(channel=fallback, incident_id=row.incident_id, reason=row.reason, payload=dumps(told))]
