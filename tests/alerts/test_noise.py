"""Which rules people read, and which are noise."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.backtest import Backtest, Episode
from alerts.delivery import attention
from alerts.noise import RuleNoise, change, differences, noise
from alerts.rule import Rule
from store import incidents
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


def test_what_people_say_it_was_worth_counts_and_their_last_word(engine: Any, store: Store) -> None:
    engine.world.drawn = {(): "!." * 3}
    engine.rules(engine.rule())
    engine.through(6)
    said = [(1, True), (1, False), (2, False), (3, True)]
    for minute, (incident, real) in enumerate(said):
        attention.judge(store, incident, real=real, by="ana", now=engine.start + (minute + 60) * MINUTE)

    [one] = noise(store, window(engine))

    assert (one.real, one.noise) == (1, 2)
    assert one.verdict == "2 of 3 that people judged were noise"
    assert incidents.judgement(store, 1) == "noise"
    assert incidents.timeline(store, 3)["what"].to_list()[-1] == "judged"


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
        "median": MINUTE, "messages": 8, "real": 0, "noise": 0, "overlaps": None, "overlapping": 0,
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


def _calmer(rule: Rule, _window: Window) -> Rule:
    return rule.model_copy(update={"threshold": 6.0, "hold": 10 * MINUTE})


@pytest.mark.parametrize("said", [_said(brief=6), _said()])
def test_a_change_comes_with_what_either_rule_would_have_done(engine: Any, said: RuleNoise) -> None:
    past = Past(lambda rule: 2 if rule.threshold > 5 else 8)

    found = change(engine.rule(), said, window(engine), quieter=_calmer, replay=past)

    assert found is not None
    assert (len(found.before.episodes), len(found.after.episodes)) == (8, 2)
    assert differences(engine.rule(), found.rule) == ["threshold 6.0 instead of 5.0", "for 10m instead of 0s"]


@pytest.mark.parametrize("said", [_said(fires=2), _said(acknowledged=3)])
def test_a_rule_that_people_read_is_left_alone(engine: Any, said: RuleNoise) -> None:
    assert change(engine.rule(), said, window(engine), quieter=_calmer, replay=Past(lambda _: 1)) is None


def test_nothing_is_proposed_that_wins_nothing(engine: Any) -> None:
    same = Past(lambda _: 8)

    assert change(engine.rule(), _said(), window(engine), quieter=_calmer, replay=same) is None
    assert change(engine.rule(), _said(), window(engine), quieter=lambda *_: None, replay=same) is None
