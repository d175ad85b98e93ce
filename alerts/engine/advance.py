"""One window of one rule, for all its slices: measure, judge, step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.condition import CURRENT, Readings, Verdict, absent, kinds
from alerts.engine.numbers import Numbers, Pasts
from alerts.rule import MetricInfo, Rule
from alerts.state import Alert, Event, Timing, ended, event, step
from store.alerting import Health
from store.alerts import slice_key, slice_of
from store.errors import LeewayError
from store.model import Sample, Slice, Window

GONE_AFTER = 2  # evaluations without the slice while others report
EVERYTHING: Slice = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that is known for one window end: by the window's name and the slice's key, and each slice's past."""

    end: datetime
    windows: Mapping[str, Mapping[str, Sample]]
    pasts: Pasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One evaluation of one alert. `gone`: its series has vanished while others report."""

    key: str
    end: datetime
    before: Alert
    after: Alert
    verdict: Verdict
    gone: bool = False

    @property
    def event(self) -> Event | None:
        return event(self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """`left_out` slices were too many; `error` says why nothing could be measured."""

    steps: Sequence[Step]
    left_out: int = 0
    error: str | None = None


def timing(rule: Rule) -> Timing:
    return Timing(hold=rule.hold, keep=rule.keep, silence=rule.silence, no_data=rule.no_data)


def advance(
    rule: Rule, metric: MetricInfo, alerts: Mapping[str, Alert], end: datetime, *, numbers: Numbers, most: int
) -> Advanced:
    """Return each alert's step over the window that ends at `end`. What cannot be measured is unknown, not fine."""
    try:
        measured = _measured(rule, metric, end, numbers)
    except LeewayError as error:
        steps = [_blind(rule, key, alerts[key], end, str(error)) for key in alerts]
        return Advanced(steps=steps, error=str(error))
    keys, left_out = _slices(rule, alerts, measured, most)
    steps = [_stepped(rule, metric, key, alerts.get(key, Alert()), measured) for key in keys]
    return Advanced(steps=steps, left_out=left_out)


def _measured(rule: Rule, metric: MetricInfo, end: datetime, numbers: Numbers) -> Measured:
    windows = {
        name: {slice_key(sample.slice): sample for sample in numbers.samples(rule, window)}
        for name, window in kinds()[rule.kind].windows(rule, end).items()
    }
    return Measured(end=end, windows=windows, pasts=numbers.pasts(rule, metric, Window(start=end, end=end)))


def _slices(rule: Rule, alerts: Mapping[str, Alert], measured: Measured, most: int) -> tuple[list[str], int]:
    """Alerts that are up come first, then the busiest slices; how many were left out is told, never hidden."""
    if not rule.group_by:
        return [slice_key(EVERYTHING)], 0
    seen = {key: sample.n for samples in reversed(list(measured.windows.values())) for key, sample in samples.items()}
    up = [key for key, alert in alerts.items() if alert.live or alert.active_at is not None]
    rest = sorted((seen.keys() | alerts.keys()) - set(up), key=lambda key: (-seen.get(key, 0), key))
    ordered = [*up, *rest]
    return sorted(ordered[:most]), max(0, len(ordered) - most)


def _stepped(rule: Rule, metric: MetricInfo, key: str, alert: Alert, measured: Measured) -> Step:
    end, here = measured.end, Sample(slice=slice_of(key), value=None, n=0)
    samples = {
        name: found[key] if key in found and found[key].n > 0 else absent(rule, metric, here)
        for name, found in measured.windows.items()
    }
    readings = Readings(end=end, samples=samples, past=measured.pasts.get(key), fired_at=alert.fired_at)
    verdict = kinds()[rule.kind].judge(rule, metric, readings, alert.live)
    missing = alert.missing + 1 if _vanished(rule, key, measured, verdict) else 0
    after = step(
        alert, breached=verdict.breached, at=end, timing=timing(rule), cause=verdict.cause, passed=verdict.passed
    )
    after = replace(after, missing=missing)
    if missing < GONE_AFTER:
        return Step(key=key, end=end, before=alert, after=after, verdict=verdict)
    return Step(key=key, end=end, before=alert, after=ended(after), verdict=verdict, gone=True)


def _vanished(rule: Rule, key: str, measured: Measured, verdict: Verdict) -> bool:
    """Absent while others report, and its absence is no answer to the rule's question."""
    current = measured.windows[CURRENT]
    return bool(rule.group_by and current and key not in current and verdict.breached is None)


def _blind(rule: Rule, key: str, alert: Alert, end: datetime, why: str) -> Step:
    verdict = Verdict(breached=None, value=None, n=0, why=why, cause=Health.ERROR)
    after = step(alert, breached=None, at=end, timing=timing(rule), cause=Health.ERROR)
    return Step(key=key, end=end, before=alert, after=after, verdict=verdict)
