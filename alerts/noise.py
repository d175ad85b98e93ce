"""Which rules are read, which are noise, and a change to try: so that people go on reading.

A proposal comes with the rule replayed as it is and as it would be; nothing is changed here.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleNoise:
    """How a rule behaved. `brief`: over by itself within ten minutes, unacknowledged. `overlaps`: see `store.noise`."""

    rule_id: str
    title: str
    severity: str
    fires: int
    acknowledged: int
    brief: int
    open: int
    median: timedelta
    messages: int
    overlaps: str | None
    overlapping: int

    @property
    def verdict(self) -> str:
        """In words; empty when there is nothing to say against it."""
        if self.fires < FEWEST:
            return ""
        if self.brief / self.fires >= MOSTLY:
            return f"{self.brief} of {self.fires} were over by themselves within {BRIEF.seconds // 60} minutes"
        if self.overlaps and self.overlapping / self.fires >= OFTEN:
            return f"{self.overlapping} of {self.fires} came together with {self.overlaps}"
        return "" if self.acknowledged else f"fired {self.fires} times, and nobody acknowledged any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule as it could be, why, and what either would have done."""

    rule: Rule
    why: str
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


def proposal(rule: Rule, said: RuleNoise, window: Window, replay: Replay) -> Proposal | None:
    """A quieter rule for one that is mostly noise; None where nothing speaks against it or nothing would be won."""
    if not said.verdict:
        return None
    calmer, why = _calmer(rule, said)
    before, after = replay(rule, window), replay(calmer, window)
    if len(after.episodes) >= len(before.episodes):
        return None
    return Proposal(rule=calmer, why=why, before=before, after=after)


def _calmer(rule: Rule, said: RuleNoise) -> tuple[Rule, str]:
    """Wait longer for what is soon over; for the rest ask for more before it counts."""
    if said.brief / said.fires >= MOSTLY:
        longer = max(2 * rule.hold, rule.every, BRIEF)
        return rule.model_copy(update={"hold": longer}), f"wait {longer.seconds // 60} minutes before it fires"
    if rule.threshold is None:
        longer = max(2 * rule.hold, rule.every)
        return rule.model_copy(update={"hold": longer}), f"wait {longer.seconds // 60} minutes before it fires"
    further = rule.threshold * (1.25 if rule.rising else 0.8)
    if rule.kind == "rate":
        further = min(further, 1.0)
    update = {"threshold": further, "recover_threshold": None}
    return rule.model_copy(update=update), f"fire at {further:g} instead of {rule.threshold:g}"
