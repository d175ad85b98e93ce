"""What a rule would have done: the engine of the live evaluation over past windows, writing nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from alerts.engine.due import floored
from alerts.engine.numbers import Numbers
from alerts.engine.run import Bench, Held, Run
from alerts.notification import headline, loads
from alerts.rule import MetricInfo, Rule
from alerts.settings import AlertSettings
from store.alerts import Evaluated
from store.model import Window
from store.outbox import Queued

MOST = 50_000  # evaluations: windows times slices
FEWEST_WINDOWS = 100
ANYBODY = ("preview",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A stretch of firing that would have been; `resolved_at` None: it would still fire."""

    slice: str
    opened_at: datetime
    fired_at: datetime
    resolved_at: datetime | None
    peak_value: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """`every` is the step that was replayed: coarser than the rule's own when the window was long."""

    window: Window
    every: timedelta
    episodes: Sequence[Episode]
    evaluations: Sequence[Evaluated]
    messages: Sequence[Queued]

    @property
    def firing_time(self) -> timedelta:
        ends = [(one.resolved_at or self.window.end) - one.fired_at for one in self.episodes]
        return sum(ends, timedelta(0))

    def headlines(self) -> list[str]:
        """The first line of each message, in order."""
        return [headline(loads(message.payload)) for message in self.messages if message.muted is None]


def backtest(
    rule: Rule, window: Window, *, numbers: Numbers, metrics: Mapping[str, MetricInfo], settings: AlertSettings,
    most: int = MOST, held: Mapping[str, Held] | None = None,
) -> Backtest:  # fmt: skip
    """Replay `rule` over the window ends within `window`, at most `most` evaluations of a slice, with a coarser step.

    `held`: how its alerts stood before. `numbers` keeps what was read: another try on it only judges anew.
    """
    slices = len(numbers.samples(rule, window)) if rule.group_by else 1
    every = replayed_every(rule, window, max(FEWEST_WINDOWS, most // max(1, slices)))
    ids = count(1)
    old = settings.model_copy(update={"max_alert_age": window.length + rule.every})
    bench = Bench(
        rule=rule, metric=metrics[rule.metric], settings=old, channels=ANYBODY, numbers=numbers, now=window.end,
        new_id=lambda: next(ids),
    )  # fmt: skip
    run = Run(bench, held or {})
    due = ends(window, every)
    numbers.read_ahead(rule, metrics[rule.metric], due, every)
    peaks: dict[int, float | None] = {}
    for end in due:
        run.window(end)
        peaks.update({held.incident_id: held.peak for held in run.held.values() if held.incident_id is not None})
    return Backtest(
        window=window, every=every, episodes=_episodes(run, peaks), evaluations=run.evaluations, messages=run.queued
    )


def ends(window: Window, every: timedelta) -> list[datetime]:
    """The window ends within `window`, on the same clock as the live evaluation."""
    last = floored(window.end, every)
    steps = -((window.start - last) // every)
    return [last - index * every for index in range(steps - 1, -1, -1)]


def replayed_every(rule: Rule, window: Window, most: int) -> timedelta:
    """The rule's own step, or the multiple of it with which at most so many windows are replayed."""
    coarser = -(-(window.length // rule.every) // most)
    return rule.every * max(1, coarser)


def _episodes(run: Run, peaks: Mapping[int, float | None]) -> list[Episode]:
    closed = {one.incident_id: one.at for one in run.closed}
    return [
        Episode(
            slice=one.slice, opened_at=one.opened_at, fired_at=one.fired_at, resolved_at=closed.get(one.incident_id),
            peak_value=peaks.get(one.incident_id, one.peak_value), why=one.reason,
        )
        for one in run.opened
    ]  # fmt: skip
