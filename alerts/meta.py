"""Leeway's alerts about itself. They cannot be changed, paused or muted; a silence must name them.

The states, incidents and messages are those of every alert; there is no rule to edit and no window: each sign is read
when it is looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.delivery.mute import named
from alerts.engine.held import alert_of
from alerts.messages.links import page_link
from alerts.notification import Notification, Reason, dumps
from alerts.settings import AlertSettings
from alerts.state import Alert, Timing, event, step
from store import alerts, incidents, outbox, silences
from store.alerting import Severity
from store.alerts import Instance
from store.connection import Store, Transaction
from store.incidents import Incident

EVERYTHING = "{}"
KEEP = timedelta(minutes=10)
METRIC = "leeway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that may be wrong with Leeway. `breached` None: it cannot be told now. `why` is a half-sentence."""

    name: str
    title: str
    breached: bool | None
    why: str
    page: str = "alerts"
    hold: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A sign, where its alert stood, and where it stands now."""

    sign: Sign
    stored: Instance | None
    before: Alert
    after: Alert


def watch(
    store: Store, signs: Sequence[Sign], *, settings: AlertSettings, channels: Sequence[str], now: datetime
) -> dict[str, int]:
    """Step the alert of each sign, and tell what there is to tell; return counts of signs, fired and resolved."""
    told = tuple(channels) if settings.channels is None else settings.channels
    muted = silences.silences_between(store, now, now)
    looks = [_looked(store, sign, now) for sign in signs]
    events = [event(look.before, look.after) for look in looks]
    with store.transaction() as tx:
        for look, what in zip(looks, events, strict=True):
            channels_now = () if named(muted, look.sign.name, now) else told
            _kept(tx, store, look, what, settings=settings, channels=channels_now, now=now)
    return {"signs": len(looks), "fired": events.count("fired"), "resolved": events.count("resolved")}


def _looked(store: Store, sign: Sign, now: datetime) -> _Look:
    stored = next(iter(alerts.instances(store, sign.name)), None)
    before = alert_of(stored, stored.last_window_end) if stored else Alert()
    timing = Timing(hold=sign.hold, keep=KEEP)
    return _Look(
        sign=sign, stored=stored, before=before, after=step(before, breached=sign.breached, at=now, timing=timing)
    )


def _kept(
    tx: Transaction, store: Store, look: _Look, what: str | None, *, settings: AlertSettings,
    channels: Sequence[str], now: datetime,
) -> None:  # fmt: skip
    incident_id = look.stored.incident_id if look.stored else None
    last_sent_at = look.stored.last_sent_at if look.stored else None
    reason: Reason | None = None
    if what == "fired":
        incident_id, reason = incidents.next_incident_id(store), "fired"
        incidents.open_incident(tx, _incident(look, incident_id, settings, now))
    elif what == "resolved" and incident_id is not None:
        incidents.close_incident(tx, incident_id, at=now, reason="recovered")
        reason = "resolved" if last_sent_at else None
    elif look.after.live and (last_sent_at is None or now - last_sent_at >= settings.repeat(Severity.CRITICAL)):
        reason = "repeat" if last_sent_at else "fired"
    if reason is not None and channels:
        _queued(tx, _told(look, reason, incident_id, settings, now), channels, now)
        last_sent_at = now
    if what == "resolved":
        incident_id, last_sent_at = None, None
    alerts.put_instances(tx, [_instance(look, incident_id, last_sent_at, now)])


def _queued(tx: Transaction, told: Notification, channels: Sequence[str], now: datetime) -> None:
    for channel in channels:
        message = outbox.Queued(channel=channel, incident_id=told.incident_id, reason=told.reason, payload=dumps(told))
        outbox.queue(tx, message, now=now)


def _told(look: _Look, reason: Reason, incident_id: int | None, settings: AlertSettings, now: datetime) -> Notification:
    since = (look.after if look.after.live else look.before).active_at
    links: Mapping[str, str] = {"page": page_link(settings.base_url, look.sign.page)}
    return Notification(
        reason=reason, rule_id=look.sign.name, title=look.sign.title, severity=Severity.CRITICAL.value, at=now,
        metric=METRIC, incident_id=incident_id, since=since, fired_at=look.after.fired_at, why=look.sign.why,
        links=dict(links),
    )  # fmt: skip


def _incident(look: _Look, incident_id: int, settings: AlertSettings, now: datetime) -> Incident:
    return Incident(
        incident_id=incident_id, rule_id=look.sign.name, slice=EVERYTHING, severity=Severity.CRITICAL,
        title=look.sign.title, opened_at=look.after.active_at or now, fired_at=now, peak_value=None, last_value=None,
        threshold=None, baseline=None, unit="", reason=look.sign.why,
        evidence=dumps(_told(look, "fired", incident_id, settings, now)),
    )  # fmt: skip


def _instance(look: _Look, incident_id: int | None, last_sent_at: datetime | None, now: datetime) -> Instance:
    alert = look.after
    return Instance(
        rule_id=look.sign.name, slice=EVERYTHING, state=alert.state, health=alert.health, last_window_end=now,
        active_at=alert.active_at, fired_at=alert.fired_at, keep_firing_since=alert.keep_firing_since,
        unknown_since=alert.unknown_since, incident_id=incident_id, last_sent_at=last_sent_at, why=look.sign.why,
    )  # fmt: skip
