"""The outbox: what is to be told, written with the state change that causes it; and every attempt to tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from store.connection import Store, Transaction

NEXT_ID_SQL = "SELECT nextval('data.notification_ids')"
QUEUE_SQL = """
    INSERT INTO data.outbox BY NAME SELECT
        $notification_id AS notification_id, $channel AS channel, $incident_id AS incident_id, $reason AS reason,
        $payload AS payload, $status AS status, $created_at AS next_attempt_at, $created_at AS created_at,
        $error AS error
"""
WAITING_SQL = """
    SELECT notification_id, channel, incident_id, reason, payload, attempts, created_at,
        -- What a process that is gone was sending is free again.
        CASE WHEN claimed_by <> $session THEN created_at ELSE next_attempt_at END AS next_attempt_at
    FROM data.outbox WHERE channel = $channel AND status = $status ORDER BY notification_id
"""
SENT_SINCE_SQL = """
    SELECT payload, sent_at FROM data.outbox
    WHERE channel = $channel AND status = 'sent' AND sent_at > $since ORDER BY sent_at
"""
WAS_SENT_SQL = """
    SELECT count(*) FROM data.outbox WHERE channel = $channel AND incident_id = $incident_id AND status = 'sent'
"""
CHANNELS_SQL = "SELECT DISTINCT channel FROM data.outbox WHERE status = $status ORDER BY channel"
# Only one worker gets a row: the attempt is counted and the next one put off before anything is sent.
CLAIM_SQL = """
    UPDATE data.outbox SET attempts = attempts + 1, next_attempt_at = $until, claimed_by = $session
    WHERE notification_id = $notification_id AND status = 'waiting' AND attempts = $attempts
    RETURNING attempts
"""
MARK_SQL = """
    UPDATE data.outbox SET status = $status, sent_at = $sent_at, error = $error, claimed_by = NULL
    WHERE notification_id = $notification_id
"""
REWRITE_SQL = "UPDATE data.outbox SET payload = $payload, reason = $reason WHERE notification_id = $notification_id"
RETRY_AT_SQL = """
    UPDATE data.outbox SET next_attempt_at = $until, error = $error, claimed_by = NULL
    WHERE notification_id = $notification_id
"""
ATTEMPT_SQL = """
    INSERT INTO data.deliveries
    VALUES ($notification_id, $channel, $attempt, $attempted_at, $duration_ms, $ok, $status_code, $error)
"""
MESSAGES_SQL = """
    SELECT o.channel, o.reason, o.status, o.created_at, o.sent_at, o.attempts, o.error FROM data.outbox o
    WHERE o.incident_id = $incident_id ORDER BY o.notification_id
"""
# How the newest message of each incident stands on each channel.
STANDING_SQL = """
    SELECT incident_id, channel, arg_max(status, notification_id) AS status, arg_max(error, notification_id) AS error
    FROM data.outbox WHERE list_contains($incidents, incident_id) GROUP BY ALL ORDER BY incident_id, channel
"""
DELIVERIES_SQL = """
    SELECT d.*, o.reason, o.incident_id, o.status, o.created_at FROM data.deliveries d
    LEFT JOIN data.outbox o USING (notification_id)
    ORDER BY d.attempted_at DESC, d.notification_id DESC LIMIT $limit
"""
HEALTH_SQL = """
    WITH last AS (
        SELECT channel, arg_max(ok, (attempted_at, notification_id, attempt)) AS ok,
            arg_max(error, (attempted_at, notification_id, attempt)) FILTER (NOT ok) AS error,
            max(attempted_at) FILTER (ok) AS last_ok_at, max(attempted_at) AS last_attempt_at
        FROM data.deliveries GROUP BY channel
    ),
    queue AS (
        SELECT channel, count(*) FILTER (status = 'waiting') AS waiting,
            min(created_at) FILTER (status = 'waiting') AS oldest_waiting_at,
            count(*) FILTER (status = 'sent') AS sent,
            arg_max(status, notification_id) FILTER (status IN ('sent', 'dead')) AS last_status
        FROM data.outbox GROUP BY channel
    )
    SELECT channel,
        CASE WHEN last.ok IS NULL THEN 'unused' WHEN last.ok THEN 'ok'
            WHEN queue.last_status = 'dead' THEN 'dead' ELSE 'failing' END AS health,
        coalesce(queue.waiting, 0) AS waiting, queue.oldest_waiting_at, coalesce(queue.sent, 0) AS sent,
        last.last_ok_at, last.last_attempt_at, CASE WHEN NOT last.ok THEN last.error END AS error
    FROM last FULL JOIN queue USING (channel) ORDER BY channel
"""

PRUNE_SQL = """
    DELETE FROM data.outbox WHERE created_at < $before AND status NOT IN ('waiting', 'held') RETURNING notification_id
"""
PRUNE_ATTEMPTS_SQL = "DELETE FROM data.deliveries WHERE attempted_at < $before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message for one channel. `payload` is the notification as JSON; `muted` says why it is not to be sent."""

    channel: str
    incident_id: int | None
    reason: str
    payload: str
    muted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    notification_id: int
    channel: str
    incident_id: int | None
    reason: str
    payload: str
    attempts: int
    next_attempt_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    notification_id: int
    channel: str
    attempt: int
    attempted_at: datetime
    duration_ms: float
    ok: bool
    status_code: int | None = None
    error: str | None = None


def queue(tx: Transaction, message: Queued, *, now: datetime) -> int:
    """Put a message into the outbox and return its id; a muted one is kept with its reason."""
    notification_id = int(tx.one(NEXT_ID_SQL))
    row = {
        "notification_id": notification_id, "channel": message.channel, "incident_id": message.incident_id,
        "reason": message.reason, "payload": message.payload, "created_at": now, "error": message.muted,
        "status": "suppressed" if message.muted else "waiting",
    }  # fmt: skip
    tx.execute(QUEUE_SQL, row)
    return notification_id


def waiting(store: Store, channel: str, status: str = "waiting") -> list[Waiting]:
    """What a channel has not sent yet, in order; status `held`: what is kept back for now."""
    params = {"channel": channel, "status": status, "session": store.session}
    return [Waiting(**row) for row in store.read(WAITING_SQL, params).iter_rows(named=True)]


def waiting_channels(store: Store, status: str = "waiting") -> list[str]:
    return store.read(CHANNELS_SQL, {"status": status})["channel"].to_list()


def sent_since(store: Store, channel: str, since: datetime) -> list[tuple[str, datetime]]:
    """Payload and moment of what a channel has sent since then, oldest first."""
    return list(store.read(SENT_SINCE_SQL, {"channel": channel, "since": since}).iter_rows())


def was_sent(store: Store, channel: str, incident_id: int) -> bool:
    """Whether a channel has told anything of an incident."""
    return bool(store.one(WAS_SENT_SQL, {"channel": channel, "incident_id": incident_id}))


def claim(store: Store, row: Waiting, *, until: datetime) -> int | None:
    """Take a row for sending: the number of this attempt, None when another worker was faster."""
    with store.transaction() as tx:
        params = {
            "notification_id": row.notification_id, "attempts": row.attempts, "until": until, "session": store.session,
        }  # fmt: skip
        attempt = tx.one(CLAIM_SQL, params)
    return int(attempt) if attempt is not None else None


def mark(
    tx: Transaction, notification_id: int, status: str, *, at: datetime | None = None, error: str | None = None
) -> None:
    tx.execute(MARK_SQL, {"notification_id": notification_id, "status": status, "sent_at": at, "error": error})


def rewrite(tx: Transaction, notification_id: int, *, payload: str, reason: str) -> None:
    """Say something else in a message that has not been sent."""
    tx.execute(REWRITE_SQL, {"notification_id": notification_id, "payload": payload, "reason": reason})


def retry_at(tx: Transaction, notification_id: int, until: datetime, error: str) -> None:
    tx.execute(RETRY_AT_SQL, {"notification_id": notification_id, "until": until, "error": error})


def note_attempt(tx: Transaction, attempt: Attempt) -> None:
    tx.execute(ATTEMPT_SQL, {name: getattr(attempt, name) for name in Attempt.__slots__})


def messages(store: Store, incident_id: int) -> pl.DataFrame:
    """What was to be told of an incident, and what became of it."""
    return store.read(MESSAGES_SQL, {"incident_id": incident_id})


def standing(store: Store, incidents: Sequence[int]) -> pl.DataFrame:
    """How the newest message of each incident stands on each channel: incident_id, channel, status, error."""
    return store.read(STANDING_SQL, {"incidents": list(incidents)})


def prune(store: Store, *, before: datetime) -> int:
    """Forget messages that were settled before a moment, and attempts before it; return how many messages."""
    with store.transaction() as tx:
        tx.execute(PRUNE_ATTEMPTS_SQL, {"before": before})
        return len(tx.read(PRUNE_SQL, {"before": before}))


def deliveries(store: Store, limit: int = 200) -> pl.DataFrame:
    """The newest attempts with what they were for."""
    return store.read(DELIVERIES_SQL, {"limit": limit})


def channel_health(store: Store, channels: Sequence[str]) -> pl.DataFrame:
    """One row a channel: health (ok, failing, dead, unused), waiting, oldest_waiting_at, sent, last_ok_at, error."""
    known = store.read(HEALTH_SQL)
    unused = [name for name in channels if name not in set(known["channel"])]
    blank = pl.DataFrame({"channel": unused, "health": ["unused"] * len(unused)}, schema=["channel", "health"])
    blank = blank.with_columns(pl.col("channel", "health").cast(pl.String))
    return pl.concat([known, blank], how="diagonal").with_columns(pl.col("waiting", "sent").fill_null(0))
