"""Which rules people read, and which are noise."""

from datetime import timedelta
from typing import Any

import pytest

from alerts import attention
from alerts.backtest import Backtest, Episode
from alerts.noise import RuleNoise, noise, proposal
from alerts.rule import Rule
from store.connection import Store
from store.model import Window

MINUTE = timedelta(minutes=1)


def window(engine: Any) -> Window:
    return Window(start=engine.start - MINUTE, end=engine.start + timedelta(days=1))


def test_it_counts_what_fired_who_cared_and_what_was_soon_over(engine: Any, store: Store) -> None:
    engine.world.drawn = {(): "!." * 3 + "!" * 30 + "."}
    engine.rules(engine.rule())
    engine.through(36)
    attention.acknowledge(store, {}, 2, by="ana", now=engine.start)

    [one] = noise(store, window(engine))

    assert (one.rule_id, one.fires, one.acknowledged, one.brief, one.open) == ("slow", 4, 1, 2, 1)
    assert one.verdict == "2 of 4 were over by themselves within 10 minutes"


def test_rules_that_fire_together_are_named(engine: Any, store: Store) -> None:
    engine.world.drawn = {(("model", name),): "!" * 20 for name in "abc"}
    engine.rules(engine.rule(group_by=["model"]), engine.rule(id="other", group_by=["model"]))
    engine.through(3)
    for incident in range(1, 7):
        attention.acknowledge(store, {}, incident, by="ana", now=engine.start)

    told = {one.rule_id: one for one in noise(store, window(engine))}

    assert (told["slow"].overlaps, told["slow"].overlapping) == ("other", 3)
    assert told["slow"].verdict == "3 of 3 came together with other"


def test_what_fired_before_is_not_counted(engine: Any, store: Store) -> None:
    engine.world.drawn = {(): "!!"}
    engine.rules(engine.rule())
    engine.at(0)

    assert noise(store, Window(start=engine.start + MINUTE, end=engine.start + 2 * MINUTE)) == []


def _said(**changes: Any) -> RuleNoise:
    given: dict[str, Any] = {
        "rule_id": "slow", "title": "Slow", "severity": "warning", "fires": 8, "acknowledged": 0, "brief": 0, "open": 0,
        "median": MINUTE, "messages": 8, "overlaps": None, "overlapping": 0,
    }  # fmt: skip
    return RuleNoise(**{**given, **changes})


class Past:
    """A replay in which a rule fires so often per threshold and minutes of `for`."""

    def __init__(self, fires: Any) -> None:
        self.fires = fires

    def __call__(self, rule: Rule, window: Window) -> Backtest:
        one = Episode(
            slice="{}", opened_at=window.start, fired_at=window.start, resolved_at=window.end, peak_value=1.0, why=""
        )
        return Backtest(window=window, every=rule.every, episodes=[one] * self.fires(rule), evaluations=[], messages=[])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (_said(brief=6), "wait 10 minutes before it fires"),
        (_said(), "fire at 6.25 instead of 5"),
    ],
)
def test_a_proposal_comes_with_what_either_rule_would_have_done(engine: Any, said: RuleNoise, why: str) -> None:
    past = Past(lambda rule: 2 if rule.hold or rule.threshold > 5 else 8)

    found = proposal(engine.rule(), said, window(engine), past)

    assert found is not None
    assert (found.why, len(found.before.episodes), len(found.after.episodes)) == (why, 8, 2)


def test_other_kinds_of_rules_are_calmed_in_their_own_way(engine: Any) -> None:
    past = Past(lambda rule: 1 if rule.threshold != 0.9 else 2)
    rate = engine.rule(metric="error_rate", kind="rate", threshold=0.9)

    found = proposal(rate, _said(), window(engine), past)

    assert found is not None
    assert found.rule.threshold == 1.0


@pytest.mark.parametrize("said", [_said(fires=2), _said(acknowledged=3)])
def test_a_rule_that_people_read_is_left_alone(engine: Any, said: RuleNoise) -> None:
    assert proposal(engine.rule(), said, window(engine), Past(lambda _: 1)) is None


def test_nothing_is_proposed_that_changes_nothing(engine: Any) -> None:
    assert proposal(engine.rule(), _said(), window(engine), Past(lambda _: 8)) is None
