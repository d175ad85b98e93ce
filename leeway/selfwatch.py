"""What Leeway looks at in itself, minute by minute: the signs of `alerts.meta`. The heartbeat stops with two."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from alerts.meta import Sign
from alerts.rule import Rule
from store import alerts, arrivals, jobs, outbox, rules
from store.duration import words
from store.rules import StoredRule

if TYPE_CHECKING:
    from leeway.runtime import Runtime

LOW_DISK_SHARE = 0.10
SHORTEST_PAUSE = timedelta(minutes=30)
LONGER_THAN_EVER = 1.5  # times the longest pause of the last week
MISSED = 3  # evaluations in a row
FAULT_SHOWN = timedelta(minutes=15)
NEVER_LATE = timedelta(days=3650)
REFUSES = ("dead", "failing")
BLIND = ("leeway-store", "leeway-evaluation")  # with these nobody would hear of anything else


def signs(runtime: "Runtime", now: datetime) -> list[Sign]:
    """Look at everything that can be wrong with Leeway itself."""
    return [_ingest(runtime, now), _evaluation(runtime, now), _channels(runtime), _disk(runtime), _store(runtime, now)]


def alive(found: list[Sign]) -> bool:
    """Whether an outside service may be told that all is well: who sends messages is."""
    return not any(sign.breached for sign in found if sign.name in BLIND)


def _ingest(runtime: "Runtime", now: datetime) -> Sign:
    """Silent for longer than ever in the last week; whoever sends once a night is not missed by day."""
    seen = arrivals.arrivals(runtime.store, now=now)
    breached, why = None, "too little has come in to know what is usual"
    if seen.last_at is not None and seen.longest_pause is not None:
        pause, most = now - seen.last_at, max(SHORTEST_PAUSE, LONGER_THAN_EVER * seen.longest_pause)
        breached = pause > most
        why = f"nothing for {words(pause)}; the longest pause of the last week was {words(seen.longest_pause)}"
    return Sign(name="leeway-ingest", title="No data comes in", breached=breached, why=why, page="data")


def _evaluation(runtime: "Runtime", now: datetime) -> Sign:
    late = ["the job does not run", *_late(runtime, now)] if _stuck(runtime, now) else list(_late(runtime, now))
    why = f"not evaluated for {MISSED} times as long as they say: {', '.join(late[:5])}" if late else "in time"
    return Sign(name="leeway-evaluation", title="Alert rules are evaluated late", breached=bool(late), why=why)


def _stuck(runtime: "Runtime", now: datetime) -> bool:
    last = jobs.last_ok(runtime.store, "rules") or runtime.started_at
    return now - max(last, runtime.started_at) > MISSED * runtime.jobs["rules"].every


def _late(runtime: "Runtime", now: datetime) -> Iterator[str]:
    settings = runtime.alert_settings
    for stored in rules.stored_rules(runtime.store):
        progress = alerts.progress(runtime.store, stored.rule_id)
        if stored.paused or progress is None:
            continue
        every = max(_every(stored), runtime.jobs["rules"].every)
        begun = max(progress.evaluated_until, runtime.started_at)
        if now - begun > MISSED * every + settings.late_offset:
            yield stored.rule_id


def _every(stored: StoredRule) -> timedelta:
    """A rule that cannot be read is not late: that it is in error stands beside it."""
    try:
        return Rule.model_validate(stored.definition).every
    except ValidationError:
        return NEVER_LATE


def _channels(runtime: "Runtime") -> Sign:
    health = outbox.channel_health(runtime.store, list(runtime.channels))
    bad = [
        row for row in health.iter_rows(named=True) if row["health"] in REFUSES and row["channel"] in runtime.channels
    ]
    why = "; ".join(f"{row['channel']} is {row['health']}: {row['error'] or 'no answer'}" for row in bad)
    return Sign(
        name="leeway-channels", title="A channel does not deliver", breached=bool(bad), why=why or "all deliver",
        hold=timedelta(minutes=10),
    )  # fmt: skip


def _disk(runtime: "Runtime") -> Sign:
    disk = shutil.disk_usage(runtime.settings.store.path.parent)
    share = disk.free / disk.total
    why = f"{100 * share:.1f} % of the disk is free ({disk.free / 1e9:.1f} GB)"
    return Sign(
        name="leeway-disk", title="The disk is almost full", breached=share < LOW_DISK_SHARE, why=why, page="data"
    )


def _store(runtime: "Runtime", now: datetime) -> Sign:
    failed_at, journal = runtime.store.failed_at, runtime.journal.failed
    recently = failed_at is not None and now - failed_at < FAULT_SHOWN
    why = "the database failed and was reopened" if recently else "well"
    if journal is not None:
        why = f"the journal cannot be written: {journal}"
    return Sign(
        name="leeway-store", title="The database failed", breached=recently or journal is not None, why=why, page="data"
    )
