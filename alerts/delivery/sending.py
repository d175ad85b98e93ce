"""One message to one channel: what it says at this moment, one attempt, and how long to wait after it."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random

from alerts.channel import Configured, Letter, Receipt
from alerts.delivery.secrets import masked
from alerts.engine.course import Course, course
from alerts.notification import OVER, UP, Notification
from alerts.settings import AlertSettings
from store import threads
from store.alerts import slice_key
from store.connection import Store
from store.duration import words
from store.errors import DeliveryError, LeewayError
from store.outbox import Attempt

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 600.0
FIRST_BUSY_WAIT_S, TOO_MANY = 30.0, 429
LONGEST_ASKED_S = 3600.0  # who asks for more has made a mistake

Answer = Callable[[int], str]


def letter(
    store: Store, channel: Configured, told: Notification, settings: AlertSettings, *, answer: Answer | None,
    now: datetime,
) -> Letter:  # fmt: skip
    """Address a notification to a channel. `answer` makes the link by which its incident can be answered."""
    late = now - told.at
    delayed = f"by {words(late)}" if late > settings.max_alert_age else told.delayed
    links = dict(told.links)
    if answer and told.incident_id is not None and told.reason in UP:
        links["silence"] = answer(told.incident_id)
    begun = threads.thread(store, channel.name, told.incident_id) if told.incident_id is not None else None
    drawn = channel.channel.draws and told.since is not None and told.reason in (*UP, *OVER)
    return Letter(
        told=replace(told, sent_at=now, delayed=delayed, links=links), channel=channel.name, thread=begun,
        course=_course(store, told, now) if drawn else None,
    )  # fmt: skip


def _course(store: Store, told: Notification, now: datetime) -> Course | None:
    """The numbers for a chart, up to now while it fires; a message without one is better than none."""
    assert told.since is not None  # noqa: S101 - asked for above
    key, ended = slice_key(tuple(told.slice.items())), told.at if told.over else max(told.at, now)
    try:
        return course(store, told.rule_id, key, title=told.title, unit=told.unit, begun=told.since, ended=ended)
    except LeewayError as error:
        log.warning("no chart for rule %s: %s", told.rule_id, error)
        return None


def attempted(
    channel: Configured, sent: Letter, notification_id: int, attempt: int, now: datetime
) -> tuple[Attempt, Receipt, DeliveryError | None]:
    """Try once, and return how it went. No secret stands in what is said of it."""
    began = time.perf_counter()
    receipt, failure = Receipt(), None
    try:
        receipt = channel.send(sent)
    except DeliveryError as error:
        failure = error
    except Exception as error:  # a channel's bug must not keep the others from being told
        log.exception("channel %s failed", channel.name)
        failure = DeliveryError(f"{type(error).__name__} in channel {channel.name!r}; see the log", permanent=False)
    return Attempt(
        notification_id=notification_id, channel=channel.name, attempt=attempt, attempted_at=now,
        duration_ms=1000 * (time.perf_counter() - began), ok=failure is None,
        status_code=failure.status_code if failure else receipt.status_code,
        error=masked(str(failure)) if failure else receipt.note,
    ), receipt, failure  # fmt: skip


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
