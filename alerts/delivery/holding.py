"""Keep back what nobody needs to hear now, without forgetting it: inhibited or silenced after it was written.

A message that is held goes out, with today's numbers, when its reason to wait is gone and its alert is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from alerts.delivery.attention import as_it_stands
from alerts.delivery.inhibition import Inhibition, Standing, inhibited
from alerts.delivery.mute import silenced
from alerts.meta import METRIC as ITSELF
from alerts.notification import OVER, UP, dumps, loads
from store import incidents, outbox, silences
from store.alerts import slice_key
from store.connection import Store, Transaction
from store.outbox import Waiting
from store.silences import Silence

SOON_OVER = "over before anybody had to know"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """What stands at this moment; `up` by incident."""

    at: datetime
    up: Mapping[int, Mapping[str, Any]]
    standing: Sequence[Standing]
    silences: Sequence[Silence]
    inhibitions: Sequence[Inhibition]


def hold(store: Store, inhibitions: Sequence[Inhibition], *, now: datetime) -> None:
    """Hold what has become needless, release what has not, and drop what is over."""
    waiting = [row for name in outbox.waiting_channels(store) for row in outbox.waiting(store, name)]
    held = [row for name in outbox.waiting_channels(store, "held") for row in outbox.waiting(store, name, "held")]
    if not waiting and not held:
        return
    seen = _now(store, inhibitions, now)
    needless = {row.notification_id: why for row in waiting if _early(row) and (why := _why(row, seen))}
    kept = [*held, *(row for row in waiting if row.notification_id in needless)]
    untold = {(row.channel, row.incident_id) for row in kept if not _was_told(store, row)}
    with store.transaction() as tx:
        for row in waiting:
            if row.notification_id in needless:
                outbox.mark(tx, row.notification_id, "held", error=needless[row.notification_id])
            elif row.reason in OVER and (row.channel, row.incident_id) in untold:
                outbox.mark(tx, row.notification_id, "suppressed", error=SOON_OVER)
        for row in kept:
            _reconsider(tx, row, seen)


def _early(row: Waiting) -> bool:
    """Whether nothing has been said of it yet, and what it says may be needless."""
    return row.reason in UP and row.attempts == 0


def _was_told(store: Store, row: Waiting) -> bool:
    return row.incident_id is not None and outbox.was_sent(store, row.channel, row.incident_id)


def _now(store: Store, inhibitions: Sequence[Inhibition], now: datetime) -> _Now:
    rows = incidents.firing(store).to_dicts()
    return _Now(
        at=now,
        up={row["incident_id"]: row for row in rows},
        standing=[_standing(row) for row in rows],
        silences=silences.silences_between(store, now, now),
        inhibitions=inhibitions,
    )


def _standing(row: Mapping[str, Any]) -> Standing:
    told = loads(row["evidence"])
    return Standing(
        incident_id=row["incident_id"], rule_id=row["rule_id"], metric=told.metric, severity=row["severity"],
        title=row["title"], labels=orjson.loads(row["slice"]),
    )  # fmt: skip


def _reconsider(tx: Transaction, row: Waiting, seen: _Now) -> None:
    up = seen.up.get(row.incident_id) if row.incident_id is not None else None
    if up is None:
        outbox.mark(tx, row.notification_id, "suppressed", error=SOON_OVER)
    elif _why(row, seen) is None:
        told = loads(row.payload)
        if up["last_window_end"] is not None:
            told = as_it_stands(told, value=up["value"], n=up["n"] or 0, why=up["why"], at=up["last_window_end"])
        outbox.rewrite(tx, row.notification_id, payload=dumps(told), reason=row.reason)
        outbox.mark(tx, row.notification_id, "waiting")


def _why(row: Waiting, seen: _Now) -> str | None:
    told = loads(row.payload)
    if told.metric == ITSELF:
        return None  # what Leeway says of itself cannot be kept back
    key = slice_key(tuple(told.slice.items()))
    if why := silenced(seen.silences, told.rule_id, key, seen.at):
        return why
    target = Standing(
        incident_id=row.incident_id, rule_id=told.rule_id, metric=told.metric, severity=told.severity,
        title=told.title, labels=told.slice,
    )  # fmt: skip
    return inhibited(target, _others(seen.standing, row), seen.inhibitions)


def _others(standing: Iterable[Standing], row: Waiting) -> Iterable[Standing]:
    return (one for one in standing if one.incident_id != row.incident_id)
