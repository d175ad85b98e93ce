"""What is told together, and when: Alertmanager's group_wait and group_interval, and an end to floods. Pure.

A group's first message waits a moment for others to share it; then the group is left in peace for an interval. When a
channel would get more messages than people read, all that is due becomes one digest.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.notification import OVER, UP, Notification, as_other
from alerts.settings import AlertSettings
from store.outbox import Waiting

ONE_BY_ONE = 3  # more alerts of a group at once share one message
GROUPED = (*UP, *OVER)
URGENT_EVERY = timedelta(minutes=1)

Sent = tuple[Notification, datetime]
Pending = tuple[Waiting, Notification]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One message for one or more rows; the first row carries it."""

    rows: Sequence[Waiting]
    told: Notification


def group_of(told: Notification, names: Sequence[str]) -> tuple[str | None, ...]:
    """What a message shares with others of its group."""
    own = {"rule": told.rule_id, "severity": told.severity}
    return tuple(own[name] if name in own else told.slice.get(name) for name in names)


def batches(
    pending: Sequence[Pending], sent: Sequence[Sent], settings: AlertSettings, *, gathers: bool, now: datetime
) -> list[Batch]:
    """Return what is to be sent now, in order.

    `sent`: what the channel was told within the last `group_interval`. `gathers` False: each alert by itself, at once.
    """
    free = [one for one in pending if not gathers or _alone(*one)]
    grouped = [one for one in pending if gathers and not _alone(*one)]
    ready = [group for group in _groups(grouped, settings).values() if _ready(group, sent, settings, now)]
    told = [batch for group in ready for batch in _shared(group)]
    left = settings.burst - sum(one.reason in (*GROUPED, "digest") for one, _ in sent)
    if len(told) > max(left, 0):
        now_or_later = left > 0 or _urgent(told, sent, now)
        told = [_digest([one for group in ready for one in group], settings, now)] if now_or_later else []
    return sorted([*(Batch(rows=[row], told=one) for row, one in free), *told], key=_order)


def _urgent(told: Sequence[Batch], sent: Sequence[Sent], now: datetime) -> bool:
    """Something critical that fires does not wait behind noise, but for a minute after the last digest."""
    begins = any(one.told.severity == "critical" and one.told.reason in UP for one in told)
    return begins and all(one.reason != "digest" or now >= at + URGENT_EVERY for one, at in sent)


def _order(batch: Batch) -> int:
    return batch.rows[0].notification_id


def _alone(row: Waiting, told: Notification) -> bool:
    """What was tried before is not put together anew; what belongs to no alert waits for nobody."""
    return row.attempts > 0 or told.reason not in GROUPED


def _groups(pending: Sequence[Pending], settings: AlertSettings) -> Mapping[object, list[Pending]]:
    found: dict[object, list[Pending]] = {}
    for row, told in pending:
        found.setdefault(group_of(told, settings.group_by), []).append((row, told))
    return found


def _ready(group: Sequence[Pending], sent: Sequence[Sent], settings: AlertSettings, now: datetime) -> bool:
    row, told = group[0]
    if told.rescued_from is not None:
        return True
    mine = group_of(told, settings.group_by)
    last = max((at for one, at in sent if group_of(one, settings.group_by) == mine), default=None)
    if last is not None:
        return now >= last + settings.group_interval
    return now >= row.created_at + settings.group_wait


def _shared(group: Sequence[Pending]) -> list[Batch]:
    """Of each reason one message, but a few are told one by one: each then has its own evidence."""
    found = []
    for reason in dict.fromkeys(told.reason for _, told in group):
        same = [(row, told) for row, told in group if told.reason == reason]
        if len(same) > ONE_BY_ONE:
            found.append(Batch(rows=[row for row, _ in same], told=_together([told for _, told in same])))
        else:
            found += [Batch(rows=[row], told=told) for row, told in same]
    return found


def _together(told: Sequence[Notification]) -> Notification:
    """The gravest, and of those the one with most calls, speaks for all."""
    first, *rest = sorted(told, key=lambda one: (one.severity != "critical", -one.n, one.incident_id or 0))
    also = [other for one in rest for other in (as_other(one), *one.others)]
    return replace(first, others=(*first.others, *also))


def _digest(pending: Sequence[Pending], settings: AlertSettings, now: datetime) -> Batch:
    """Many messages as one: how many of what, the first lines, and where to read on."""
    told = [one for _, one in sorted(pending, key=lambda one: (one[1].severity != "critical", one[0].notification_id))]
    counts = Counter(one.reason.replace("_", " ") for one in told)
    digest = Notification(
        reason="digest", rule_id="digest", title=f"{len(told)} messages at once", at=now,
        severity="critical" if any(one.severity == "critical" for one in told) else "warning",
        now_text=", ".join(f"{n} {reason}" for reason, n in counts.items()),
        why="more came than people read one by one",
        others=tuple(as_other(one) for one in told), links={"page": f"{settings.base_url.rstrip('/')}/alerts"},
    )  # fmt: skip
    return Batch(rows=sorted((row for row, _ in pending), key=lambda row: row.notification_id), told=digest)
