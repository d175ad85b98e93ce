"""Slack by token, PagerDuty, Teams, and what Apprise reaches."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import apprise as library
import pytest

from alerts.channel import Letter
from alerts.channels import apprise, pagerduty, slack_bot, teams, webhook
from alerts.delivery.secrets import MASK, masked
from alerts.notification import Notification, Other
from store.errors import DeliveryError
from store.threads import Thread

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise looks for it
NOW = datetime(2026, 3, 2, 14, 17, tzinfo=UTC)
HOSTILE = "<!channel> <@U1> @here <at>all</at> [x](https://evil.example) https://evil.example/x *b* `c` <img src=x>"
POSTED = json.dumps({"ok": True, "channel": "C7", "ts": "171.25"}).encode()
TAKEN = json.dumps({"status": "success", "dedup_key": "x"}).encode()


def told(**changes: Any) -> Notification:
    given: dict[str, Any] = {
        "reason": "fired", "rule_id": "cost", "title": "Cost per hour", "severity": "critical", "at": NOW,
        "metric": "cost_usd", "unit": "USD", "slice": {"model": "gpt-x"}, "incident_id": 214,
        "since": NOW - timedelta(minutes=32), "value": 41.8, "threshold": 30.0, "now_text": "$41.80 over 1 h",
        "why": "$41.80 > $30.00", "links": {"incident": "https://leeway.example/alerts?incident=214"},
    }  # fmt: skip
    return Notification(**{**given, **changes})


def hostile() -> Notification:
    return told(title=HOSTILE, slice={"tenant": HOSTILE}, why=HOSTILE, now_text=HOSTILE)


def letter(one: Notification, **more: Any) -> Letter:
    return Letter(told=one, channel="ops", **more)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "xoxb-very-secret")


# --- Slack by token


@pytest.fixture
def bot(receiver: Any) -> slack_bot.Settings:
    receiver.script = [(200, {}, POSTED)]
    return slack_bot.Settings(
        token_env="TOKEN", channel="#ops", api_url=f"http://{receiver.host}/api", allow=(receiver.host,)
    )


def asked(receiver: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(got["path"].rpartition("/")[2], json.loads(got["body"])) for got in receiver.got]


def test_the_first_message_of_an_incident_names_its_thread(receiver: Any, bot: Any) -> None:
    receipt = slack_bot.send(bot, letter(told()))

    [(method, body)] = asked(receiver)
    assert (method, body["channel"], receipt.ref) == ("chat.postMessage", "#ops", "C7/171.25")
    assert "thread_ts" not in body
    assert receiver.got[0]["headers"]["authorization"] == "Bearer xoxb-very-secret"


def test_what_follows_stands_in_the_thread(receiver: Any, bot: Any) -> None:
    slack_bot.send(bot, letter(told(reason="repeat"), thread=Thread(ref="C7/171.25", shared=False)))

    [(method, body)] = asked(receiver)
    assert (method, body["channel"], body["thread_ts"]) == ("chat.postMessage", "C7", "171.25")


def test_the_end_changes_the_first_message_and_is_told_below_it(receiver: Any, bot: Any) -> None:
    slack_bot.send(bot, letter(told(reason="resolved"), thread=Thread(ref="C7/171.25", shared=False)))

    (first, changed), (then, reply) = asked(receiver)
    assert (first, changed["channel"], changed["ts"]) == ("chat.update", "C7", "171.25")
    assert changed["text"] == reply["text"] == "🟢 [RESOLVED · critical] Cost per hour — model gpt-x: after 32 min"
    assert (then, reply["thread_ts"]) == ("chat.postMessage", "171.25")


def test_a_first_message_that_tells_of_others_too_stays_as_it_is(receiver: Any, bot: Any) -> None:
    slack_bot.send(bot, letter(told(reason="resolved"), thread=Thread(ref="C7/171.25", shared=True)))

    assert [method for method, _ in asked(receiver)] == ["chat.postMessage"]


def test_a_first_message_that_is_gone_stops_nothing(receiver: Any, bot: Any) -> None:
    receiver.script = [(200, {}, b'{"ok": false, "error": "message_not_found"}'), (200, {}, POSTED)]

    receipt = slack_bot.send(bot, letter(told(reason="resolved"), thread=Thread(ref="C7/171.25", shared=False)))

    assert receipt.note == "the first message cannot be changed any more"
    assert len(receiver.got) == 2


@pytest.mark.parametrize("body", [b'{"ok": false, "error": "invalid_auth"}', b'{"ok": false, "error": "ratelimited"}'])
def test_a_change_that_fails_otherwise_is_a_failure(receiver: Any, bot: Any, body: bytes) -> None:
    receiver.script = [(200, {}, body)]

    with pytest.raises(DeliveryError):
        slack_bot.send(bot, letter(told(reason="resolved"), thread=Thread(ref="C7/171.25", shared=False)))
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("body", "permanent"),
    [
        (b'{"ok": false, "error": "channel_not_found"}', True),
        (b'{"ok": false, "error": "invalid_auth"}', True),
        (b'{"ok": false, "error": "ratelimited"}', False),
        (b'{"ok": false, "error": "internal_error"}', False),
        (b'{"ok": true}', False),
        (b'{"ok": false}', False),
        (b"<html>", False),
        (b"[1]", False),
    ],
)
def test_slack_answers_200_to_what_it_refuses(receiver: Any, bot: Any, body: bytes, permanent: bool) -> None:
    receiver.script = [(200, {}, body)]

    with pytest.raises(DeliveryError) as failed:
        slack_bot.send(bot, letter(told()))
    assert failed.value.permanent is permanent
    assert "xoxb" not in str(failed.value)


# --- PagerDuty


@pytest.fixture
def pager(receiver: Any) -> pagerduty.Settings:
    receiver.script = [(202, {}, TAKEN)]
    return pagerduty.Settings(routing_key_env="TOKEN", api_url=receiver.url, allow=(receiver.host,))


def test_an_alert_is_triggered_acknowledged_and_resolved_under_one_key(receiver: Any, pager: Any) -> None:
    for reason in ("fired", "repeat", "acknowledged", "resolved"):
        assert pagerduty.send(pager, letter(told(reason=reason))).status_code == 202

    bodies = [json.loads(got["body"]) for got in receiver.got]
    assert [body["event_action"] for body in bodies] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert len({body["dedup_key"] for body in bodies}) == 1
    assert len(bodies[0]["dedup_key"]) == 32
    assert bodies[0]["payload"]["summary"] == "Cost per hour — model gpt-x: $41.80 over 1 h"
    assert bodies[0]["payload"]["severity"] == "critical"
    assert bodies[0]["links"][0]["href"].endswith("incident=214")


def test_another_slice_has_another_key() -> None:
    assert pagerduty.dedup_key(told()) != pagerduty.dedup_key(told(slice={"model": "y"}))
    assert pagerduty.dedup_key(told()) == pagerduty.dedup_key(told(incident_id=9))


def test_a_test_wakes_nobody_for_long_and_a_report_nobody_at_all(receiver: Any, pager: Any) -> None:
    pagerduty.send(pager, letter(told(reason="test", severity="info")))
    receipt = pagerduty.send(pager, letter(told(reason="report")))

    bodies = [json.loads(got["body"]) for got in receiver.got]
    assert [body["event_action"] for body in bodies] == ["trigger", "resolve"]
    assert bodies[0]["payload"]["severity"] == "info"
    assert receipt.note == "a report wakes nobody: not sent to PagerDuty"


@pytest.mark.parametrize("body", [b"", b"hotel wifi", b"[]", b'{"status": "throttled"}'])
def test_pagerduty_must_say_success(receiver: Any, pager: Any, body: bytes) -> None:
    receiver.script = [(202, {}, body)]

    with pytest.raises(DeliveryError, match="without 'success'") as failed:
        pagerduty.send(pager, letter(told()))
    assert not failed.value.permanent


def test_pagerduty_gets_no_link_that_a_stranger_wrote() -> None:
    shown = json.dumps(pagerduty.event(hostile(), "trigger", "leeway"))

    assert "https://evil" not in shown


# --- Teams


def test_teams_gets_a_card(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    receiver.script = [(202, {}, b"")]

    assert teams.send(teams.Settings(webhook_url_env="HOOK", allow=(receiver.host,)), letter(told())).status_code == 202

    [attachment] = json.loads(receiver.got[0]["body"])["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["body"][0]["inlines"][0]["text"] == "[FIRING · critical] Cost per hour — model gpt-x"
    assert card["body"][0]["inlines"][0]["color"] == "attention"
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Incident", "url": "https://leeway.example/alerts?incident=214"}
    ]


def test_teams_reads_no_markdown_of_strangers() -> None:
    card = teams.payload(hostile())["attachments"][0]["content"]

    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert "https://evil" not in json.dumps(card)
    assert "entities" not in card["msteams"]


def test_a_card_stays_below_what_teams_takes() -> None:
    card = teams.payload(told(title="x" * 5000, why="y" * 9000, slice={"tenant": "z" * 9000}))

    assert len(json.dumps(card)) < 28_000


# --- Apprise


def _apprise(monkeypatch: pytest.MonkeyPatch, url: str, result: bool = True) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    def notify(sender: Any, **given: Any) -> bool:
        sent.append({**given, "urls": [one.url() for one in sender]})
        return result

    monkeypatch.setattr(library.Apprise, "notify", notify)
    monkeypatch.setenv("APPRISE", url)
    return sent


SETTINGS = apprise.Settings(url_env="APPRISE")


def test_apprise_gets_plain_text_and_follows_no_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = _apprise(monkeypatch, "discord://1234567890/abcdefghijkl")

    apprise.send(SETTINGS, letter(hostile()))

    assert sent[0]["body_format"] == library.NotifyFormat.TEXT
    assert "https://evil" not in sent[0]["body"]
    assert "Incident: https://leeway.example/alerts?incident=214" in sent[0]["body"]
    assert "redirect=no" in sent[0]["urls"][0]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("syslog://", "Apprise's 'syslog' is not used here"),
        ("dbus://", "is not used here"),
        ("json://10.0.0.1/x", "is not used here"),
        ("gotifys://10.0.0.1/token", "not a public address"),
        ("ntfys://127.0.0.1/topic", "not a public address"),
        ("discord://short", "cannot read the channel's URL"),
    ],
)
def test_apprise_does_not_go_everywhere(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    sent = _apprise(monkeypatch, url)

    with pytest.raises(DeliveryError, match=said) as failed:
        apprise.send(SETTINGS, letter(told()))
    assert failed.value.permanent
    assert sent == []


def test_what_apprise_cannot_deliver_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _apprise(monkeypatch, "discord://1234567890/abcdefghijkl", result=False)

    with pytest.raises(DeliveryError, match="could not deliver") as failed:
        apprise.send(SETTINGS, letter(told()))
    assert not failed.value.permanent


# --- several alerts in one message


def test_alertmanagers_receivers_see_every_alert_of_a_shared_message() -> None:
    also = Other(
        rule_id="cost", title="Cost per hour", severity="critical", slice={"model": "y"}, incident_id=215, since=NOW,
        now_text="$50.00 over 1 h",
    )  # fmt: skip
    shown = webhook.alertmanager_payload(told(others=(also,)), "hook")

    assert [one["labels"]["model"] for one in shown["alerts"]] == ["gpt-x", "y"]
    assert shown["commonLabels"] == {"alertname": "cost", "severity": "critical"}
    assert len({one["fingerprint"] for one in shown["alerts"]}) == 2


def test_a_secret_that_was_read_is_masked_everywhere(bot: Any) -> None:
    slack_bot.send(bot, letter(told()))

    assert masked("GET https://x/xoxb-very-secret failed") == f"GET https://x/{MASK} failed"
