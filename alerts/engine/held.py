"""Where every alert of a rule stands, with what hangs on it: as stored, or as it was before some past window."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alerts.delivery.mute import REMEMBERED
from alerts.engine.run import Held
from alerts.evidence import TRAIL
from alerts.rule import Rule
from alerts.state import LIVE, Alert
from store import alerts, incidents
from store.connection import Store
from store.model import Window


def held_now(store: Store, rule: Rule, stored: Mapping[str, alerts.Instance], first: datetime) -> dict[str, Held]:
    """Every alert of the rule as the last evaluation left it."""
    trails = _trails(store, rule, first)
    changes = incidents.changes(store, rule.id, first - REMEMBERED)
    peaks = {one.slice: incidents.peak(store, one.incident_id) for one in stored.values() if one.incident_id}
    return {
        key: Held(
            alert=alert_of(one, one.last_window_end), incident_id=one.incident_id, last_sent_at=one.last_sent_at,
            peak=peaks.get(key), trail=trails.get(key, ()), changes=changes.get(key, ()),
        )
        for key, one in stored.items()
    }  # fmt: skip


def held_as_of(store: Store, rule: Rule, stored: Mapping[str, alerts.Instance], first: datetime) -> dict[str, Held]:
    """Every alert as it stood before the window that ended at `first`."""
    trails = _trails(store, rule, first)
    found = {}
    for row in alerts.as_of(store, rule.id, first - timedelta(microseconds=1)):
        live = row.state in LIVE
        known = incidents.covering_incident(store, rule.id, row.slice, row.window_end, timedelta(0)) if live else None
        same = row.slice in stored and stored[row.slice].incident_id == known
        sent = stored[row.slice].last_sent_at if same else row.fired_at
        found[row.slice] = Held(
            alert=alert_of(row, row.window_end), incident_id=known, last_sent_at=sent if known else None,
            peak=incidents.peak(store, known) if known else None, trail=trails.get(row.slice, ()),
        )  # fmt: skip
    return found


def _trails(store: Store, rule: Rule, first: datetime) -> dict[str, list[float | None]]:
    window = Window(start=first - 4 * TRAIL * rule.every, end=first - timedelta(microseconds=1))
    return alerts.trails(store, rule.id, window, TRAIL)


def alert_of(row: alerts.Instance | alerts.Evaluated, end: datetime) -> Alert:
    """The alert as a row of the store has it."""
    return Alert(
        state=row.state, health=row.health, active_at=row.active_at, fired_at=row.fired_at,
        keep_firing_since=row.keep_firing_since, unknown_since=row.unknown_since, last_window_end=end,
        missing=row.missing, passed=row.passed,
    )  # fmt: skip
