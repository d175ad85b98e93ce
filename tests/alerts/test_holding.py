"""Messages that wait for a reason: inhibited, silenced or snoozed; and what people answer."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from alerts.channel import Channel, ChannelSettings, Configured, Letter, Receipt
from alerts.deliver import deliver
from alerts.delivery import attention
from alerts.delivery.inhibition import Inhibition, Matcher
from alerts.meta import Sign, watch
from alerts.settings import AlertSettings
from store import incidents, silences
from store.connection import Store
from store.threads import Thread
from tests.alerts.inbox import Inbox

MINUTE = timedelta(minutes=1)
AT_ONCE = AlertSettings(group_wait=timedelta(0), group_interval=timedelta(0))
DOWN = Inhibition(source=Matcher(rule=("down",)), target=Matcher(rule=("slow",)))


@dataclass
class Desk:
    """An engine whose messages are delivered to an inbox after each minute."""

    engine: Any
    inbox: Inbox = field(default_factory=Inbox)
    inhibitions: tuple[Inhibition, ...] = ()
    channels: dict[str, Any] = field(default_factory=dict)
    answer: Any = None

    def __post_init__(self) -> None:
        self.channels = {"ops": self.inbox.channel()}

    def now(self, minute: float) -> datetime:
        return self.engine.start + minute * MINUTE

    def at(self, minute: int) -> None:
        self.engine.at(minute)
        self.deliver(minute)

    def deliver(self, minute: float) -> None:
        deliver(
            self.engine.store, self.channels, AT_ONCE, clock=lambda: self.now(minute), sleep=lambda _: None,
            inhibitions=self.inhibitions, answer=self.answer,
        )  # fmt: skip

    def through(self, minutes: int, first: int = 0) -> None:
        for minute in range(first, minutes):
            self.at(minute)

    def told(self) -> list[tuple[str, str]]:
        return [(one.rule_id, one.reason) for one in self.inbox.got]


@pytest.fixture
def desk(engine: Any) -> Desk:
    return Desk(engine)


def test_an_inhibited_alert_is_told_when_its_cause_is_gone_and_it_is_not(desk: Desk) -> None:
    engine, desk.inhibitions = desk.engine, (DOWN,)
    engine.world.drawn = {(): "!!!!!!"}
    engine.rules(engine.rule(id="down", comparison=">", threshold=5), engine.rule(id="slow"))
    desk.through(2)
    assert desk.told() == [("down", "fired")]

    engine.rules(engine.rule(id="slow"), now=desk.now(2))
    desk.through(4, first=2)

    assert desk.told() == [("down", "fired"), ("slow", "fired"), ("down", "closed")]
    assert desk.inbox.got[1].at == desk.now(2)  # the last that the rule saw


def test_an_inhibited_alert_that_ends_before_its_cause_is_never_told(desk: Desk, store: Store) -> None:
    engine, desk.inhibitions = desk.engine, (DOWN,)
    a, b = (("model", "a"),), (("model", "b"),)
    engine.world.drawn = {a: "!!!!", b: "!!.."}
    down = engine.rule(id="down", group_by=["model"], filters={}, hold=timedelta(0))
    engine.rules(down, engine.rule(id="slow", group_by=["model"]))
    desk.through(4)

    assert ("slow", "fired") not in desk.told()
    assert ("slow", "resolved") not in desk.told()
    sql = "SELECT error FROM data.outbox WHERE status = 'suppressed' AND reason = 'resolved'"
    assert store.read(sql)["error"].to_list() == ["over before anybody had to know"]


def test_the_end_is_told_to_those_who_know_the_beginning(desk: Desk) -> None:
    engine, desk.inhibitions = desk.engine, (DOWN,)
    engine.world.drawn = {(): "!!!!.."}
    engine.rules(engine.rule(id="slow"))
    desk.through(2)
    engine.rules(engine.rule(id="slow"), engine.rule(id="down"), now=desk.now(2))

    desk.through(6, first=2)

    assert [reason for rule, reason in desk.told() if rule == "slow"] == ["fired", "resolved"]


def test_a_silence_made_while_a_message_waits_keeps_it_back_until_it_ends(desk: Desk, store: Store) -> None:
    engine = desk.engine
    engine.world.drawn = {(): "!!!!!!"}
    engine.rules(engine.rule())
    engine.at(0)
    silences.silence(
        store, rule_id="slow", slice_=None, starts_at=desk.now(0), ends_at=desk.now(3), comment="deploy", by="ana",
        now=desk.now(0),
    )  # fmt: skip
    desk.deliver(0)
    assert desk.told() == []
    assert "held back" in incidents.timeline(store, 1)["what"].to_list()

    desk.through(5, first=1)

    assert desk.told() == [("slow", "fired")]


def test_a_held_message_of_an_incident_without_an_end_message_is_dropped_with_it(desk: Desk, store: Store) -> None:
    engine, desk.inhibitions = desk.engine, (DOWN,)
    engine.world.drawn = {(): "!!!!!!"}
    engine.rules(engine.rule(id="down"), engine.rule(id="slow"))
    desk.through(2)
    with store.transaction() as tx:
        incidents.close_incident(tx, 2, at=desk.now(2), reason="recovered")

    desk.deliver(3)

    assert desk.told() == [("down", "fired")]


# --- what people answer


def test_a_snoozed_alert_is_quiet_until_it_is_worse(desk: Desk, store: Store) -> None:
    engine = desk.engine
    engine.world.drawn = {(): "!" * 600}
    engine.rules(engine.rule(severity="critical"))
    desk.at(0)
    assert attention.snooze(store, 1, by="ana", now=desk.now(1))
    for minute in range(1, 500, 60):
        desk.at(minute)
    assert desk.told() == [("slow", "fired")]

    with store.transaction() as tx:
        tx.execute("UPDATE data.alert_instances SET value = 15.5, why = '15.5 ms > 5 ms'")
    desk.deliver(500)
    desk.deliver(501)

    assert desk.told() == [("slow", "fired"), ("slow", "worse")]
    assert desk.inbox.got[-1].why == "snoozed until worse: 16 ms is worse than 15 ms"
    assert desk.inbox.got[-1].now_text == "16 ms (100 calls)"
    said = incidents.timeline(store, 1).filter(pl.col("what").is_in(["snoozed", "woken"]))
    assert said["details"].to_list() == ["ana: until worse than 15", "leeway: 16 ms is worse than 15 ms"]


@pytest.mark.parametrize(("comparison", "value", "wakes"), [("<", 6.0, True), ("<", 7.0, False)])
def test_worse_is_lower_where_lower_is_worse(
    desk: Desk, store: Store, comparison: str, value: float, wakes: bool
) -> None:
    engine = desk.engine
    engine.world.drawn = {(): "!!"}
    engine.rules(engine.rule(metric="calls", comparison=comparison, threshold=50))
    desk.at(0)
    attention.snooze(store, 1, by="ana", now=desk.now(0))

    with store.transaction() as tx:
        tx.execute("UPDATE data.alert_instances SET value = $value", {"value": value})

    assert attention.woken(store, now=desk.now(1)) == int(wakes)


def test_a_snooze_without_a_limit_lasts_to_the_end(desk: Desk, store: Store) -> None:
    engine = desk.engine
    engine.world.drawn = {(): "!!..."}
    engine.rules(engine.rule())
    desk.at(0)

    assert attention.snooze(store, 1, by="ana", now=desk.now(0), worse=None)
    desk.through(4, first=1)

    assert desk.told() == [("slow", "fired"), ("slow", "resolved")]
    assert not attention.snooze(store, 1, by="ana", now=desk.now(4))


def test_who_looks_after_it_is_told_where_that_can_be_shown(desk: Desk, store: Store) -> None:
    engine, quiet = desk.engine, Inbox()
    desk.channels = {"ops": desk.inbox.channel(answers=True), "mail": quiet.channel("mail")}
    engine.channels = ("ops", "mail")
    engine.world.drawn = {(): "!!"}
    engine.rules(engine.rule())
    desk.at(0)

    assert attention.acknowledge(store, desk.channels, 1, by="ana", now=desk.now(1))
    desk.deliver(1)

    assert desk.told() == [("slow", "fired"), ("slow", "acknowledged")]
    assert desk.inbox.got[-1].why == "ana looks after it"
    assert [one.reason for one in quiet.got] == ["fired"]


def test_a_note_stands_in_the_timeline(desk: Desk, store: Store) -> None:
    engine = desk.engine
    engine.world.drawn = {(): "!!"}
    engine.rules(engine.rule())
    desk.at(0)

    attention.note(store, 1, "it was the new prompt", by="ana", now=desk.now(1))

    assert incidents.timeline(store, 1).row(-1)[1:] == ("note", "ana: it was the new prompt")


def test_a_message_says_how_to_answer_it(desk: Desk) -> None:
    desk.answer = lambda incident_id: f"https://leeway.example/answer?t={incident_id}"
    engine = desk.engine
    engine.world.drawn = {(): "!."}
    engine.rules(engine.rule())

    desk.through(2)

    fired, resolved = desk.inbox.got
    assert fired.links["silence"] == "https://leeway.example/answer?t=1"
    assert "silence" not in resolved.links


def test_what_leeway_says_of_itself_is_not_kept_back(desk: Desk, store: Store) -> None:
    silences.silence(
        store, rule_id=None, slice_=None, starts_at=desk.now(0), ends_at=desk.now(60), comment="quiet", by="ana",
        now=desk.now(0),
    )  # fmt: skip
    sign = Sign(name="leeway-disk", title="The disk is almost full", breached=True, why="1 % is free")

    watch(store, [sign], settings=AT_ONCE, channels=("ops",), now=desk.now(1))
    desk.deliver(1)

    assert desk.told() == [("leeway-disk", "fired")]


def test_a_channel_that_draws_gets_what_the_rule_saw(desk: Desk) -> None:
    seen: list[Letter] = []

    def keep(_settings: Any, letter: Letter) -> Receipt:
        seen.append(letter)
        return Receipt(ref="r")

    kind = Channel(name="drawing", settings=ChannelSettings, send=keep, draws=True)
    desk.channels = {"ops": Configured(name="ops", channel=kind, settings=ChannelSettings())}
    desk.engine.world.drawn = {(): "..!!!."}
    desk.engine.rules(desk.engine.rule())

    desk.through(6)

    fired, resolved = seen
    assert fired.course is not None
    assert [point.value for point in fired.course.points] == [1.0, 1.0, 10.0]
    assert resolved.course is not None
    assert (resolved.course.firing.start, resolved.course.firing.end) == (desk.now(2), desk.now(5))
    assert (fired.thread, resolved.thread) == (None, Thread(ref="r", shared=False))


def test_what_began_and_ended_behind_its_cause_before_anything_was_sent_is_not_told(desk: Desk, store: Store) -> None:
    engine, desk.inhibitions = desk.engine, (DOWN,)
    a, b = (("model", "a"),), (("model", "b"),)
    engine.world.drawn = {a: "!!!!", b: "!...."}
    engine.rules(engine.rule(id="down", group_by=["model"]), engine.rule(id="slow", group_by=["model"]))
    engine.through(3)

    desk.deliver(3)

    assert [(rule, reason) for rule, reason in desk.told() if rule == "slow"] == []
    waiting = "SELECT count(*) FROM data.outbox WHERE status IN ('waiting', 'held') AND incident_id IN ("
    over = "SELECT incident_id FROM data.incidents WHERE rule_id = 'slow' AND resolved_at IS NOT NULL)"
    assert store.one(waiting + over) == 0
