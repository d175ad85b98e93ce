"""Evaluate the rules: each window of each rule once, oldest first, whatever was missed or came late.

An alert's state, its incident and what is to be told are written in one transaction with how far the rule has been
evaluated: nothing is told twice and nothing is forgotten, wherever the process dies.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from pydantic import ValidationError

from alerts.engine.closing import close_all, farewell
from alerts.engine.due import due
from alerts.engine.held import held_as_of, held_now
from alerts.engine.numbers import Measure, Numbers, Sliding, one_by_one
from alerts.engine.run import Bench, Closed, Run
from alerts.evidence import Affected, Changes, Contributors, Examples, ExtraCost, Witnesses, Wording
from alerts.notification import loads
from alerts.rule import MetricInfo, Rule
from alerts.rules.rulefile import rule_from
from alerts.settings import AlertSettings
from store import alerts, incidents, outbox, rules, silences
from store.alerting import Health
from store.connection import Store, Transaction
from store.errors import ConfigError, LeewayError
from store.model import Window

log = logging.getLogger(__name__)

FEW = 2  # windows that are asked for one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every rule of an evaluation shares."""

    store: Store
    numbers: Numbers
    metrics: Mapping[str, MetricInfo]
    witnesses: Witnesses
    settings: AlertSettings
    channels: tuple[str, ...]
    now: datetime
    replayed_at: datetime | None = None

    @property
    def clock(self) -> datetime:
        return self.replayed_at or self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What beside the run's own findings is to be written after history was rewritten."""

    reopened: Sequence[int] = ()
    closed: Sequence[Closed] = ()
    queued: Sequence[outbox.Queued] = field(default_factory=tuple)


def evaluate(
    store: Store, *, measure: Measure, metrics: Mapping[str, MetricInfo], settings: AlertSettings, now: datetime,
    contributors: Contributors | None = None, examples: Examples | None = None, channels: Sequence[str] = (),
    replayed_at: datetime | None = None, sliding: Sliding | None = None, changes: Changes | None = None,
    affected: Affected | None = None, extra_cost: ExtraCost | None = None, wording: Wording | None = None,
) -> dict[str, int]:  # fmt: skip
    """Bring every stored rule up to `now` and return counts: rules, windows, fired, resolved, messages, errors.

    `channels` are the names of those who are told when neither rule nor settings name anybody. Calling it again with
    the same `now` changes nothing. Called for hour after hour of the past it leaves what it would have left had it run
    then; `replayed_at` is then the clock's time, and what had been ingested by it counts as having been in time.
    """
    witnesses = Witnesses(
        measure=measure, contributors=contributors, examples=examples, changes=changes, affected=affected,
        extra_cost=extra_cost, wording=wording,
    )  # fmt: skip
    told = tuple(channels) if settings.channels is None else settings.channels
    around = Surroundings(
        store=store,
        numbers=Numbers(measure=measure, sliding=sliding or one_by_one(measure)),
        metrics=metrics,
        witnesses=witnesses,
        settings=settings,
        channels=told,
        now=now,
        replayed_at=replayed_at,
    )
    stored = rules.stored_rules(store)
    counts = Counter({"rules": len(stored), "windows": 0, "fired": 0, "resolved": 0, "messages": 0, "errors": 0})
    for one in stored:
        counts.update(_evaluated(around, one))
    for rule_id in set(alerts.rules_in_progress(store)) - {one.rule_id for one in stored}:
        close_all(store, rule_id, "rule_deleted", now=now)
    return dict(counts)


def _evaluated(around: Surroundings, stored: rules.StoredRule) -> Mapping[str, int]:
    progress = alerts.progress(around.store, stored.rule_id)
    if progress and (stored.paused or _asks_otherwise(around.store, stored, progress)):
        reason = "rule_paused" if stored.paused else "rule_updated"
        close_all(around.store, stored.rule_id, reason, now=around.now)
        progress = None
    if stored.paused:
        return {}
    try:
        rule = rule_from(stored.definition, where="stored rules", metrics=around.metrics)
    except ConfigError as error:
        return _broken(around, stored, progress, str(error))
    return _advanced(around, stored, rule, progress)


def _asks_otherwise(store: Store, stored: rules.StoredRule, progress: alerts.Progress) -> bool:
    """Whether an edit since the last evaluation changed what the rule asks, and not only its words or whom it tells."""
    if progress.version == stored.version:
        return False
    before = rules.rule_version(store, stored.rule_id, progress.version)
    try:
        return before is None or not Rule.model_validate(before).asks_the_same(Rule.model_validate(stored.definition))
    except ValidationError:
        return True


def _broken(
    around: Surroundings, stored: rules.StoredRule, progress: alerts.Progress | None, why: str
) -> Mapping[str, int]:
    """A rule that cannot be read is a finding about the rule, shown beside it; its alerts stay as they are."""
    log.error("rule %s cannot be evaluated: %s", stored.rule_id, why)
    until = progress.evaluated_until if progress else around.now
    moved = alerts.Progress(
        rule_id=stored.rule_id, version=stored.version, evaluated_until=until, evaluated_at=around.clock,
        health=Health.ERROR, note=why,
    )  # fmt: skip
    with around.store.transaction() as tx:
        alerts.put_progress(tx, moved)
    return {"errors": 1}


def _advanced(
    around: Surroundings, stored: rules.StoredRule, rule: Rule, progress: alerts.Progress | None
) -> Mapping[str, int]:
    fresh = due(rule, progress.evaluated_until if progress else None, around.settings, around.now)
    if not fresh:
        return {}
    late = _late_ends(around, rule, progress)
    run, settled = _run(around, rule, late, fresh)
    moved = alerts.Progress(
        rule_id=rule.id, version=stored.version, evaluated_until=fresh[-1], evaluated_at=around.clock,
        health=run.health, note=run.note,
    )  # fmt: skip
    with around.store.transaction() as tx:
        if alerts.progress(tx, rule.id) != progress:
            return {"overtaken": 1}  # another evaluation was faster: what it wrote stands
        _write(tx, run, settled, around.now)
        alerts.put_progress(tx, moved)
    messages = sum(queued.muted is None for queued in (*run.queued, *settled.queued))
    return {
        "windows": len(late) + len(fresh), "fired": len(run.opened), "resolved": len(run.closed),
        "messages": messages, "errors": int(run.health is Health.ERROR),
    }  # fmt: skip


def _late_ends(around: Surroundings, rule: Rule, progress: alerts.Progress | None) -> list[datetime]:
    """Windows that were evaluated before all of their calls or scores had come."""
    if progress is None or around.replayed_at is not None:
        return []
    evaluator = around.metrics[rule.metric].evaluator
    since = alerts.late_since(around.store, progress, around.now - around.settings.reeval, evaluator)
    if since is None:
        return []
    return alerts.evaluated_ends(around.store, rule.id, since)[-around.settings.reeval_windows :]


def _run(around: Surroundings, rule: Rule, late: list[datetime], fresh: list[datetime]) -> tuple[Run, Settled]:
    bench = _bench(around, rule, (late or fresh)[0])
    stored = {one.slice: one for one in alerts.instances(around.store, rule.id)}
    _read_ahead(around, rule, [*late, *fresh])
    if not late:
        run = Run(bench, held_now(around.store, rule, stored, fresh[0]))
    else:
        run = Run(replace(bench, late=True), held_as_of(around.store, rule, stored, late[0]))
        for end in late:
            run.window(end)
    settled = _settle(around, run, stored, late[-1]) if late else Settled()
    run.bench = bench
    for end in fresh:
        run.window(end)
    return run, settled


def _read_ahead(around: Surroundings, rule: Rule, ends: Sequence[datetime]) -> None:
    """One reading where many windows are due; where it fails, each window says so of itself."""
    metric = around.metrics[rule.metric]
    if len(ends) > FEW:
        around.numbers.read_ahead(rule, metric, ends, rule.every)
    else:
        with suppress(LeewayError):
            around.numbers.pasts(rule, metric, Window(start=ends[0], end=ends[-1]))


def _bench(around: Surroundings, rule: Rule, first: datetime) -> Bench:
    store = around.store
    margin = rule.window + rule.hold
    return Bench(
        rule=rule,
        metric=around.metrics[rule.metric],
        settings=around.settings,
        channels=around.channels,
        numbers=around.numbers,
        now=around.now,
        new_id=partial(incidents.next_incident_id, store),
        witnesses=around.witnesses,
        silences=silences.silences_between(store, first, around.now),
        acknowledged=frozenset(incidents.acknowledged(store, rule.id)),
        covering=lambda key, at: incidents.covering_incident(store, rule.id, key, at, margin),
        over=lambda incident_id: bool(incidents.resolved_of(store, [incident_id])),
        recall=lambda incident_id: loads(incidents.evidence(store, incident_id)),
    )


def _settle(around: Surroundings, run: Run, stored: Mapping[str, alerts.Instance], at: datetime) -> Settled:
    """Bring incidents into line with history as it now stands: reopen what goes on, close what never was."""
    held = {one.incident_id: key for key, one in run.held.items() if one.incident_id is not None}
    reopened = incidents.resolved_of(around.store, list(held))
    for incident_id in reopened:
        key = held[incident_id]
        run.held[key] = replace(run.held[key], last_sent_at=None)
    closed_now = {one.incident_id for one in run.closed}
    orphans = [
        one for one in stored.values()
        if one.incident_id is not None and one.incident_id not in held and one.incident_id not in closed_now
    ]  # fmt: skip
    queued = [
        message
        for one in orphans
        for message in farewell(around.store, one.incident_id, one.last_sent_at, "late_data", now=around.now)
    ]
    closed = [Closed(incident_id=one.incident_id or 0, at=at, reason="late_data") for one in orphans]
    return Settled(reopened=sorted(reopened), closed=closed, queued=queued)


def _write(tx: Transaction, run: Run, settled: Settled, now: datetime) -> None:
    for opened in run.opened:
        incidents.open_incident(tx, opened)
    for incident_id in settled.reopened:
        incidents.reopen_incident(tx, incident_id)
    for held in run.held.values():
        if held.incident_id is not None and held.last is not None:
            incidents.update_incident(tx, held.incident_id, last=held.last.verdict.value, peak=held.peak)
    for closed in (*run.closed, *settled.closed):
        incidents.close_incident(tx, closed.incident_id, at=closed.at, reason=closed.reason)
    alerts.put_evaluations(tx, run.evaluations)
    alerts.put_instances(tx, run.instances())
    alerts.drop_instances(tx, run.bench.rule.id, sorted(run.dropped))
    for message in (*settled.queued, *run.queued):
        outbox.queue(tx, message, now=now)
