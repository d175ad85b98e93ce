"""Empty the outbox: at least once, in order within an incident, patiently, and loudly when a channel is dead."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from alerts.attention import woken
from alerts.channel import Configured, Letter, Receipt
from alerts.collapse import collapsed
from alerts.course import Course, course
from alerts.grouping import Batch, batches
from alerts.holding import hold
from alerts.inhibition import Inhibition
from alerts.notification import OVER, UP, Notification, dumps, loads
from alerts.secrets import masked
from alerts.settings import AlertSettings
from store import outbox, threads
from store.alerts import slice_key
from store.connection import Store
from store.duration import words
from store.errors import DeliveryError, LeewayError

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 600.0
FIRST_BUSY_WAIT_S, TOO_MANY = 30.0, 429
LONGEST_ASKED_S = 3600.0  # who asks for more has made a mistake
GIVE_UP_AFTER = timedelta(hours=24)
LEASE = timedelta(seconds=60)  # longer than any attempt: while it runs, nobody else takes the row
TURN = timedelta(seconds=20)  # then the other channels' next round must not wait any longer

Answer = Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What one delivery works with. `answer` makes the link by which an incident can be answered from a message."""

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
    inhibitions: Sequence[Inhibition] = (), answer: Answer | None = None, rng: Random | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:  # fmt: skip
    """Send what is due and return counts: sent, failed, dead. Channels do not wait for one another."""
    woken(store, now=clock())
    hold(store, inhibitions, now=clock())
    names = outbox.waiting_channels(store)
    worker = Worker(
        store=store, channels=channels, settings=settings, clock=clock, rng=rng or Random(), sleep=sleep,  # noqa: S311 - jitter
        answer=answer,
    )  # fmt: skip
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
    attempt, _, _ = _attempted(channel, Letter(told=told, channel=channel.name), notification_id, 1, now)
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
    letter = _letter(worker, channel, batch.told)
    tried, receipt, failure = _attempted(channel, letter, row.notification_id, attempt, worker.clock())
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


def _letter(worker: Worker, channel: Configured, told: Notification) -> Letter:
    now = worker.clock()
    late = now - told.at
    delayed = f"by {words(late)}" if late > worker.settings.max_alert_age else told.delayed
    links = dict(told.links)
    if worker.answer and told.incident_id is not None and told.reason in UP:
        links["silence"] = worker.answer(told.incident_id)
    begun = told.incident_id is not None and threads.thread(worker.store, channel.name, told.incident_id)
    drawn = channel.channel.draws and told.since is not None and told.reason in (*UP, *OVER)
    return Letter(
        told=replace(told, sent_at=now, delayed=delayed, links=links), channel=channel.name, thread=begun or None,
        course=_course(worker.store, told) if drawn else None,
    )  # fmt: skip


def _course(store: Store, told: Notification) -> Course | None:
    """The numbers for a chart; a message without one is better than none."""
    assert told.since is not None  # noqa: S101 - asked for above
    key = slice_key(tuple(told.slice.items()))
    try:
        return course(
            store, told.rule_id, key, title=told.title, unit=told.unit, begun=told.since, ended=told.at
        )  # fmt: skip
    except LeewayError as error:
        log.warning("no chart for rule %s: %s", told.rule_id, error)
        return None


def _attempted(
    channel: Configured, letter: Letter, notification_id: int, attempt: int, now: datetime
) -> tuple[outbox.Attempt, Receipt, DeliveryError | None]:
    began = time.perf_counter()
    receipt, failure = Receipt(), None
    try:
        receipt = channel.send(letter)
    except DeliveryError as error:
        failure = error
    except Exception as error:  # a channel's bug must not keep the others from being told
        log.exception("channel %s failed", channel.name)
        failure = DeliveryError(f"{type(error).__name__} in channel {channel.name!r}; see the log", permanent=False)
    return outbox.Attempt(
        notification_id=notification_id, channel=channel.name, attempt=attempt, attempted_at=now,
        duration_ms=1000 * (time.perf_counter() - began), ok=failure is None,
        status_code=failure.status_code if failure else receipt.status_code,
        error=masked(str(failure)) if failure else receipt.note,
    ), receipt, failure  # fmt: skip


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


def wait_s(failure: DeliveryError, attempt: int, rng: Random) -> float:
    """As long as the receiver asked for; else 30 s, 1 min, 2 min … after a 429, and a jittered backoff otherwise."""
    if failure.retry_after is not None:
        return min(failure.retry_after, LONGEST_ASKED_S)
    if failure.status_code == TOO_MANY:
        return min(FIRST_BUSY_WAIT_S * 2.0 ** min(attempt - 1, 20), LONGEST_WAIT_S)
    return backoff_s(attempt, rng)


def backoff_s(attempt: int, rng: Random) -> float:
    """Full jitter: somewhere below 5 s · 2^n, at most 10 min, and never at once."""
    return max(1.0, rng.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 20))))


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
