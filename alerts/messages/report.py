"""Scheduled reports: what changed since last time and why, what it cost, what is open, how good the answers were.

[[report]]
name = "daily"
every = "day"
at = "08:00"
time_zone = "Europe/Berlin"
channels = "team"
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerts.engine.numbers import Measure
from alerts.evidence import Contributors, telling
from alerts.messages.links import Seen, links
from alerts.messages.wording import amount, number
from alerts.notification import Notification, dumps, scope
from alerts.rule import MetricInfo
from alerts.rules.checked import checked, did_you_mean
from store import incidents, outbox, reports
from store.alerts import slice_of
from store.connection import Store
from store.duration import words
from store.model import Sample, Window

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
METRICS = (
    "calls", "cost_usd", "unpriced_calls", "error_rate", "latency_p95", "toxic_rate", "ungrounded_rate", "refusal_rate",
    "input_drift",
)  # fmt: skip
STALE = timedelta(hours=12)  # a report that is later than this is not sent any more
WEEK = timedelta(days=7)
MOVED = 0.2  # of what it was: less is no news
FEWEST = 30  # calls on both sides: of fewer no change is told
MOST_OPEN, MOST_MODELS = 8, 4
COST = "cost_usd"
OF_WHAT = {"ratio": " what counts as drift"}

Names = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class Report(BaseModel):
    """When it is due, on the clock of `time_zone`, and whom it goes to (none named: to all who are told of alerts)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    every: Literal["day", "week"] = "day"
    at: time = time(8)
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    time_zone: str = "UTC"
    channels: Names = ()
    metrics: Names = METRICS

    @model_validator(mode="after")
    def _knows_its_clock(self) -> Self:
        if self.time_zone not in available_timezones():
            hint = did_you_mean(self.time_zone, available_timezones())
            raise ValueError(f"no time zone is named {self.time_zone!r}{hint}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


DAILY, WEEKLY = Report(name="daily"), Report(name="weekly", every="week")


def report_from(table: Mapping[str, Any], *, where: str) -> Report:
    """Return a `[[report]]` table. Raises ConfigError."""
    return checked(Report, table, f"{where}: report {table.get('name', '')!r}")


def due(report: Report, now: datetime) -> Window:
    """The period of the last report that is due at `now`: from one due moment to the next, in UTC.

    A day with a change of clocks is an hour longer or shorter, and has its report once.
    """
    today = now.astimezone(report.zone).date()
    back = (_moment(report, today - timedelta(days=days)) for days in range(16))
    ends = [at for at in back if at is not None and at <= now][:2]
    return Window(start=ends[1], end=ends[0])


def _moment(report: Report, day: date) -> datetime | None:
    if report.every == "week" and WEEKDAYS[day.weekday()] != report.weekday:
        return None
    return datetime.combine(day, report.at, tzinfo=report.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Whom a report asks."""

    store: Store
    measure: Measure
    metrics: Mapping[str, MetricInfo]
    contributors: Contributors
    base_url: str


def send_due(
    wanted: Sequence[Report], sources: Sources, *, channels: Sequence[str], now: datetime
) -> int:  # fmt: skip
    """Queue each report that is due and has not been sent; return how many."""
    sent = 0
    for report in wanted:
        period = due(report, now)
        if now - period.end < STALE and not reports.was_reported(sources.store, report.name, period.end):
            told = compose(report, period, sources)
            with sources.store.transaction() as tx:
                reports.note_report(tx, report.name, period.end)
                for name in report.channels or channels:
                    outbox.queue(tx, queued(name, told), now=now)
            sent += 1
    return sent


def queued(channel: str, told: Notification) -> outbox.Queued:
    return outbox.Queued(channel=channel, incident_id=None, reason=told.reason, payload=dumps(told))


def compose(report: Report, period: Window, sources: Sources) -> Notification:
    """Return the report of a period."""
    before, named = _reference(report, period, sources)
    zone = report.zone
    span = " – ".join(at.astimezone(zone).strftime("%a %d %b %H:%M") for at in (period.start, period.end))
    numbers = list(_numbers(report, period, before, sources))
    seen = Seen(rule_id="", metric="", window=period, narrowed={}, incident_id=None)
    return Notification(
        reason="report", rule_id=f"report-{report.name}", title=f"{report.name.capitalize()} report", severity="info",
        at=period.end, lines=(
            ("Period", f"{span} {report.time_zone}, against {named}"), *numbers, *_spent_on(report, period, sources),
            *_incidents(sources.store, period),
        ), links=links(sources.base_url, seen),
    )  # fmt: skip


def _reference(report: Report, period: Window, sources: Sources) -> tuple[Window, str]:
    """A day is like the same day of last week; where that had no calls, the time just before is the next best."""
    if report.every == "day":
        same = Window(start=period.start - WEEK, end=period.end - WEEK)
        if _sample(sources, "calls", same).n:
            return same, "the same day last week"
    before = period.before()
    if not _sample(sources, "calls", before).n:
        return before, "nothing: there were no calls before it"
    return before, "the day before" if report.every == "day" else "the week before"


def _sample(sources: Sources, name: str, window: Window) -> Sample:
    found = sources.measure(name, window, {}, ())
    return found[0] if found else Sample(slice=(), value=None, n=0)


def _numbers(report: Report, period: Window, before: Window, sources: Sources) -> Iterator[tuple[str, str]]:
    for name in report.metrics:
        metric = sources.metrics.get(name)
        if metric is None:
            continue
        now, then = _sample(sources, name, period), _sample(sources, name, before)
        if now.value is None or (metric.kind == "total" and not now.value and not then.value):
            continue
        unit = "" if metric.unit == "calls" else metric.unit
        told = amount(now.value, unit) + OF_WHAT.get(unit, "") + _against(now, then, metric, unit)
        yield metric.title, told + (_why(name, period, before, sources) if _moved(now, then) else "")


def _against(now: Sample, then: Sample, metric: MetricInfo, unit: str) -> str:
    if then.value is None or now.value is None or not then.n:
        return ""
    was = f", was {amount(then.value, unit)}"
    change = round(100 * (now.value / then.value - 1)) if metric.kind == "total" and then.value else 0
    return f"{was} ({change:+d} %)" if change else was


def _moved(now: Sample, then: Sample) -> bool:
    if now.value is None or then.value is None or min(now.n, then.n) < FEWEST:
        return False
    return abs(now.value - then.value) >= MOVED * abs(then.value)


def _why(name: str, period: Window, before: Window, sources: Sources) -> str:
    """The slice that carries most of the change, when one does."""
    for one in telling(sources.contributors(name, period, before, {}, ())):
        return f"; {100 * min(one.share or 0, 1):.0f} % of the change from {scope(dict(one.slice))}"
    return ""


def _spent_on(report: Report, period: Window, sources: Sources) -> Iterator[tuple[str, str]]:
    """The models that most was spent on."""
    if COST not in report.metrics or COST not in sources.metrics:
        return
    found = [one for one in sources.measure(COST, period, {}, ("model",)) if one.value]
    first = sorted(found, key=lambda one: -(one.value or 0))[:MOST_MODELS]
    if len(found) > 1:
        yield (
            "Cost by model",
            ", ".join(f"{dict(one.slice)['model'] or 'not named'} {amount(one.value, 'USD')}" for one in first),
        )


def _incidents(store: Store, period: Window) -> Iterator[tuple[str, str]]:
    """What fired, and what is still open."""
    found = incidents.incidents(store, period.start, period.end, now=period.end)
    fired = found.filter(pl.col("fired_at") >= period.start)
    open_now = found.filter(pl.col("resolved_at").is_null() | (pl.col("resolved_at") > period.end))
    known = fired.filter(pl.col("acknowledged_at").is_not_null()).height
    longest = found["duration_s"].max()
    lasted = f"; the longest lasted {words(timedelta(seconds=float(str(longest))))}" if longest is not None else ""
    told = f"{number(fired.height)} fired, {number(known)} acknowledged, {open_now.height} open{lasted}"
    yield "Incidents", told if found.height else "none"
    named = [_open(row) for row in open_now.head(MOST_OPEN).iter_rows(named=True)]
    if named:
        yield "Open", "; ".join(named)


def _open(row: Mapping[str, Any]) -> str:
    where = scope(dict(slice_of(row["slice"])))
    return f"{row['title']}" + (f" — {where}" if where else "") + f" (incident {row['incident_id']})"
