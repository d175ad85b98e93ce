"""The outbox empties itself: at least once, in order, patiently, loudly when a channel is dead."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event
from typing import Any

import pytest

from alerts.channel import Channel, ChannelSettings, Configured, Receipt
from alerts.deliver import deliver
from alerts.deliver import test as send_test
from alerts.delivery.sending import backoff_s, wait_s
from alerts.delivery.turns import Turns
from alerts.notification import Notification, dumps, headline
from alerts.settings import AlertSettings
from store import outbox
from store.connection import Store
from store.errors import DeliveryError
from tests.alerts.inbox import Inbox

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SETTINGS = AlertSettings(group_wait=timedelta(0), group_interval=timedelta(0))
PASSING = DeliveryError("it answered 503", permanent=False, status_code=503)
GONE = DeliveryError("it answered 404", permanent=True, status_code=404)


@dataclass
class Post:
    """An outbox with its worker."""

    store: Store
    inbox: Inbox = field(default_factory=Inbox)
    channels: dict[str, Configured] = field(default_factory=dict)
    settings: AlertSettings = SETTINGS

    def __post_init__(self) -> None:
        self.channels = {"ops": self.inbox.channel()}

    def queue(
        self, reason: Any = "fired", incident: int | None = 1, at: datetime = NOW, channel: str = "ops",
        rule: str = "slow", severity: str = "warning",
    ) -> int:  # fmt: skip
        told = Notification(
            reason=reason, rule_id=rule, title="Slow", severity=severity, at=at, incident_id=incident, since=at
        )
        with self.store.transaction() as tx:
            message = outbox.Queued(channel=channel, incident_id=incident, reason=reason, payload=dumps(told))
            return outbox.queue(tx, message, now=at)

    def deliver(self, after: float = 0) -> dict[str, int]:
        slept: list[float] = []
        now = NOW + timedelta(seconds=after)
        return deliver(self.store, self.channels, self.settings, clock=lambda: now, rng=Random(1), sleep=slept.append)

    def reasons(self) -> list[tuple[int | None, str]]:
        return [(one.incident_id, one.reason) for one in self.inbox.got]

    def statuses(self) -> list[str]:
        return self.store.read("SELECT status FROM data.outbox ORDER BY notification_id")["status"].to_list()


@pytest.fixture
def post(store: Store) -> Post:
    return Post(store)


def test_what_is_due_is_sent_once(post: Post) -> None:
    post.queue()

    assert post.deliver() == {"sent": 1, "failed": 0, "dead": 0}
    assert post.deliver() == {"sent": 0, "failed": 0, "dead": 0}
    assert post.reasons() == [(1, "fired")]
    assert post.statuses() == ["sent"]


def test_every_attempt_is_a_row(post: Post) -> None:
    post.inbox.answers = [PASSING]
    post.queue()
    post.deliver()
    post.deliver(after=60)

    rows = outbox.deliveries(post.store).select("attempt", "ok", "status_code", "error", "reason").rows()

    assert rows == [(2, True, 200, None, "fired"), (1, False, 503, "it answered 503", "fired")]


def test_retry_after_is_honoured(post: Post) -> None:
    post.inbox.answers = [DeliveryError("slow down", permanent=False, retry_after=7, status_code=429)]
    post.queue()

    post.deliver()
    post.deliver(after=6.9)
    assert post.inbox.tried == 1
    post.deliver(after=7)

    assert post.reasons() == [(1, "fired")]


def test_while_one_message_waits_the_whole_channel_does(post: Post) -> None:
    post.inbox.answers = [DeliveryError("slow down", permanent=False, retry_after=30)]
    post.queue(incident=1)
    post.queue(incident=2)

    post.deliver()
    post.deliver(after=29)
    assert post.inbox.tried == 1
    post.deliver(after=30)

    assert post.reasons() == [(1, "fired"), (2, "fired")]


def test_waits_grow_with_jitter_and_have_an_end() -> None:
    rng = Random(0)

    assert all(1 <= backoff_s(attempt, rng) <= min(600, 5 * 2 ** (attempt - 1)) for attempt in range(1, 40))


def test_it_is_delivered_soon_after_the_receiver_is_back(post: Post) -> None:
    post.inbox.answers = [PASSING] * 5
    post.queue()

    for second in range(0, 300, 5):
        post.deliver(after=second)

    assert post.reasons() == [(1, "fired")]
    assert post.inbox.tried == 6


def test_a_permanent_refusal_is_dead_at_once_and_shown(post: Post) -> None:
    post.inbox.answers = [GONE]
    post.queue()

    assert post.deliver()["dead"] == 1
    assert post.statuses() == ["dead"]
    health = outbox.channel_health(post.store, ["ops", "spare"])
    assert health.select("channel", "health", "waiting", "error").sort("channel").rows() == [
        ("ops", "dead", 0, "it answered 404"),
        ("spare", "unused", 0, None),
    ]


def test_what_a_dead_channel_could_not_send_goes_through_its_fallback(post: Post) -> None:
    spare = Inbox()
    post.inbox.answers = [GONE]
    post.channels = {"ops": post.inbox.channel(fallback="mail"), "mail": spare.channel("mail", fallback="ops")}
    post.queue()

    post.deliver()
    post.deliver()

    assert [one.rescued_from for one in spare.got] == ["ops: it answered 404"]


def test_two_dead_channels_do_not_play_ping_pong(post: Post) -> None:
    spare = Inbox(answers=[GONE] * 9)
    post.inbox.answers = [GONE] * 9
    post.channels = {"ops": post.inbox.channel(fallback="mail"), "mail": spare.channel("mail", fallback="ops")}
    post.queue()

    for _ in range(5):
        post.deliver()

    assert (post.inbox.tried, spare.tried) == (1, 1)


def test_after_a_day_a_message_is_given_up(post: Post) -> None:
    post.inbox.answers = [PASSING] * 2
    post.queue()
    post.deliver()

    assert post.deliver(after=24 * 3600 + 700)["dead"] == 1


def test_a_bug_in_one_channel_keeps_nobody_else_from_being_told(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    post.inbox.answers = [KeyError("bug")]
    other = Inbox()
    post.channels["mail"] = other.channel("mail")
    post.queue()
    post.queue(channel="mail")

    assert post.deliver() == {"sent": 1, "failed": 1, "dead": 0}
    assert "Traceback" in caplog.text
    assert len(other.got) == 1


def test_a_channel_nobody_configured_is_dead_with_a_hint(post: Post) -> None:
    post.queue(channel="typo")

    post.deliver()

    assert "no channel is named 'typo'" in post.store.one("SELECT error FROM data.deliveries")


def test_fired_and_resolved_while_away_is_one_message(post: Post) -> None:
    post.inbox.answers = [PASSING]
    post.queue(incident=1)
    post.queue(incident=2)
    post.deliver()
    post.queue("resolved", incident=1, at=NOW + timedelta(minutes=5))

    post.deliver(after=600)

    assert sorted(post.reasons()) == [(1, "fired_and_resolved"), (2, "fired")]


def test_order_is_kept_within_an_incident(post: Post) -> None:
    post.inbox.answers = [PASSING, PASSING]
    post.queue("repeat")
    post.queue("acknowledged")

    for second in range(0, 120, 5):
        post.deliver(after=second)

    assert post.reasons() == [(1, "repeat"), (1, "acknowledged")]


def test_a_repeat_replaces_a_first_message_that_never_got_out(post: Post) -> None:
    post.inbox.answers = [PASSING]
    post.queue("fired")
    post.deliver()
    post.queue("repeat", at=NOW + timedelta(hours=4))

    post.deliver(after=4 * 3600 + 60)

    assert post.reasons() == [(1, "fired")]
    assert post.inbox.got[0].at == NOW + timedelta(hours=4)


def test_many_alerts_of_a_rule_share_a_message(post: Post) -> None:
    for incident in range(1, 31):
        post.queue(incident=incident)

    post.deliver()

    assert post.reasons() == [(1, "fired")]
    assert post.inbox.got[0].incidents == tuple(range(1, 31))
    assert headline(post.inbox.got[0]) == "[FIRING · warning] Slow and 29 more"
    assert post.statuses().count("suppressed") == 29


def test_five_hundred_rules_at_once_are_one_digest(post: Post) -> None:
    for incident in range(1, 501):
        post.queue(incident=incident, rule=f"rule{incident}", severity="critical" if incident == 400 else "warning")

    for second in range(0, 300, 5):
        post.deliver(after=second)

    assert [one.reason for one in post.inbox.got] == ["digest"]
    assert (post.inbox.got[0].now_text, post.inbox.got[0].severity) == ("500 fired", "critical")
    assert post.inbox.got[0].others[0].rule_id == "rule400"
    assert len(post.inbox.got[0].incidents) == 500


def test_a_group_waits_for_company_and_is_then_left_in_peace(post: Post) -> None:
    post.settings = AlertSettings()
    post.queue(incident=1)
    post.deliver(after=29)
    assert post.reasons() == []
    post.queue(incident=2, at=NOW + timedelta(seconds=29))

    post.deliver(after=30)
    post.queue(incident=3, at=NOW + timedelta(seconds=60))
    post.queue("resolved", incident=1, at=NOW + timedelta(seconds=90))
    post.deliver(after=329)
    assert post.reasons() == [(1, "fired"), (2, "fired")]
    post.deliver(after=330)

    assert post.reasons()[2:] == [(3, "fired"), (1, "resolved")]


def test_groups_do_not_wait_for_one_another(post: Post) -> None:
    post.settings = AlertSettings(group_wait=timedelta(0))
    post.queue(incident=1)
    post.deliver()
    post.queue(incident=2, rule="other")

    post.deliver(after=1)

    assert post.reasons() == [(1, "fired"), (2, "fired")]


def test_a_channel_gets_at_most_a_burst_in_an_interval_and_then_a_digest(post: Post) -> None:
    post.settings = AlertSettings(group_wait=timedelta(0), burst=3)
    for incident in range(1, 10):
        post.queue(incident=incident, rule=f"rule{incident}", at=NOW + timedelta(seconds=10 * incident))
        post.deliver(after=10 * incident)
    assert [one.reason for one in post.inbox.got] == ["fired"] * 3

    post.deliver(after=311)

    assert [one.reason for one in post.inbox.got] == ["fired"] * 3 + ["digest"]
    assert post.inbox.got[-1].incidents == tuple(range(4, 10))


def test_a_channel_that_takes_alerts_one_by_one_gets_them_so(post: Post) -> None:
    post.channels = {"ops": post.inbox.channel(gathers=False)}
    post.settings = AlertSettings()
    for incident in range(1, 31):
        post.queue(incident=incident)

    post.deliver()

    assert [incident for incident, _ in post.reasons()] == list(range(1, 31))


def test_who_comes_while_a_channel_must_be_left_alone_waits_as_well(post: Post) -> None:
    post.inbox.answers = [DeliveryError("slow down", permanent=False, retry_after=30, status_code=429)]
    post.queue(incident=1)
    post.deliver()
    post.queue(incident=2, at=NOW + timedelta(seconds=1), rule="other")

    post.deliver(after=29)
    assert post.inbox.tried == 1
    post.deliver(after=30)

    assert post.reasons() == [(1, "fired"), (2, "fired")]


@pytest.mark.parametrize(
    ("failure", "attempt", "seconds"),
    [
        (DeliveryError("", permanent=False, status_code=429), 1, 30),
        (DeliveryError("", permanent=False, status_code=429), 3, 120),
        (DeliveryError("", permanent=False, status_code=429), 99, 600),
        (DeliveryError("", permanent=False, status_code=503, retry_after=7), 9, 7),
        (DeliveryError("", permanent=False, status_code=429, retry_after=1e20), 1, 3600),
    ],
)
def test_the_wait_is_the_receivers_or_grows(failure: DeliveryError, attempt: int, seconds: float) -> None:
    assert wait_s(failure, attempt, Random(1)) == seconds


def test_a_new_process_takes_up_at_once_what_a_dead_one_was_sending(post: Post) -> None:
    post.queue()
    [row] = outbox.waiting(post.store, "ops")
    outbox.claim(post.store, row, until=NOW + timedelta(minutes=1))
    post.deliver(after=5)
    assert post.reasons() == []

    post.store.session = "the next process"
    post.deliver(after=6)

    assert post.reasons() == [(1, "fired")]


def test_a_slow_channel_keeps_no_other_waiting(post: Post) -> None:
    slow, go = Inbox(), Event()
    send = slow.send

    def hangs(*told: Any) -> Receipt:
        assert go.wait(30)
        return send(*told)

    kind = Channel(name="x", settings=ChannelSettings, send=hangs)
    post.channels["slow"] = Configured(name="slow", channel=kind, settings=ChannelSettings())
    with Turns(patience_s=0.2) as turns:
        for incident in (1, 2):
            post.queue(incident=incident, channel="slow")
            post.queue(incident=incident)
            deliver(post.store, post.channels, SETTINGS, clock=lambda: NOW, turns=turns, sleep=lambda _: None)
        assert post.reasons() == [(1, "fired"), (2, "fired")]
        assert slow.got == []
        go.set()
        while outbox.waiting_channels(post.store):
            deliver(post.store, post.channels, SETTINGS, clock=lambda: NOW, turns=turns, sleep=lambda _: None)

    assert [one.incident_id for one in slow.got] == [1, 2]


def test_a_slow_channel_ends_its_turn(post: Post) -> None:
    moments = iter(NOW + timedelta(seconds=15 * n) for n in range(100))
    for incident in range(1, 4):
        post.queue(incident=incident, rule=f"rule{incident}")

    deliver(post.store, post.channels, SETTINGS, clock=lambda: next(moments), sleep=lambda _: None)

    assert len(post.inbox.got) < 3


def test_twelve_hours_away_end_in_few_messages_that_say_they_are_late(post: Post) -> None:
    post.inbox.answers = [PASSING] * 100
    for incident in range(1, 4):
        post.queue(incident=incident)
    for second in range(0, 12 * 3600, 900):
        post.deliver(after=second)
    post.inbox.answers = []

    post.deliver(after=12 * 3600 + 601)

    assert len(post.inbox.got) == 3
    assert {one.delayed for one in post.inbox.got} == {"by 12 h 10 min"}


def test_a_crash_between_sending_and_marking_repeats_at_most_once(post: Post) -> None:
    post.queue()
    post.inbox.answers = []
    send = post.inbox.send

    def dies(*told: Any) -> Receipt:
        send(*told)
        raise KeyboardInterrupt

    post.channels = {"ops": Configured(name="ops", channel=Channel(name="x", settings=ChannelSettings, send=dies), settings=ChannelSettings())}  # noqa: E501 # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        post.deliver()
    post.channels = {"ops": post.inbox.channel()}

    post.deliver(after=10)
    assert len(post.inbox.got) == 1
    post.deliver(after=61)
    post.deliver(after=200)

    assert len(post.inbox.got) == 2
    assert len({one.key("ops") for one in post.inbox.got}) == 1


def test_two_workers_send_a_row_once(post: Post) -> None:
    post.queue()
    [row] = outbox.waiting(post.store, "ops")

    assert outbox.claim(post.store, row, until=NOW + timedelta(minutes=1)) == 1
    assert outbox.claim(post.store, row, until=NOW + timedelta(minutes=1)) is None


def test_messages_of_a_channel_keep_their_distance(post: Post) -> None:
    slept: list[float] = []
    sleep: Callable[[float], None] = slept.append
    post.channels = {"ops": Configured(name="ops", channel=post.channels["ops"].channel, settings=ChannelSettings())}
    for incident in range(1, 4):
        post.queue(incident=incident)

    deliver(post.store, post.channels, SETTINGS, clock=lambda: NOW, sleep=sleep)

    assert slept == [1.0, 1.0]


@pytest.mark.parametrize(("answer", "ok", "status"), [(None, True, "sent"), (GONE, False, "dead")])
def test_a_test_message_says_how_it_went(post: Post, answer: Any, ok: bool, status: str) -> None:
    post.inbox.answers = [answer]

    attempt = send_test(post.store, post.channels["ops"], SETTINGS, now=NOW)

    assert attempt.ok is ok
    assert post.statuses() == [status]
    assert outbox.deliveries(post.store)["reason"].to_list() == ["test"]
    assert post.deliver() == {"sent": 0, "failed": 0, "dead": 0}
