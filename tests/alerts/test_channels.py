"""What Slack, mail and webhooks get to see, and what happens when they do not answer as hoped."""

import hashlib
import hmac
import json
import smtplib
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Thread as Worker
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from alerts.channel import Letter, channels, configured
from alerts.channels import email, slack, webhook
from alerts.delivery import post as http
from alerts.delivery.address import public, target
from alerts.engine.course import Course, Point
from alerts.messages import blocks
from alerts.notification import Contributor, Example, Notification, as_other, dumps, facts, headline, loads, preview
from store.errors import ConfigError, DeliveryError
from store.model import Window
from store.threads import Thread

NOW = datetime(2026, 3, 2, 14, 17, tzinfo=UTC)
HOSTILE = "<!channel> <@U1> @here https://evil.example/x www.evil.example *b* `c` <img src=x> \x07\u202e a@b.c &amp;"


def told(**changes: Any) -> Notification:
    given: dict[str, Any] = {
        "reason": "fired", "rule_id": "cost", "title": "Cost per hour", "severity": "warning", "at": NOW,
        "metric": "cost_usd", "unit": "USD", "slice": {"model": "gpt-x"}, "incident_id": 214,
        "since": NOW - timedelta(minutes=32), "value": 41.8, "threshold": 30.0, "baseline": 13.1, "n": 1204,
        "now_text": "$41.80 over 1 h (1 204 calls), 3.2× normal at this hour ($13.10)",
        "why": "above the limit of $30.00", "affected": "61 users",
        "who": (Contributor(name="prompt_version 7", share=0.82, text="$4.00 → $30.00"),),
        "examples": (Example(call_id="01J9", note="9 120 tokens", link="http://127.0.0.1:8501/trace?call=01J9"),),
        "sparkline": "▁▁▂▅█",
        "links": {"chart": "http://127.0.0.1:8501/?from=a&to=b", "calls": "http://127.0.0.1:8501/calls?from=a"},
    }  # fmt: skip
    return Notification(**{**given, **changes})


def hostile() -> Notification:
    return told(
        title=HOSTILE,
        slice={"tenant": HOSTILE},
        why=HOSTILE,
        now_text=HOSTILE,
        who=(Contributor(name=HOSTILE, share=0.5),),
        examples=(Example(call_id=HOSTILE, link="https://l/?a=1&b=<2>|3"),),
    )


def letter(told: Notification, channel: str, **more: Any) -> Letter:
    return Letter(told=told, channel=channel, **more)


def test_the_first_eighty_characters_say_what_matters() -> None:
    assert headline(told()) == "[FIRING · warning] Cost per hour — model gpt-x"


def test_the_facts_come_in_the_order_people_ask() -> None:
    assert facts(told()) == [
        ("Now", "$41.80 over 1 h (1 204 calls), 3.2× normal at this hour ($13.10)"),
        ("Since", "2026-03-02 13:45 UTC (32 min)"),
        ("Why", "above the limit of $30.00"),
        ("Who", "61 users; 82 % of the change from prompt_version 7 ($4.00 → $30.00)"),
        ("Trend", "▁▁▂▅█"),
    ]


def test_a_resolved_message_says_how_long_and_how_bad() -> None:
    over = told(reason="resolved", peak_text="$44.00", why="within the limit of $30.00", now_text="$12.00 over 1 h")
    shown = dict(facts(over))

    assert shown["Lasted"] == "32 min (2026-03-02 13:45 UTC to 2026-03-02 14:17 UTC)"
    assert (shown["Peak"], shown["Now"]) == ("$44.00", "within the limit of $30.00; $12.00 over 1 h")
    assert shown["Who"].startswith("61 users; 82 % of the change")
    assert preview(over) == "after 32 min, peak $44.00"


def test_what_is_told_together_stands_one_below_the_other() -> None:
    others = tuple(as_other(told(incident_id=n, slice={"model": f"m{n}"}, reason=reason)) for n, reason in
                   [(1, "fired"), (2, "resolved"), *((n, "fired") for n in range(3, 15))])  # fmt: skip
    shown = [text for label, text in facts(told(others=others)) if label == "Also"]

    assert shown[:2] == ["model m1: $41.80", "resolved: model m2: $41.80"]
    assert shown[-1] == "4 more"
    assert len(shown) == 11


def test_a_notification_comes_back_from_the_outbox_as_it_was() -> None:
    assert loads(dumps(told())) == told()


# --- Slack


def test_slack_gets_blocks() -> None:
    shown = blocks.payload(told())

    assert shown["text"].startswith("🟠 [FIRING · warning] Cost per hour — model gpt-x: $41.80 over 1 h")
    assert [block["type"] for block in shown["blocks"]] == ["header", "rich_text", "context", "context"]
    label, text, *_ = rich(shown)
    assert label == {"type": "text", "text": "Now: ", "style": {"bold": True}}
    assert text["text"].startswith("$41.80 over 1 h")
    examples = shown["blocks"][2]["elements"][0]["text"]
    assert examples == "Examples: <http://127.0.0.1:8501/trace?call=01J9|01J9> (9 120 tokens)"
    assert shown["unfurl_links"] is False


def test_slack_lets_no_stranger_call_people_link_or_format() -> None:
    shown = blocks.payload(hostile())
    marked = [shown["text"], *(part["text"] for block in shown["blocks"][2:] for part in block["elements"])]
    plain = [shown["blocks"][0]["text"]["text"], *(part["text"] for part in rich(shown))]

    for text in marked:
        outside = text.replace("<https://l/?a=1&amp;b=%3C2%3E%7C3|", "").replace("> · ", "")
        assert "<!" not in text
        assert "<@" not in outside
        assert "https://evil" not in outside
    for text in plain:
        assert "://" not in text
        assert "www." not in text
        assert "@here" not in text
        assert "\u202e" not in text
    assert {part["type"] for part in rich(shown)} == {"text"}


@pytest.mark.parametrize(
    ("reason", "severity", "sign"),
    [
        ("fired", "critical", "🔴"),
        ("resolved", "critical", "🟢"),
        ("closed", "critical", "⚪"),
        ("report", "info", "🔵"),
    ],
)
def test_slack_shows_at_a_glance_how_it_stands(reason: str, severity: str, sign: str) -> None:
    shown = blocks.payload(told(reason=reason, severity=severity))
    assert shown["text"][0] == shown["blocks"][0]["text"]["text"][0] == sign


def rich(shown: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown["blocks"][1]["elements"][0]["elements"]
    return found


def test_slack_limits_hold() -> None:
    shown = blocks.payload(told(title="x" * 400, why="y" * 9000))

    assert len(shown["blocks"][0]["text"]["text"]) == 150
    assert max(len(part["text"].strip()) for part in rich(shown)) == 1000


def _slack(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> slack.Settings:
    monkeypatch.setenv("SLACK_URL", receiver.url)
    return slack.Settings(webhook_url_env="SLACK_URL", allow=(receiver.host,))


def test_slack_takes_a_message(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = slack.send(_slack(receiver, monkeypatch), letter(told(), "ops"))

    assert receipt.status_code == 200
    [got] = receiver.got
    assert json.loads(got["body"]) == blocks.payload(told())
    assert got["headers"]["host"] == receiver.host


@pytest.mark.parametrize("body", [b"ok", b'{"ok": true}'])
def test_slack_says_ok_in_two_ways(receiver: Any, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    receiver.script = [(200, {}, body)]

    assert slack.send(_slack(receiver, monkeypatch), letter(told(), "ops")).status_code == 200


@pytest.mark.parametrize("body", [b"", b"<html>hotel wifi</html>", b'{"ok": false}', b"[1]", b"\xff\xfe"])
def test_a_200_that_does_not_say_ok_is_no_delivery(receiver: Any, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    receiver.script = [(200, {}, body)]

    with pytest.raises(DeliveryError, match="not 'ok'") as failed:
        slack.send(_slack(receiver, monkeypatch), letter(told(), "ops"))
    assert failed.value.permanent is False


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "wait"),
    [
        (429, {"Retry-After": "7"}, False, 7.0),
        (429, {}, False, None),
        (429, {"Retry-After": "soon"}, False, None),
        (500, {}, False, None),
        (503, {"Retry-After": "9"}, False, 9.0),
        (408, {}, False, None),
        (400, {}, True, None),
        (403, {"Retry-After": "9"}, True, None),
        (404, {}, True, None),
        (410, {}, True, None),
        (302, {"Location": "http://169.254.169.254/"}, True, None),
    ],
)
def test_each_refusal_is_understood(
    receiver: Any, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], permanent: bool, wait: float
) -> None:  # fmt: skip
    receiver.script = [(status, headers, b"no_service")]

    with pytest.raises(DeliveryError) as failed:
        slack.send(_slack(receiver, monkeypatch), letter(told(), "ops"))

    error = failed.value
    assert (error.permanent, error.retry_after, error.status_code) == (permanent, wait, status)
    assert "secret" not in str(error)
    assert len(receiver.got) == 1


def test_retry_after_may_be_a_date() -> None:
    assert http.retry_after("Mon, 02 Mar 2026 14:17:30 GMT", NOW) == 30.0
    assert http.retry_after("Mon, 02 Mar 2026 14:00:00 GMT", NOW) == 0.0


def test_a_dripping_receiver_is_cut_off(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(wire: Any, _answer: bytes) -> None:
        for _ in range(100):
            wire.write(b"o")
            wire.flush()
            time.sleep(0.05)

    receiver.write = drip
    monkeypatch.setattr(http, "TOTAL_S", 0.3)
    began = time.perf_counter()

    with pytest.raises(DeliveryError) as failed:
        slack.send(_slack(receiver, monkeypatch), letter(told(), "ops"))

    assert time.perf_counter() - began < 3
    assert failed.value.permanent is False


def test_an_endless_answer_is_not_read_to_its_end(receiver: Any) -> None:
    receiver.script = [(200, {}, b"x" * 5_000_000)]

    answer = http.post(receiver.url, b"{}", headers={}, allow=(receiver.host,))

    assert len(answer.body) == 64 * 1024


def test_nobody_there_is_a_passing_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_URL", "http://127.0.0.1:1/secret")
    settings = slack.Settings(webhook_url_env="SLACK_URL", allow=("127.0.0.1:1",))

    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1: ConnectError") as failed:
        slack.send(settings, letter(told(), "ops"))
    assert failed.value.permanent is False


# --- webhook


def test_a_webhook_gets_every_fact_signed(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    monkeypatch.setenv("KEY", "k3y")
    settings = webhook.Settings(url_env="HOOK", secret_env="KEY", allow=(receiver.host,))

    webhook.send(settings, letter(told(sent_at=NOW), "hook"))

    [got] = receiver.got
    body = json.loads(got["body"])
    assert body["headline"] == "[FIRING · warning] Cost per hour — model gpt-x"
    assert (body["value"], body["threshold"], body["slice"]) == (41.8, 30.0, {"model": "gpt-x"})
    digest = hmac.new(b"k3y", f"{int(NOW.timestamp())}.".encode() + got["body"], hashlib.sha256).hexdigest()
    assert got["headers"]["X-Leeway-Signature"] == f"t={int(NOW.timestamp())},v1={digest}"
    assert got["headers"]["X-Leeway-Id"] == body["id"]


def test_a_webhook_can_speak_as_alertmanager(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", receiver.url)
    settings = webhook.Settings(url_env="HOOK", format="alertmanager", allow=(receiver.host,))

    webhook.send(settings, letter(told(runbook="https://wiki/x"), "hook"))
    webhook.send(settings, letter(told(reason="resolved"), "hook"))

    fired, resolved = (json.loads(got["body"]) for got in receiver.got)
    assert fired["status"] == "firing"
    assert fired["alerts"][0]["labels"] == {"alertname": "cost", "severity": "warning", "model": "gpt-x"}
    assert fired["alerts"][0]["startsAt"] == "2026-03-02T13:45:00Z"
    assert fired["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert fired["commonAnnotations"]["runbook_url"] == "https://wiki/x"
    assert resolved["alerts"][0]["endsAt"] == "2026-03-02T14:17:00Z"
    assert resolved["alerts"][0]["fingerprint"] == fired["alerts"][0]["fingerprint"]


# --- where a webhook may go


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12::1", "fd00:ec2::254", "168.63.129.16", "192.0.0.192",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "2002:7f00:0001::", "2002:0a00:0001::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "64:ff9b::7f00:1",
    ],
)  # fmt: skip
def test_addresses_of_our_own_network_are_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "52.1.2.3", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_strangers_are_public(address: str) -> None:
    assert public(address)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example/x", "only https"),
        ("https://hooks.example:22/x", "port 22"),
        ("https://inner.example/x", "not a public address"),
        ("https://2130706433/x", "not a public address"),
        ("https://0x7f.1/x", "not a public address"),
        ("file:///etc/passwd", "must start with https"),
        ("https://[::1/x", "URL is none"),
        ("nonsense", "must start with https"),
        ("https://nowhere.example/x", "cannot be resolved"),
    ],
)
def test_a_webhook_is_refused_where_it_must_not_go(url: str, said: str) -> None:
    with pytest.raises(DeliveryError, match=said) as failed:
        target(url, allow=(), resolve=_resolve)
    assert "/x" not in str(failed.value)


def _resolve(host: str, _port: int) -> list[str]:
    known = {"hooks.example": ["93.184.216.34"], "inner.example": ["10.1.2.3"], "2130706433": ["127.0.0.1"],
             "0x7f.1": ["127.0.0.1"]}  # fmt: skip
    if host not in known:
        raise OSError
    return known[host]


def test_the_checked_address_is_the_one_that_is_used() -> None:
    """A name server that answers otherwise the second time is never asked a second time."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    assert target("https://hooks.example/x", allow=(), resolve=lambda *_: next(answers)).addresses == ["93.184.216.34"]


def test_one_address_of_ours_among_a_strangers_refuses_the_host() -> None:
    with pytest.raises(DeliveryError, match=r"10\.0\.0\.1 is not a public address"):
        target("https://hooks.example/x", allow=(), resolve=lambda *_: ["93.184.216.34", "10.0.0.1"])


def test_the_next_address_is_used_where_the_first_lets_nobody_in(
    receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = receiver.host.partition(":")[2]
    both = [(0, 0, 0, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]
    ask = socket.getaddrinfo
    named = "hooks.example"
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: both if host == named else ask(host, *a, **k))

    answer = http.post(f"http://hooks.example:{port}/x", b"{}", headers={}, allow=(named,))

    assert answer.status == 200
    assert receiver.got[0]["headers"]["host"] == f"hooks.example:{port}"


def test_a_redirect_is_not_followed(receiver: Any) -> None:
    receiver.script = [(307, {"Location": receiver.url}, b"")]

    with pytest.raises(DeliveryError, match="answered 307"):
        http.post(receiver.url, b"{}", headers={}, allow=(receiver.host,))
    assert len(receiver.got) == 1


def test_a_name_in_other_letters_is_allowed_in_the_same() -> None:
    assert target("http://bücher.example/x", allow=("bücher.example",), resolve=lambda *_: ["10.0.0.1"]).addresses


# --- mail


class _Mail:
    """An SMTP server's behaviour: keeps what it gets, refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.refuse: dict[str, str] = {}
        self.data = "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.data.startswith("2"):
            self.got.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return self.data


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def mail() -> Iterator[tuple[_Mail, Any]]:
    handler = _Mail()
    port = _free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, lambda **more: email.Settings(host="127.0.0.1", port=port, sender="leeway@ops.example", **{"to": ["a@x.example"], **more})  # noqa: E501 # fmt: skip
    controller.stop()


def test_a_mail_is_text_and_html_in_one_thread(mail: Any) -> None:
    handler, settings = mail
    email.send(settings(), letter(told(), "mail"))
    email.send(settings(), letter(told(reason="resolved", at=NOW + timedelta(hours=1)), "mail"))

    fired, resolved = handler.got
    assert fired["Subject"] == resolved["Subject"] == "[warning] Cost per hour — model gpt-x"
    assert fired["In-Reply-To"] == resolved["In-Reply-To"] == "<leeway-incident-214@ops.example>"
    assert fired["Message-ID"] != resolved["Message-ID"]
    assert fired["Message-ID"] == f"<{told().key('mail')}@ops.example>"
    text = fired.get_body(("plain",)).get_content()
    page = fired.get_body(("html",)).get_content()
    assert "Since: 2026-03-02 13:45 UTC (32 min)" in text
    assert 'href="http://127.0.0.1:8501/?from=a&amp;to=b"' in page
    assert "<h1" in page
    assert page.count("3.2× normal at this hour") == 2  # for the eye, and for what a telephone shows beside the subject
    assert "(prefers-color-scheme: dark)" in page


def test_a_mail_lets_no_stranger_write_html_or_headers() -> None:
    settings = email.Settings(host="h", sender="l@o.example", to=("a@x.example",))
    shown = email.payload(letter(told(title=HOSTILE + "\r\nBcc: evil@example.com", why=HOSTILE), "mail"), settings)

    page = shown.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert shown["Bcc"] is None
    assert "<img" not in page
    assert "https://evil" not in page


def test_some_refused_recipients_are_noted(mail: Any) -> None:
    handler, settings = mail
    handler.refuse = {"b@x.example": "550 no such user"}

    receipt = email.send(settings(to=["a@x.example", "b@x.example"]), letter(told(), "mail"))

    assert receipt.note == "refused: b@x.example"
    assert len(handler.got) == 1


@pytest.mark.parametrize(("answer", "permanent"), [("550 no such user", True), ("451 greylisted", False)])
def test_all_refused_is_dead_only_when_it_stays_so(mail: Any, answer: str, permanent: bool) -> None:
    handler, settings = mail
    handler.refuse = {"a@x.example": answer}

    with pytest.raises(DeliveryError) as failed:
        email.send(settings(), letter(told(), "mail"))
    assert failed.value.permanent is permanent


@pytest.mark.parametrize(("answer", "permanent"), [("552 too big", True), ("451 try later", False)])
def test_a_message_that_is_refused_is_dead_only_when_it_stays_so(mail: Any, answer: str, permanent: bool) -> None:
    handler, settings = mail
    handler.data = answer

    with pytest.raises(DeliveryError) as failed:
        email.send(settings(), letter(told(), "mail"))
    assert failed.value.permanent is permanent


def test_starttls_that_is_required_and_missing_is_permanent(mail: Any) -> None:
    _, settings = mail

    with pytest.raises(DeliveryError, match="offers no STARTTLS") as failed:
        email.send(settings(starttls="required"), letter(told(), "mail"))
    assert failed.value.permanent


def test_no_mail_server_is_a_passing_failure() -> None:
    settings = email.Settings(host="127.0.0.1", port=1, sender="l@o.example", to=("a@x.example",), tls=True)

    with pytest.raises(DeliveryError, match="ConnectionRefusedError") as failed:
        email.send(settings, letter(told(), "mail"))
    assert not failed.value.permanent


@pytest.mark.parametrize(("password", "works"), [("right", True), ("wrong", False)])
def test_a_login_uses_the_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, password: str, works: bool
) -> None:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    monkeypatch.setenv("MAIL_PASSWORD", password)
    handler, port = _Mail(), _free_port()
    controller = Controller(
        handler, hostname="127.0.0.1", port=port, authenticator=authenticate, auth_require_tls=False
    )  # fmt: skip
    controller.start()
    settings = email.Settings(
        host="127.0.0.1", port=port, sender="l@o.example", to="a@x.example", username="l", password_env="MAIL_PASSWORD"
    )  # fmt: skip
    try:
        if works:
            assert email.send(settings, letter(told(), "mail")).status_code == 250
        else:
            with pytest.raises(DeliveryError, match="answered 535") as failed:
                email.send(settings, letter(told(), "mail"))
            assert failed.value.permanent
            assert "wrong" not in str(failed.value)
    finally:
        controller.stop()


# --- settings


def test_there_are_these_types_of_channel() -> None:
    assert sorted(channels()) == ["apprise", "email", "pagerduty", "slack", "slack_bot", "teams", "webhook"]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"ops": {"type": "slak"}}, "no type of channel is named 'slak'; did you mean 'slack'?"),
        ({"ops": {}}, "no type of channel is named None"),
        ({"ops": {"type": "slack", "webhok_url_env": "X"}}, "did you mean 'webhook_url_env'?"),
        ({"ops": {"type": "slack", "webhook_url": "https://secret"}}, "no setting is named 'webhook_url'"),
        ({"ops": {"type": "slack", "fallback": "mail"}}, "no other channel is named 'mail'"),
        ({"ops": {"type": "email", "sender": "a@b.c", "to": "x@y.z"}}, "'host' is missing"),
        ({"ops": {"type": "email", "host": "h", "sender": "a@b.c\nBcc: x@y.z", "to": "x@y.z"}}, "sender"),
    ],
)
def test_wrong_settings_are_refused_with_what_was_probably_meant(tables: Any, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(tables)
    assert said in str(refused.value)
    assert str(refused.value).startswith("leeway.toml: channel 'ops': ")
    assert "https://secret" not in str(refused.value)


def test_secrets_stand_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_URL", "https://hooks.slack.com/s3cret")
    [one] = configured({"ops": {"type": "slack", "webhook_url_env": "SLACK_URL"}}).values()

    assert "s3cret" not in repr(one)
    assert "s3cret" not in repr(one.settings.model_dump())


def test_a_secret_may_stand_in_a_file(receiver: Any, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(receiver.url + "\n")
    [one] = configured({"ops": {"type": "slack", "webhook_url_file": str(file), "allow": [receiver.host]}}).values()

    assert one.send(letter(told(), "ops")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"webhook_url_env": "LEEWAY_UNSET"}, "the environment variable LEEWAY_UNSET is not set"),
        ({"webhook_url_file": "/nowhere/url"}, "cannot be read"),
        ({}, "neither a variable nor a file"),
    ],
)
def test_a_missing_secret_says_where_to_put_it(settings: dict[str, str], said: str) -> None:
    [one] = configured({"ops": {"type": "slack", **settings}}).values()

    with pytest.raises(DeliveryError, match=said):
        one.send(letter(told(), "ops"))


def test_smtplib_errors_we_name_exist() -> None:
    assert issubclass(smtplib.SMTPAuthenticationError, smtplib.SMTPResponseException)


def test_a_mail_shows_a_chart_and_says_it_in_words(mail: Any) -> None:
    handler, settings = mail
    points = [Point(at=NOW - timedelta(minutes=15 * n), value=float(n), threshold=2.0) for n in (3, 2, 1, 0)]
    seen = Course(title=HOSTILE, unit="ms", points=points, firing=Window(start=NOW - timedelta(minutes=30), end=NOW))

    email.send(settings(), letter(told(), "mail", course=seen))

    [got] = handler.got
    page = got.get_body(("html",)).get_content()
    [picture] = [part for part in got.walk() if part.get_content_type() == "image/png"]
    assert f"cid:{picture['Content-ID'].strip('<>')}" in page
    assert picture.get_content().startswith(b"\x89PNG")
    assert "from 0 ms to 3 ms against a limit of 2 ms" in page
    assert "<img src=x" not in page
    assert len(got.as_bytes()) < 256_000


def test_what_follows_a_shared_message_stays_in_its_thread() -> None:
    settings = email.Settings(host="h", sender="l@o.example", to=("a@x.example",))
    followed = letter(told(reason="resolved"), "mail", thread=Thread(ref="incident-7", shared=True))

    assert email.payload(followed, settings)["References"] == "<leeway-incident-7@o.example>"


@pytest.mark.parametrize("begin", [b"220 hello\r\n", b"2"])
def test_a_dripping_mail_server_is_cut_off(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(begin)
            for _ in range(200):
                connection.sendall(b"2")
                time.sleep(0.05)

    monkeypatch.setattr(email, "TOTAL_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Worker(target=drip, args=(listening,))
        thread.start()
        settings = email.Settings(host="127.0.0.1", port=listening.getsockname()[1], sender="l@o.x", to=("a@x.x",))
        began = time.perf_counter()
        with pytest.raises(DeliveryError, match="no answer within") as failed:
            email.send(settings, letter(told(), "mail"))
        thread.join()
    assert time.perf_counter() - began < 5
    assert not failed.value.permanent
