"""Every channel against receivers that misbehave in every way: nothing lost, nothing stormed, the right order.

`LEEWAY_DELIVERY_SEEDS=10 pytest tests/acceptance/test_delivery.py` plays more lives.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alerts.channel import Configured, configured
from alerts.channels import email
from alerts.deliver import deliver
from alerts.delivery import post
from alerts.notification import Notification, dumps, loads
from alerts.settings import AlertSettings
from store import incidents, outbox
from store.alerting import Severity
from store.connection import Store
from tests.acceptance.receivers import BUSY_S, MOODS, Fake, http, smtp

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TICK = timedelta(seconds=5)
KINDS = ("slack", "slack_bot", "pagerduty", "teams", "webhook", "email")
INCIDENTS, RULES = 24, 6
QUIET_AFTER = timedelta(hours=12)
SEEDS = range(1, 1 + int(os.environ.get("LEEWAY_DELIVERY_SEEDS", "1")))


class World:
    """A clock, a receiver for each kind of channel, and an outbox that fills as incidents come and go."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.now = START
        self.fakes = {kind: Fake(kind=kind, clock=lambda: self.now) for kind in KINDS}
        self.settings = AlertSettings()

    def channels(self) -> dict[str, Configured]:
        tables = {kind: self._table(kind, fake) for kind, fake in self.fakes.items()}
        return configured(tables)

    def _table(self, kind: str, fake: Fake) -> dict[str, Any]:
        if kind == "email":
            host, _, port = fake.host.partition(":")
            return {"type": "email", "host": host, "port": int(port), "sender": "l@o.example", "to": "a@x.example"}
        secret = self.folder / kind
        secret.write_text(f"http://{fake.host}/hook")
        rest = {
            "slack_bot": {"token_file": str(secret), "channel": "C1", "api_url": f"http://{fake.host}/api"},
            "pagerduty": {"routing_key_file": str(secret), "api_url": f"http://{fake.host}/v2"},
            "webhook": {"url_file": str(secret)},
        }.get(kind, {"webhook_url_file": str(secret)})
        return {"type": kind, "allow": [fake.host], **rest}

    def tell(self, incident: int, reason: Any) -> None:
        told = Notification(
            reason=reason, rule_id=f"rule{incident % RULES}", title=f"Rule {incident % RULES}", severity="warning",
            at=self.now, incident_id=incident, since=self.now, slice={"model": f"m{incident}"}, now_text="9 ms",
        )  # fmt: skip
        with self.store.transaction() as tx:
            if reason == "fired":
                incidents.open_incident(tx, self._opened(told))
            else:
                incidents.close_incident(tx, incident, at=self.now, reason="recovered")
            for kind in KINDS:
                queued = outbox.Queued(channel=kind, incident_id=incident, reason=reason, payload=dumps(told))
                outbox.queue(tx, queued, now=self.now)

    def _opened(self, told: Notification) -> incidents.Incident:
        return incidents.Incident(
            incident_id=told.incident_id or 0, rule_id=told.rule_id, slice=f'{{"model":"m{told.incident_id}"}}',
            severity=Severity.WARNING, title=told.title, opened_at=self.now, fired_at=self.now, peak_value=9.0,
            last_value=9.0, threshold=5.0, baseline=None, unit="ms", reason="", evidence=dumps(told),
        )  # fmt: skip

    def play(self, happenings: dict[int, list[tuple[int, str]]], channels: dict[str, Configured]) -> None:
        """Five seconds at a time, until nothing waits any more."""
        rng = random.Random(1)
        last = max(happenings)
        for tick in range(last + 1):
            for incident, reason in happenings.get(tick, []):
                self.tell(incident, reason)
            self._deliver(channels, rng, TICK)
        while outbox.waiting_channels(self.store) and self.now < START + QUIET_AFTER:
            self._deliver(channels, rng, 6 * TICK)

    def _deliver(self, channels: dict[str, Configured], rng: random.Random, step: timedelta) -> None:
        deliver(self.store, channels, self.settings, clock=lambda: self.now, rng=rng, sleep=lambda _: None)
        self.now += step


@pytest.fixture
def world(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(post, "TOTAL_S", 0.3)
    monkeypatch.setattr(email, "TIMEOUT_S", 1.0)
    made = World(store, tmp_path)
    with ExitStack() as stack:
        for kind, fake in made.fakes.items():
            stack.enter_context(smtp(fake) if kind == "email" else http(fake))
        yield made


def _happenings(rng: random.Random) -> dict[int, list[tuple[int, str]]]:
    """Incidents that begin within five minutes and last up to ten: most overlap, some are over at once."""
    found: dict[int, list[tuple[int, str]]] = {}
    for incident in range(1, INCIDENTS + 1):
        begins = rng.randrange(0, 60)
        found.setdefault(begins, []).append((incident, "fired"))
        found.setdefault(begins + rng.randrange(1, 120), []).append((incident, "resolved"))
    return found


def _told(world: World, kind: str) -> list[tuple[str, set[int]]]:
    """What a receiver took, in order: reason and incidents, as the outbox knows them."""
    sql = """
        SELECT o.payload FROM data.outbox o JOIN data.deliveries d USING (notification_id)
        WHERE o.channel = $channel AND d.ok ORDER BY d.attempted_at, o.notification_id
    """
    rows = [loads(payload) for payload in world.store.read(sql, {"channel": kind})["payload"]]
    return [(one.reason, set(one.incidents)) for one in rows]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_nothing_stormed_and_the_order_is_right(world: World, seed: int) -> None:
    rng = random.Random(seed)
    for fake in world.fakes.values():
        fake.moods = [mood for _ in range(2) for mood in rng.sample(MOODS, len(MOODS))]
    world.play(_happenings(rng), world.channels())

    assert outbox.waiting_channels(world.store) == []
    statuses = Counter(world.store.read("SELECT status FROM data.outbox")["status"])
    assert set(statuses) <= {"sent", "suppressed"}
    for kind, fake in world.fakes.items():
        told = _told(world, kind)
        assert len(fake.taken) >= len(told)
        _nothing_is_lost(told)
        _nothing_is_stormed(fake)
    _threads_are_kept(world.fakes["slack_bot"].taken)


def _nothing_is_lost(told: list[tuple[str, set[int]]]) -> None:
    """Each incident was told of, its end last, and its beginning before its end unless both were one message."""
    for incident in range(1, INCIDENTS + 1):
        mine = [reason for reason, of in told if incident in of]
        if "digest" in mine:
            continue
        assert mine in (["fired", "resolved"], ["fired_and_resolved"]), (incident, mine)


def _threads_are_kept(taken: list[Any]) -> None:
    """An incident's end stands below the message that told of its beginning; only an end changes a message."""
    ends = [one for one in taken if "[RESOLVED" in one["text"] and one["method"] == "chat.postMessage"]
    assert all("thread_ts" in one for one in ends)
    assert all("[RESOLVED" in one["text"] for one in taken if one["method"] == "chat.update")


def _nothing_is_stormed(fake: Fake) -> None:
    """Retry-After is kept to the second; after any other failure there is a pause; few requests in any five minutes."""
    for (at, mood), (following, _) in pairwise(fake.asked):
        if mood == "busy" and fake.kind != "email":
            assert following - at >= timedelta(seconds=BUSY_S), (fake.kind, at, following)
        elif mood != "ok":
            assert following > at
    if fake.kind != "pagerduty":  # each alert by itself: that is what its key is for
        moments = [at for at, mood in fake.asked if mood == "ok"]
        for at in moments:
            near = sum(at <= other < at + timedelta(minutes=5) for other in moments)
            assert near <= (20 if fake.kind == "slack_bot" else 10), fake.kind


def test_a_receiver_that_is_gone_for_good_is_given_up_and_the_others_are_told(world: World) -> None:
    channels = world.channels()
    dead = Fake(kind="webhook", clock=lambda: world.now, host="127.0.0.1:1")
    table = world._table("webhook", dead)
    channels["webhook"] = configured({"webhook": {**table, "fallback": None}})["webhook"]
    world.tell(1, "fired")
    for _ in range(30):
        deliver(world.store, channels, world.settings, clock=lambda: world.now, sleep=lambda _: None)
        world.now += timedelta(hours=1)

    assert {kind: len(fake.taken) for kind, fake in world.fakes.items()} == dict.fromkeys(KINDS, 1) | {"webhook": 0}
    health = outbox.channel_health(world.store, KINDS).filter(channel="webhook").row(0, named=True)
    assert (health["health"], health["waiting"]) == ("dead", 0)
    assert "gave up after 24 h" in health["error"] or "ConnectError" in health["error"]
