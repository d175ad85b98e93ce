"""One rule over some windows, oldest first: what is to be written and told. The same for live and for a replay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.condition import kinds
from alerts.delivery.mute import QUIET, flap, flapping, silenced, too_old
from alerts.engine.advance import Step, advance
from alerts.engine.numbers import Numbers
from alerts.evidence import TRAIL, Story, Witnesses, notification
from alerts.notification import Notification, Reason, dumps, loads
from alerts.rule import MetricInfo, Rule
from alerts.rules.mute_timing import muted
from alerts.settings import AlertSettings
from alerts.state import Alert
from store.alerting import Health
from store.alerts import Evaluated, Instance
from store.duration import words
from store.incidents import Incident
from store.outbox import Queued
from store.silences import Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An alert with what hangs on it.

    `last_sent_at` None: nobody knows of its incident. `changes`: when it fired and resolved of late, oldest first.
    """

    alert: Alert = field(default_factory=Alert)
    incident_id: int | None = None
    last_sent_at: datetime | None = None
    peak: float | None = None
    trail: Sequence[float | None] = ()
    changes: Sequence[datetime] = ()
    last: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    incident_id: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a run works with.

    `late`: the windows were seen before and are being rewritten. Then `covering(key, at)` finds the incident that
    history already has for a moment, and `over(incident)` says whether its end has been told. `recall(incident)` is
    what was told first of one that began before.
    `acknowledged`: incidents that somebody looks after; they are not repeated.
    """

    rule: Rule
    metric: MetricInfo
    settings: AlertSettings
    channels: tuple[str, ...]
    numbers: Numbers
    now: datetime
    new_id: Callable[[], int]
    witnesses: Witnesses = field(default_factory=Witnesses)
    silences: Sequence[Silence] = ()
    acknowledged: frozenset[int] = frozenset()
    covering: Callable[[str, datetime], int | None] = lambda _key, _at: None
    over: Callable[[int], bool] = lambda _incident_id: False
    recall: Callable[[int], Notification | None] = lambda _incident_id: None
    late: bool = False


FLAPS = f"it comes and goes: nothing more is said until it stays as it is for {words(QUIET)}"


class Run:
    """Goes through windows and collects: `held` is where every alert stands, the lists are what is new."""

    def __init__(self, bench: Bench, held: Mapping[str, Held]) -> None:
        self.bench = bench
        self.held = dict(held)
        self.evaluations: list[Evaluated] = []
        self.opened: list[Incident] = []
        self.closed: list[Closed] = []
        self.queued: list[Queued] = []
        self.dropped: set[str] = set()
        self.health = Health.OK
        self.note: str | None = None

    def window(self, end: datetime) -> None:
        """Evaluate the window that ends at `end`."""
        bench = self.bench
        alerts = {key: held.alert for key, held in self.held.items()}
        advanced = advance(bench.rule, bench.metric, alerts, end, numbers=bench.numbers, most=bench.settings.max_slices)
        self.health = Health.ERROR if advanced.error else Health.OK
        shared = f"{advanced.further} slices beyond {bench.settings.max_slices} share one alert"
        self.note = advanced.error or (shared if advanced.further else None)
        for step in advanced.steps:
            self.book(step)

    def book(self, step: Step) -> None:
        """Keep what a step means: an incident that opens or ends, a message, a row of history."""
        held = self.held.get(step.key, Held())
        if step.event == "fired":
            held = self._fired(held, step)
        elif step.event == "resolved":
            held = self._resolved(held, step)
        elif step.event == "escalated":
            held = self._tell(held, step, self._notification(held, step, "worse"))
        elif step.after.live:
            held = self._goes_on(held, step)
        if self.bench.rule.notify_no_data and _fell_silent(step):
            self._tell(held, step, self._notification(held, step, "no_data"))
        trail = [*held.trail, step.verdict.value][-TRAIL:]
        self.evaluations.append(_evaluated(self.bench.rule, step, late=self.bench.late))
        if step.gone:
            self.held.pop(step.key, None)
            self.dropped.add(step.key)
            return
        self.dropped.discard(step.key)
        self.held[step.key] = replace(held, alert=step.after, trail=trail, last=step)

    def _fired(self, held: Held, step: Step) -> Held:
        known = self.bench.covering(step.key, step.end) if self.bench.late else None
        incident_id = known if known is not None else self.bench.new_id()
        peak = step.verdict.value
        held = replace(held, incident_id=incident_id, peak=peak, last_sent_at=None, changes=[*held.changes, step.end])
        told = self._notification(held, step, "fired")
        if known is not None:
            return replace(held, last_sent_at=step.end)
        self.opened.append(_incident(self.bench, step, told))
        return self._tell(held, step, told)

    def _resolved(self, held: Held, step: Step) -> Held:
        held = replace(held, changes=[*held.changes, step.end])
        if held.incident_id is None or (self.bench.late and self.bench.over(held.incident_id)):
            return replace(held, incident_id=None, last_sent_at=None, peak=None)
        periodic = kinds()[self.bench.rule.kind].periodic
        reason = "missing_series" if step.gone else "period_over" if periodic else "recovered"
        self.closed.append(Closed(incident_id=held.incident_id, at=step.end, reason=reason))
        if held.last_sent_at is not None and reason != "period_over":
            told = self._notification(held, step, "closed" if step.gone else "resolved")
            held = self._tell(held, step, self._with_what_it_was(told))
        return replace(held, incident_id=None, last_sent_at=None, peak=None)

    def _with_what_it_was(self, told: Notification) -> Notification:
        """Who was behind it and whom it concerned stands in what was told first."""
        opened = (loads(one.evidence) for one in self.opened if one.incident_id == told.incident_id)
        first = next(opened, None) or self.bench.recall(told.incident_id or 0)
        return replace(told, who=first.who, affected=first.affected) if first else told

    def _goes_on(self, held: Held, step: Step) -> Held:
        held = replace(held, peak=self._peak(held.peak, step.verdict.value))
        if not self._reminder_due(held, step):
            return held
        reason: Reason = "fired" if held.last_sent_at is None else "repeat"
        self._queue(self._notification(held, step, reason), None)
        return replace(held, last_sent_at=step.end)

    def _peak(self, peak: float | None, value: float | None) -> float | None:
        if peak is None or value is None:
            return value if peak is None else peak
        return max(peak, value) if self.bench.rule.rising else min(peak, value)

    def _reminder_due(self, held: Held, step: Step) -> bool:
        """After a while, and at once when a silence or an old backlog kept the first message back."""
        bench = self.bench
        if held.incident_id in bench.acknowledged or step.verdict.breached is not True or bench.late:
            return False
        if self._muted(step) is not None or flapping(held.changes, step.end):
            return False
        last = held.last_sent_at
        return last is None or step.end - last >= bench.settings.repeat(bench.rule.severity)

    def _muted(self, step: Step) -> str | None:
        bench = self.bench
        old = too_old(step.end, bench.now, bench.settings.max_alert_age)
        timing = muted(bench.rule.mute, bench.rule.time_zone, step.end)
        return old or silenced(bench.silences, bench.rule.id, step.key, step.end) or timing

    def _tell(self, held: Held, step: Step, told: Notification) -> Held:
        muted = self._muted(step)
        flaps = flap(held.changes)
        if muted is None and flaps == "holds":
            muted = "flapping: silent until nothing changes for 2 h"
        if muted is None and flaps == "begins":
            told = replace(told, reason="flapping", why=f"{told.why}; {FLAPS}")
        self._queue(told, muted)
        return held if muted else replace(held, last_sent_at=step.end)

    def _notification(self, held: Held, step: Step, reason: Reason) -> Notification:
        bench = self.bench
        story = Story(incident_id=held.incident_id, trail=held.trail, peak=held.peak)
        base_url, asked = bench.settings.base_url, bench.witnesses
        return notification(bench.rule, bench.metric, step, reason, story=story, base_url=base_url, witnesses=asked)

    def _queue(self, one: Notification, muted: str | None) -> None:
        for channel in self.bench.rule.channels or self.bench.channels:
            self.queued.append(
                Queued(channel=channel, incident_id=one.incident_id, reason=one.reason, payload=dumps(one), muted=muted)
            )

    def instances(self) -> list[Instance]:
        """Every alert as it is stored."""
        return [_instance(self.bench.rule, key, held) for key, held in self.held.items() if held.last is not None]


def _fell_silent(step: Step) -> bool:
    return step.after.health is Health.NO_DATA and step.before.health is not Health.NO_DATA


def _evaluated(rule: Rule, step: Step, *, late: bool) -> Evaluated:
    after, verdict = step.after, step.verdict
    return Evaluated(
        rule_id=rule.id, slice=step.key, window_end=step.end, value=verdict.value, baseline=verdict.baseline,
        threshold=verdict.threshold, n=verdict.n, breached=verdict.breached, state=after.state, health=after.health,
        active_at=after.active_at, fired_at=after.fired_at, keep_firing_since=after.keep_firing_since,
        unknown_since=after.unknown_since, missing=after.missing, passed=after.passed, late=late,
    )  # fmt: skip


def _instance(rule: Rule, key: str, held: Held) -> Instance:
    alert, verdict, end = held.alert, held.last.verdict if held.last else None, alert_end(held)
    return Instance(
        rule_id=rule.id, slice=key, state=alert.state, health=alert.health, last_window_end=end,
        active_at=alert.active_at, fired_at=alert.fired_at, keep_firing_since=alert.keep_firing_since,
        unknown_since=alert.unknown_since, missing=alert.missing, passed=alert.passed, incident_id=held.incident_id,
        last_sent_at=held.last_sent_at, value=verdict.value if verdict else None,
        baseline=verdict.baseline if verdict else None, threshold=verdict.threshold if verdict else None,
        n=verdict.n if verdict else 0, why=verdict.why if verdict else "",
    )  # fmt: skip


def alert_end(held: Held) -> datetime:
    assert held.alert.last_window_end is not None  # noqa: S101 - only evaluated alerts are stored
    return held.alert.last_window_end


def _incident(bench: Bench, step: Step, told: Notification) -> Incident:
    return Incident(
        incident_id=told.incident_id or 0, rule_id=bench.rule.id, slice=step.key, severity=bench.rule.severity,
        title=told.title, opened_at=step.after.active_at or step.end, fired_at=step.end, peak_value=step.verdict.value,
        last_value=step.verdict.value, threshold=step.verdict.threshold, baseline=step.verdict.baseline,
        unit=bench.metric.unit, reason=step.verdict.why, evidence=dumps(told), late=bench.late,
    )  # fmt: skip
