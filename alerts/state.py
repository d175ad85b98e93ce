"""The life of one alert: inactive, pending, firing, recovering, and its health beside it. Pure.

    inactive ── breached ──► pending ── `for` is over ──► firing ── not breached ──► recovering
        ▲ ◄── not breached ────┘ (silent)                   ▲ ◄──── breached ───────────┘ │
        └──────────────────────── resolved ─────────────────┴── `keep_firing_for` is over ┘

Times are window ends, not the clock: an evaluation that runs late or twice gives the same life. A condition has three
values; unknown never ends a firing alert.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from store.alerting import Health, State

OUTAGE = timedelta(hours=1)  # longer gaps between evaluations start a pending alert anew: nobody saw the breach last
LIVE = (State.FIRING, State.RECOVERING)

Event = Literal["fired", "escalated", "resolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule for one slice.

    `active_at`: the window end at which the breach began; `missing`: evaluations in a row in which this slice was
    absent while others reported; `passed`: a bit for each of several steps that this breach has gone past.
    """

    state: State = State.INACTIVE
    health: Health = Health.OK
    active_at: datetime | None = None
    fired_at: datetime | None = None
    keep_firing_since: datetime | None = None
    unknown_since: datetime | None = None
    last_window_end: datetime | None = None
    missing: int = 0
    passed: int = 0

    @property
    def live(self) -> bool:
        """Whether people have been told that it fires."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """`hold` is the rule's `for`, `keep` its `keep_firing_for`; `silence`: unknown for so long is `no_data`."""

    hold: timedelta = timedelta(0)
    keep: timedelta = timedelta(0)
    silence: timedelta = timedelta(hours=3)
    no_data: Literal["keep", "alert", "ok"] = "keep"


def step(
    alert: Alert, *, breached: bool | None, at: datetime, timing: Timing, cause: Health = Health.OK, passed: int = 0
) -> Alert:
    """Return the alert after the evaluation of the window that ended `at`. A window seen before changes nothing.

    `cause` is why the condition is unknown; `passed` are the steps that are behind us now.
    """
    if alert.last_window_end is not None and at <= alert.last_window_end:
        return alert
    seen = _seen(alert, breached, at, timing, cause)
    moved = _moved(_restarted(seen, at), _condition(seen, breached, at, timing), at, timing)
    return replace(moved, last_window_end=at, passed=moved.passed | passed if moved.live else 0)


def event(before: Alert, after: Alert) -> Event | None:
    """What there is to tell of a step."""
    if before.live == after.live:
        return "escalated" if after.passed & ~before.passed else None
    return "fired" if after.live else "resolved"


def ended(alert: Alert) -> Alert:
    """The alert at rest: nothing of its last breach is left."""
    return replace(alert, state=State.INACTIVE, active_at=None, fired_at=None, keep_firing_since=None, passed=0)


def _seen(alert: Alert, breached: bool | None, at: datetime, timing: Timing, cause: Health) -> Alert:
    if breached is not None:
        return replace(alert, health=Health.OK, unknown_since=None)
    since = alert.unknown_since or at
    quiet = cause is Health.NO_DATA and at - since < timing.silence
    return replace(alert, health=alert.health if quiet else cause, unknown_since=since)


def _condition(alert: Alert, breached: bool | None, at: datetime, timing: Timing) -> bool | None:
    """The rule's own choice of what silence means counts once it has lasted; an error is never an answer."""
    if breached is not None or timing.no_data == "keep" or alert.health is not Health.NO_DATA:
        return breached
    return timing.no_data == "alert" if alert.unknown_since and at - alert.unknown_since >= timing.silence else None


def _restarted(alert: Alert, at: datetime) -> Alert:
    asleep = alert.last_window_end is not None and at - alert.last_window_end > OUTAGE
    return replace(alert, active_at=at) if asleep and alert.state is State.PENDING else alert


def _moved(alert: Alert, condition: bool | None, at: datetime, timing: Timing) -> Alert:
    if condition is None:
        return alert
    return _breached(alert, at, timing) if condition else _cleared(alert, at, timing)


def _breached(alert: Alert, at: datetime, timing: Timing) -> Alert:
    if alert.live:
        return replace(alert, state=State.FIRING, keep_firing_since=None)
    since = alert.active_at or at
    if at - since >= timing.hold:
        return replace(alert, state=State.FIRING, active_at=since, fired_at=at)
    return replace(alert, state=State.PENDING, active_at=since)


def _cleared(alert: Alert, at: datetime, timing: Timing) -> Alert:
    if not alert.live:
        return ended(alert)
    since = alert.keep_firing_since or at
    if at - since >= timing.keep:
        return ended(alert)
    return replace(alert, state=State.RECOVERING, keep_firing_since=since)
