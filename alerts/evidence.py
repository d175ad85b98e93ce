"""What a message says: value against limit, since when, why, who, which calls, where to look."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from alerts.condition import CURRENT, kinds
from alerts.engine.advance import Step
from alerts.engine.numbers import Measure
from alerts.messages.links import Seen, call_link, links, narrowed
from alerts.messages.moved import Before, moved, recent, standing
from alerts.messages.neutral import cut
from alerts.messages.wording import amount, sparkline
from alerts.notification import Contributor, Example, Notification, Reason, scope
from alerts.rule import MetricInfo, Rule
from store.alerts import slice_of
from store.errors import LeewayError
from store.model import Filters, Slice, Window

log = logging.getLogger(__name__)

MOST_NAMED = 3
LEAST_SHARE, LEAST_EXCESS = 0.2, 0.1  # of the change: a slice with less explains nothing
NEARLY = 0.9  # of the whole's value: a slice that is better than that did not make it worse
VERSION = "prompt_version"
EARLIER = timedelta(hours=6)  # before the breach: what a new version is compared with
COSTLY = ("USD", "tokens")
TRAIL = 24  # values in the sparkline
LONGEST_TEXT = 200  # characters of an example


class Contribution(Protocol):
    """A slice's part in a change: `share` of it, `excess` over what its size explains, the metric now and then."""

    @property
    def slice(self) -> Slice: ...
    @property
    def share(self) -> float | None: ...
    @property
    def excess(self) -> float: ...
    @property
    def value(self) -> float | None: ...
    @property
    def reference(self) -> float | None: ...


# Metric, window, reference, filters, group-by (none: ask every dimension); the most telling slices first.
Contributors = Callable[[str, Window, Window, Filters, tuple[str, ...]], Sequence[Contribution]]
Changes = Callable[[str, Window, Filters], Sequence[str]]  # what else changed in the window, in words
Affected = Callable[[str, Window, Filters], str]  # whom it concerns, in words; empty: nobody knows
ExtraCost = Callable[[Window, Filters], float | None]  # USD beyond what is usual
Examples = Callable[[str, Window, Filters], Sequence[tuple[str, str]]]  # (call id, a few words without its text)
Wording = Callable[[str], str]  # of a call id: the beginning of what was said, redacted


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """Functions that are asked when an alert fires; None: nobody to ask."""

    measure: Measure | None = None
    contributors: Contributors | None = None
    examples: Examples | None = None
    wording: Wording | None = None
    changes: Changes | None = None
    affected: Affected | None = None
    extra_cost: ExtraCost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What an alert's life adds to its last step."""

    incident_id: int | None
    trail: Sequence[float | None]
    peak: float | None = None


def notification(
    rule: Rule, metric: MetricInfo, step: Step, reason: Reason, *, story: Story, base_url: str, witnesses: Witnesses
) -> Notification:
    """Return what there is to tell of a step."""
    alert = step.after if step.after.live else step.before
    since = alert.active_at or step.end
    shown = Window(start=since - 2 * rule.window, end=step.end)
    labels = slice_of(step.key)
    narrow = narrowed(rule.filters, slice_of(step.speaker))
    verdict = step.verdict
    asked = witnesses if step.after.live else Witnesses()
    seen = Seen(rule_id=rule.id, metric=rule.metric, window=shown, narrowed=narrow, incident_id=story.incident_id)
    where = links(base_url, seen)
    return Notification(
        reason=reason,
        rule_id=rule.id,
        title=rule.name(metric),
        severity=rule.severity.value,
        at=step.end,
        metric=rule.metric,
        unit=metric.unit,
        slice=dict(labels),
        incident_id=story.incident_id,
        since=since,
        fired_at=alert.fired_at,
        value=verdict.value,
        baseline=verdict.baseline,
        threshold=verdict.threshold,
        peak=story.peak,
        n=verdict.n,
        now_text=_now(rule, metric, step, story, asked.measure),
        why="no calls of it come any more, while others do" if step.gone else verdict.why,
        peak_text=amount(story.peak, metric.unit) if story.peak is not None else "",
        affected=_affected(rule, step, narrow, asked.affected),
        who=_who(rule, metric, step, narrow, asked.contributors),
        examples=_examples(rule, step, narrow, base_url, asked),
        lines=_lines(rule, metric, step, narrow, witnesses),
        sparkline=sparkline([*story.trail, verdict.value][-TRAIL:]),
        links={**where, **({"runbook": rule.runbook} if rule.runbook else {})},
        runbook=rule.runbook,
        owner=rule.owner,
    )


def _now(rule: Rule, metric: MetricInfo, step: Step, story: Story, measure: Measure | None) -> str:
    """The value, and while it fires how far it has moved."""
    seen = standing(rule, metric, step.verdict)
    if not step.after.live or kinds()[rule.kind].periodic or rule.kind == "no_data":
        return seen
    far = moved(metric, step.verdict, _before(rule, step, story, measure))
    return f"{seen}, {far}" if far else seen


def _before(rule: Rule, step: Step, story: Story, measure: Measure | None) -> Before | None:
    """What the slice was before the breach; a new version of a prompt is compared with the earlier ones."""
    began = step.after.active_at or step.end
    quiet = len(story.trail) - max(0, (step.end - began) // rule.every)
    before = recent(story.trail[: max(0, quiet)], rule.every)
    older = narrowed(rule.filters, slice_of(step.speaker))
    if before is not None or measure is None or older.pop(VERSION, None) is None:
        return before
    try:
        found = measure(rule.metric, Window(start=began - EARLIER, end=began - rule.window), older, ())
    except LeewayError:
        return None
    values = [one.value for one in found if one.value is not None]
    return Before(value=values[0], when="in earlier versions") if values else None


def _affected(rule: Rule, step: Step, narrow: Filters, affected: Affected | None) -> str:
    if affected is None:
        return ""
    try:
        return affected(rule.metric, kinds()[rule.kind].windows(rule, step.end)[CURRENT], narrow)
    except LeewayError as error:
        log.warning("rule %s: whom it concerns cannot be told: %s", rule.id, error)
        return ""


def _who(
    rule: Rule, metric: MetricInfo, step: Step, narrow: Filters, contributors: Contributors | None
) -> tuple[Contributor, ...]:
    """The slices with the largest shares of the change. What cannot be asked is left out: the message goes anyway."""
    if contributors is None:
        return ()
    current = kinds()[rule.kind].windows(rule, step.end)[CURRENT]
    began = step.after.active_at or step.end
    reference = Window(start=began - 2 * rule.window, end=began - rule.window)
    try:
        shares = contributors(rule.metric, current, reference, narrow, ())
    except LeewayError as error:
        log.warning("rule %s: who made it move cannot be told: %s", rule.id, error)
        return ()
    bad = [one for one in shares if metric.kind == "total" or _worsened(one, rule, step.verdict.value)]
    return tuple(_named(one, metric) for one in telling(bad)[:MOST_NAMED])


def _worsened(one: Contribution, rule: Rule, whole: float | None) -> bool:
    """Whether a slice's own value is as bad as the whole's: a mean may also move because a good slice came or went."""
    if one.value is None or whole is None:
        return False
    return one.value >= whole * NEARLY if rule.rising else one.value <= whole / NEARLY


def telling(shares: Sequence[Contribution]) -> list[Contribution]:
    """Those that stand for much and for more than their size explains; the same calls under one name only."""
    chosen: list[Contribution] = []
    for one in shares:
        names = {name for name, value in one.slice if value is not None}
        told = {name for earlier in chosen for name, _ in earlier.slice}
        twin = any(_alike(one) == _alike(earlier) for earlier in chosen)
        much = one.excess > LEAST_EXCESS and (one.share or 0) >= LEAST_SHARE
        if names and not names & told and not twin and much:
            chosen.append(one)
    return chosen


def _alike(one: Contribution) -> tuple[float | None, float | None, float | None]:
    """The same for slices of other dimensions that hold the same calls."""
    return one.share, one.value, one.reference


def _named(one: Contribution, metric: MetricInfo) -> Contributor:
    name = scope(dict(one.slice))
    text = f"{amount(one.reference, metric.unit)} → {amount(one.value, metric.unit)}"
    return Contributor(name=name, share=one.share, text=text)


def _lines(
    rule: Rule, metric: MetricInfo, step: Step, narrow: Filters, asked: Witnesses
) -> tuple[tuple[str, str], ...]:
    """What else changed while it rises; when it is over, what it cost beyond what is usual."""
    began = (step.after if step.after.live else step.before).active_at or step.end
    try:
        if step.after.live and asked.changes is not None:
            shortly = Window(start=began - 2 * rule.window, end=step.end)
            found = asked.changes(rule.metric, shortly, {key: narrow[key] for key in narrow if key != VERSION})
            return (("Changed", "; ".join(found)),) if found else ()
        if step.event == "resolved" and asked.extra_cost is not None and metric.unit in COSTLY:
            extra = asked.extra_cost(Window(start=began - rule.window, end=step.end), narrow)
            return (("Extra cost", amount(extra, "USD")),) if extra is not None and extra > 0 else ()
    except LeewayError as error:
        log.warning("rule %s: what changed with it cannot be told: %s", rule.id, error)
    return ()


def _examples(rule: Rule, step: Step, narrow: Filters, base_url: str, asked: Witnesses) -> tuple[Example, ...]:
    if asked.examples is None:
        return ()
    current = kinds()[rule.kind].windows(rule, step.end)[CURRENT]
    try:
        found = asked.examples(rule.metric, current, narrow)
        return tuple(_example(call_id, note, base_url, asked.wording) for call_id, note in found)
    except LeewayError as error:
        log.warning("rule %s: no example calls: %s", rule.id, error)
        return ()


def _example(call_id: str, note: str, base_url: str, wording: Wording | None) -> Example:
    text = cut(wording(call_id), LONGEST_TEXT) if wording else ""
    return Example(call_id=call_id, note=note, link=call_link(base_url, call_id), text=text)
