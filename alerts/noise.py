"""Which rules are read, which are noise, and a change to try: so that people go on reading.

A change comes with the rule replayed as it is and as it would be; nothing is changed here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from alerts.backtest import Backtest
from alerts.rule import Rule
from store import noise as rows
from store.connection import Store
from store.model import Window

BRIEF = timedelta(minutes=10)
FEWEST = 3  # fires: of fewer nothing is concluded
MOSTLY = 0.5
OFTEN = 0.8  # of its incidents: then two rules tell the same story

Replay = Callable[[Rule, Window], Backtest]
Quieter = Callable[[Rule, Window], Rule | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleNoise:
    """How a rule behaved.

    `brief`: over by itself within ten minutes, unacknowledged. `real`, `noise`: what people said of so many.
    `overlaps`: see `store.noise`.
    """

    rule_id: str
    title: str
    severity: str
    fires: int
    acknowledged: int
    brief: int
    open: int
    median: timedelta
    messages: int
    real: int
    noise: int
    overlaps: str | None
    overlapping: int

    @property
    def verdict(self) -> str:
        """In words; empty when there is nothing to say against it."""
        if self.fires < FEWEST:
            return ""
        if self.noise > self.real:
            return f"{self.noise} of {self.noise + self.real} that people judged were noise"
        if self.brief / self.fires >= MOSTLY:
            return f"{self.brief} of {self.fires} were over by themselves within {BRIEF.seconds // 60} minutes"
        if self.overlaps and self.overlapping / self.fires >= OFTEN:
            return f"{self.overlapping} of {self.fires} came together with {self.overlaps}"
        return "" if self.acknowledged or self.real else f"fired {self.fires} times, and nobody acknowledged any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A rule as it could be, and what either would have done."""

    rule: Rule
    before: Backtest
    after: Backtest


def noise(store: Store, window: Window) -> list[RuleNoise]:
    """Every rule that fired in the window, the busiest first."""
    found = rows.noise(store, window.start, window.end, brief=BRIEF)
    return [_noise(row) for row in found.iter_rows(named=True)]


def _noise(row: Mapping[str, object]) -> RuleNoise:
    seconds, known = float(str(row["median_s"])), dict(row)
    del known["median_s"]
    return RuleNoise(**{**known, "median": timedelta(seconds=seconds), "overlapping": row["overlapping"] or 0})  # type: ignore[arg-type]


def change(rule: Rule, said: RuleNoise, window: Window, *, quieter: Quieter, replay: Replay) -> Change | None:
    """A quieter rule for one that is mostly noise; None where nothing speaks against it or nothing would be won."""
    calmer = quieter(rule, window) if said.verdict else None
    if calmer is None:
        return None
    before, after = replay(rule, window), replay(calmer, window)
    return Change(rule=calmer, before=before, after=after) if len(after.episodes) < len(before.episodes) else None


def differences(old: Rule, new: Rule) -> list[str]:
    """`threshold 6 instead of 5`, a line each."""
    told, was = new.model_dump(mode="json", by_alias=True), old.model_dump(mode="json", by_alias=True)
    return [f"{name} {told[name]} instead of {was[name]}" for name in told if told[name] != was[name]]
