"""The life of an alert, drawn: `.` fine, `!` breached, `?` unknown; inactive, pending, firing, recovering."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.state import Alert, Timing, event, step
from store.alerting import Health, State

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CONDITION = {".": False, "!": True, "?": None}


def timing(hold: int = 0, keep: int = 0, silence: int = 180, no_data: str = "keep") -> Timing:
    return Timing(hold=hold * MINUTE, keep=keep * MINUTE, silence=silence * MINUTE, no_data=no_data)


def lives(breaches: str, how: Timing) -> list[Alert]:
    alert, seen = Alert(), []
    for minute, letter in enumerate(breaches):
        at = START + minute * MINUTE
        alert = step(alert, breached=CONDITION[letter], at=at, timing=how, cause=Health.NO_DATA)
        seen.append(alert)
    return seen


def life(breaches: str, how: Timing) -> str:
    return "".join(alert.state[0] for alert in lives(breaches, how))


@pytest.mark.parametrize(
    ("breaches", "hold", "keep", "states"),
    [
        ("..!!..", 0, 0, "iiffii"),
        ("..!!!!.", 2, 0, "iippffi"),
        ("..!.!!.", 2, 0, "iipippi"),
        ("..!!!", 1, 0, "iipff"),
        ("!!....", 0, 2, "ffrrii"),
        ("!.!.!..", 0, 2, "frfrfrr"),
        ("!.!.....", 0, 2, "frfrriii"),
        ("!???.", 0, 0, "ffffi"),
        ("?!?!", 0, 0, "ifff"),
        ("!?!!", 2, 0, "ppff"),
        ("!?.", 2, 0, "ppi"),
        ("!.??..", 0, 3, "frrrii"),
        ("", 0, 0, ""),
    ],
)
def test_an_alert_lives_as_drawn(breaches: str, hold: int, keep: int, states: str) -> None:
    assert life(breaches, timing(hold, keep)) == states


@pytest.mark.parametrize(
    ("breaches", "no_data", "states"),
    [
        ("!?????", "keep", "ffffff"),
        ("!?????", "ok", "fffiii"),
        (".?????", "alert", "iiifff"),
        (".?????", "keep", "iiiiii"),
        (".??.??.", "alert", "iiiiiii"),
    ],
)
def test_silence_means_what_the_rule_says_once_it_has_lasted(breaches: str, no_data: str, states: str) -> None:
    assert life(breaches, timing(silence=2, no_data=no_data)) == states


def test_health_turns_to_no_data_only_after_a_while_and_back_at_once() -> None:
    healths = [alert.health for alert in lives(".????.", timing(silence=2))]

    assert healths == [Health.OK, Health.OK, Health.OK, Health.NO_DATA, Health.NO_DATA, Health.OK]


def test_an_error_shows_at_once_and_is_never_taken_for_an_answer() -> None:
    how = timing(silence=1, no_data="ok")
    alert = step(Alert(), breached=True, at=START, timing=how)
    for minute in range(1, 9):
        alert = step(alert, breached=None, at=START + minute * MINUTE, timing=how, cause=Health.ERROR)

    assert (alert.state, alert.health) == (State.FIRING, Health.ERROR)


def test_times_are_window_ends() -> None:
    alert = lives("..!!!", timing(hold=2))[-1]

    assert alert.active_at == START + 2 * MINUTE
    assert alert.fired_at == START + 4 * MINUTE


def test_after_a_long_pause_a_pending_alert_starts_anew_and_a_firing_one_goes_on() -> None:
    pending = lives("!", timing(hold=60))[-1]
    firing = lives("!", timing())[-1]
    later = START + timedelta(hours=3)

    assert step(pending, breached=True, at=later, timing=timing(hold=60)).state is State.PENDING
    assert step(firing, breached=True, at=later, timing=timing()).fired_at == START


def test_a_short_pause_lets_pending_time_go_on() -> None:
    pending = lives("!", timing(hold=30))[-1]

    assert step(pending, breached=True, at=START + 40 * MINUTE, timing=timing(hold=30)).state is State.FIRING


@pytest.mark.parametrize(
    ("passed", "hold", "events"),
    [
        ("0112", 0, ". F . E"),  # a step is told when it is passed
        ("0131", 0, ". F E ."),  # and once only, also when it is passed back
        ("0300", 0, ". F R ."),
        ("03013", 0, ". F R F E"),  # the next breach begins anew
        ("0122", 1, ". . F ."),  # what is passed before it fires is told with the first message
        ("01?2", 0, ". F . E"),
        ("0124", 0, ". F E E"),  # bits: 1, 2 and 4 are three steps
    ],
)
def test_each_step_of_a_breach_is_told_once(passed: str, hold: int, events: str) -> None:
    alert, told = Alert(), []
    for minute, letter in enumerate(passed):
        steps = None if letter == "?" else int(letter)
        before = alert
        alert = step(
            alert, breached=None if steps is None else steps > 0, at=START + minute * MINUTE, timing=timing(hold),
            cause=Health.NO_DATA, passed=steps or 0,
        )  # fmt: skip
        told.append({None: ".", "fired": "F", "escalated": "E", "resolved": "R"}[event(before, alert)])

    assert " ".join(told) == events


BREACHES = st.text(alphabet=".!?", max_size=40)
SPANS = st.integers(min_value=0, max_value=6)


@dataclass
class Reference:
    """The same life told differently: by looking back at everything seen so far."""

    hold: int
    keep: int

    def states(self, breaches: str) -> str:
        out, live, began, calm = "", False, None, None
        for now, letter in enumerate(breaches):
            if letter == "!":
                began, calm = (now if began is None else began), None
                live = live or now - began >= self.hold
            elif letter == ".":
                calm = (now if calm is None else calm) if live else None
                live = live and calm is not None and now - calm < self.keep
                began = began if live else None
            out += "i" if began is None else "p" if not live else "r" if calm is not None else "f"
        return out


@given(BREACHES, SPANS, SPANS)
def test_it_lives_as_a_model_told_otherwise(breaches: str, hold: int, keep: int) -> None:
    assert life(breaches, timing(hold, keep)) == Reference(hold, keep).states(breaches)


@given(BREACHES, SPANS, SPANS)
def test_it_never_fires_without_holding(breaches: str, hold: int, keep: int) -> None:
    states = life(breaches, timing(hold, keep))
    first = states.find("f")
    if first >= 0:
        assert breaches[first] == "!"
        assert "." not in breaches[first - hold : first]
        assert "!" in breaches[: first - hold + 1]


@given(BREACHES, SPANS, SPANS)
def test_unknown_never_ends_a_firing_alert(breaches: str, hold: int, keep: int) -> None:
    before = Alert()
    for alert, letter in zip(lives(breaches, timing(hold, keep)), breaches, strict=True):
        if letter == "?":
            assert alert.state is before.state
        before = alert


@given(BREACHES, SPANS, SPANS, st.integers(min_value=0, max_value=39))
def test_a_window_seen_again_changes_nothing(breaches: str, hold: int, keep: int, again: int) -> None:
    seen = lives(breaches, timing(hold, keep))
    for alert in seen[again:]:
        assert step(alert, breached=True, at=START + min(again, len(seen) - 1) * MINUTE, timing=timing(hold)) is alert


@given(BREACHES, SPANS, SPANS)
def test_fired_and_resolved_take_turns(breaches: str, hold: int, keep: int) -> None:
    seen = [Alert(), *lives(breaches, timing(hold, keep))]
    events = [event(a, b) for a, b in pairwise(seen)]
    told = [one for one in events if one]

    assert told == [("fired", "resolved")[index % 2] for index in range(len(told))]
