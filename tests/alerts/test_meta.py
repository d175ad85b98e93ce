"""Leeway watches itself, and nobody can switch that off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts import meta
from alerts.delivery.heartbeat import beat
from alerts.meta import Sign
from alerts.notification import loads
from alerts.settings import AlertSettings
from store import arrivals, silences
from store.calls import append_calls, call_table
from store.connection import Store
from store.errors import DeliveryError
from store.model import LLMCall

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MEANING = {".": False, "!": True, "?": None}


def live(store: Store, picture: str, *, hold: int = 0, every: timedelta = MINUTE, start: datetime = NOW) -> None:
    for minute, letter in enumerate(picture):
        sign = Sign(
            name="leeway-disk", title="The disk is almost full", breached=MEANING[letter], why="4 % is free",
            hold=hold * MINUTE,
        )  # fmt: skip
        meta.watch(store, [sign], settings=AlertSettings(), channels=["ops"], now=start + minute * every)


def told(store: Store) -> list[str]:
    return store.read("SELECT reason FROM data.outbox ORDER BY notification_id")["reason"].to_list()


@pytest.mark.parametrize(
    ("picture", "hold", "messages"),
    [
        ("....", 0, []),
        (".!!!", 0, ["fired"]),
        (".!." + "." * 10, 0, ["fired", "resolved"]),
        (".!.!.!.!" + "." * 11, 0, ["fired", "resolved"]),  # it must be well for ten minutes
        (".!!.!!", 3, []),
        (".!!!!!", 3, ["fired"]),
        ("!????????????", 0, ["fired"]),
        ("!", 0, ["fired"]),
    ],
)
def test_a_sign_has_a_life_like_every_alert(store: Store, picture: str, hold: int, messages: list[str]) -> None:
    live(store, picture, hold=hold)

    assert told(store) == messages


def test_its_incident_and_message_say_what_is_wrong(store: Store) -> None:
    live(store, ".!")

    [message] = [loads(text) for text in store.read("SELECT payload FROM data.outbox")["payload"]]
    assert (message.title, message.why, message.severity) == ("The disk is almost full", "4 % is free", "critical")
    assert message.links["page"] == "http://127.0.0.1:8501/alerts"
    row = store.read("SELECT rule_id, severity, resolved_at FROM data.incidents").row(0)
    assert row == ("leeway-disk", "critical", None)


def test_what_goes_on_is_repeated_every_four_hours(store: Store) -> None:
    live(store, "!" * 10, every=HOUR)

    assert told(store) == ["fired", "repeat", "repeat"]


@pytest.mark.parametrize(("rule_id", "messages"), [(None, ["fired"]), ("leeway-disk", [])])
def test_only_a_silence_that_names_it_reaches_it(store: Store, rule_id: str | None, messages: list[str]) -> None:
    silences.silence(store, rule_id=rule_id, slice_=None, starts_at=NOW, ends_at=NOW + HOUR, comment="", by="ana",
                     now=NOW)  # fmt: skip
    live(store, ".!!")

    assert told(store) == messages


def test_what_was_silenced_and_goes_on_is_told_afterwards(store: Store) -> None:
    silences.silence(store, rule_id="leeway-disk", slice_=None, starts_at=NOW, ends_at=NOW + 3 * MINUTE, comment="",
                     by="ana", now=NOW)  # fmt: skip
    live(store, ".!!!!")

    assert told(store) == ["fired"]


def _arrive(store: Store, *minutes: int) -> None:
    for minute in minutes:
        at = NOW - minute * MINUTE
        call = LLMCall(call_id=f"c{minute}", source="test", event_time=at)
        with store.transaction() as tx:
            append_calls(tx, call_table([call], source_id=None, ingested_at=at))


def test_a_pause_is_measured_against_the_longest_of_the_week(store: Store) -> None:
    _arrive(store, 500, *range(200, 100, -5), 30)

    seen = arrivals.arrivals(store, now=NOW)

    assert seen.last_at == NOW - 30 * MINUTE
    assert seen.longest_pause == 300 * MINUTE


def test_of_little_data_nobody_can_say_what_a_pause_is(store: Store) -> None:
    _arrive(store, 500, 400)

    assert arrivals.arrivals(store, now=NOW).longest_pause is None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_heartbeat_reaches_whoever_listens(receiver: Any, method: Any) -> None:
    receiver.script[:] = [(200, {}, b"OK")]

    beat(receiver.url, method=method, allow=[receiver.host])

    assert [one.get("method") for one in receiver.got] == [method]


def test_the_heartbeat_does_not_go_into_our_own_network(receiver: Any) -> None:
    with pytest.raises(DeliveryError):
        beat(receiver.url, method="GET", allow=[])
    assert not receiver.got
