"""One window of one rule, for all its slices: measure, judge, step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.condition import CURRENT, Readings, Verdict, absent, kinds
from alerts.engine import further
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
    """One evaluation of one alert. `gone`: its series has vanished while others report.

    `worst`: the slice whose numbers these are, where the alert is one of many slices.
    """

    key: str
    end: datetime
    before: Alert
    after: Alert
    verdict: Verdict
    gone: bool = False
    worst: str | None = None

    @property
    def speaker(self) -> str:
        """The slice whose numbers the verdict gives."""
        return self.worst or self.key

    @property
    def event(self) -> Event | None:
        return event(self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """`further` slices were too many for an alert each; `error` says why nothing could be measured."""

    steps: Sequence[Step]
    further: int = 0
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
    keys, beyond = _slices(rule, alerts, measured, most)
    steps = [_stepped(rule, metric, key, alerts.get(key, Alert()), measured) for key in keys]
    if beyond or further.KEY in alerts:
        steps.append(_rolled_up(rule, metric, beyond, alerts.get(further.KEY, Alert()), measured))
    return Advanced(steps=steps, further=len(beyond))


def _measured(rule: Rule, metric: MetricInfo, end: datetime, numbers: Numbers) -> Measured:
    windows = {
        name: {slice_key(sample.slice): sample for sample in numbers.samples(rule, window)}
        for name, window in kinds()[rule.kind].windows(rule, end).items()
    }
    return Measured(end=end, windows=windows, pasts=numbers.pasts(rule, metric, Window(start=end, end=end)))


def _slices(rule: Rule, alerts: Mapping[str, Alert], measured: Measured, most: int) -> tuple[list[str], list[str]]:
    """The slices with an alert of their own, and the further ones: alerts that are up come first, then the busiest."""
    if not rule.group_by:
        return [slice_key(EVERYTHING)], []
    seen = {key: sample.n for samples in reversed(list(measured.windows.values())) for key, sample in samples.items()}
    own = alerts.keys() - {further.KEY}
    up = [key for key in own if alerts[key].live or alerts[key].active_at is not None]
    rest = sorted((seen.keys() | own) - set(up), key=lambda key: (-seen.get(key, 0), key))
    ordered = [*sorted(up), *rest]
    return sorted(ordered[:most]), ordered[most:]


def _verdict(rule: Rule, metric: MetricInfo, key: str, alert: Alert, measured: Measured) -> Verdict:
    here = Sample(slice=slice_of(key), value=None, n=0)
    samples = {
        name: found[key] if key in found and found[key].n > 0 else absent(rule, metric, here)
        for name, found in measured.windows.items()
    }
    readings = Readings(end=measured.end, samples=samples, past=measured.pasts.get(key), fired_at=alert.fired_at)
    return kinds()[rule.kind].judge(rule, metric, readings, alert.live)


def _stepped(rule: Rule, metric: MetricInfo, key: str, alert: Alert, measured: Measured) -> Step:
    end, verdict = measured.end, _verdict(rule, metric, key, alert, measured)
    missing = alert.missing + 1 if _vanished(rule, key, measured, verdict) else 0
    after = replace(_moved(rule, alert, verdict, end), missing=missing)
    if missing < GONE_AFTER:
        return Step(key=key, end=end, before=alert, after=after, verdict=verdict)
    return Step(key=key, end=end, before=alert, after=ended(after), verdict=verdict, gone=True)


def _moved(rule: Rule, alert: Alert, verdict: Verdict, end: datetime) -> Alert:
    return step(
        alert, breached=verdict.breached, at=end, timing=timing(rule), cause=verdict.cause, passed=verdict.passed
    )


def _rolled_up(rule: Rule, metric: MetricInfo, beyond: Sequence[str], alert: Alert, measured: Measured) -> Step:
    """The one alert of all further slices. It goes when there are none and it is at rest."""
    verdicts = {key: _verdict(rule, metric, key, Alert(), measured) for key in beyond[: further.MOST_JUDGED]}
    verdict, worst = further.rolled_up(rule, metric, verdicts, len(beyond))
    if not beyond and not measured.windows[CURRENT]:
        verdict = replace(verdict, breached=None, cause=Health.NO_DATA)  # no calls at all: nobody can tell
    after = _moved(rule, alert, verdict, measured.end)
    gone = not beyond and not alert.live and after.active_at is None
    return Step(key=further.KEY, end=measured.end, before=alert, after=after, verdict=verdict, gone=gone, worst=worst)


def _vanished(rule: Rule, key: str, measured: Measured, verdict: Verdict) -> bool:
    """Absent while others report, and its absence is no answer to the rule's question."""
    current = measured.windows[CURRENT]
    return bool(rule.group_by and current and key not in current and verdict.breached is None)


def _blind(rule: Rule, key: str, alert: Alert, end: datetime, why: str) -> Step:
    verdict = Verdict(breached=None, value=None, n=0, why=why, cause=Health.ERROR)
    after = step(alert, breached=None, at=end, timing=timing(rule), cause=Health.ERROR)
    return Step(key=key, end=end, before=alert, after=after, verdict=verdict)
