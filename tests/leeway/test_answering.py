"""The page behind the link in a message."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from alerts.delivery.answers import KEY_FILE, incident_of, signing_key, token
from alerts.notification import Notification, dumps
from leeway import answering, runtime
from leeway.access import Guard
from leeway.config import load
from leeway.runtime import Runtime
from store import incidents, silences
from store.alerting import Severity

HOSTILE = '<script>alert(1)</script> https://evil.example "'
HOUR = timedelta(hours=1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Runtime]:
    settings = load(environ={}, store__path=tmp_path / "a.duckdb", server__dashboard_password="a long password")
    with runtime.opened(settings) as one:
        now = one.now()
        told = Notification(reason="fired", rule_id="slow", title=HOSTILE, severity="critical", at=now, incident_id=1)
        incident = incidents.Incident(
            incident_id=1, rule_id="slow", slice='{"model":"<b>"}', severity=Severity.CRITICAL, title=HOSTILE,
            opened_at=now, fired_at=now, peak_value=9.0, last_value=9.0, threshold=5.0, baseline=None, unit="ms",
            reason=HOSTILE, evidence=dumps(told),
        )  # fmt: skip
        with one.store.transaction() as tx:
            incidents.open_incident(tx, incident)
        yield one


def ask(opened: Runtime, method: str, path: str, **more: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        guard = Middleware(Guard, settings=opened.settings.server)
        transport = httpx.ASGITransport(Starlette(routes=answering.routes(), middleware=[guard]))
        async with httpx.AsyncClient(transport=transport, base_url="http://leeway.test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def link(opened: Runtime) -> str:
    url = opened.answer_link(1)
    assert url.startswith("http://127.0.0.1:8501/answer?t=1.")
    return url.partition("t=")[2]


def press(opened: Runtime, what: str, **more: str) -> httpx.Response:
    return ask(opened, "POST", "/answer", data={"t": link(opened), "do": what, **more})


def test_opening_the_link_needs_no_login_and_changes_nothing(opened: Runtime):
    page = ask(opened, "GET", f"/answer?t={link(opened)}")

    assert page.status_code == 200
    assert page.text.count("<button") == 5
    assert silences.silences(opened.store, now=opened.now()).is_empty()
    assert incidents.acknowledged(opened.store, "slow") == set()
    assert page.headers["cache-control"] == "no-store"


def test_what_strangers_wrote_is_shown_as_text(opened: Runtime):
    page = ask(opened, "GET", f"/answer?t={link(opened)}").text

    assert "<script" not in page
    assert "<b>" not in page
    assert "https://evil" not in page


def test_it_can_be_acknowledged_once(opened: Runtime):
    assert "no more repeats" in press(opened, "acknowledge", by="Ana").text
    assert "Somebody looks after it already" in press(opened, "acknowledge").text
    assert incidents.incident(opened.store, 1, now=opened.now())["acknowledged_by"].item() == "Ana"


@pytest.mark.parametrize(
    ("what", "length"), [("silence_1h", HOUR), ("silence_4h", 4 * HOUR), ("silence_1d", 24 * HOUR)]
)
def test_it_can_be_silenced_for_its_rule_and_slice(opened: Runtime, what: str, length: timedelta):
    assert press(opened, what, by="").status_code == 200

    [one] = silences.silences_between(opened.store, opened.now(), opened.now())
    assert (one.rule_id, one.slice, one.created_by) == ("slow", '{"model":"<b>"}', "somebody with the link")
    assert one.ends_at - one.starts_at == length


def test_it_can_be_snoozed_until_it_is_worse(opened: Runtime):
    assert "when it gets worse" in press(opened, "snooze").text
    assert incidents.incident(opened.store, 1, now=opened.now())["snoozed_beyond"].item() == 13.5


def test_what_is_over_can_only_be_silenced(opened: Runtime):
    with opened.store.transaction() as tx:
        incidents.close_incident(tx, 1, at=opened.now(), reason="recovered")

    assert ask(opened, "GET", f"/answer?t={link(opened)}").text.count("<button") == 3
    assert "It is over already" in press(opened, "snooze").text


@pytest.mark.parametrize("forged", ["", "1", "1.99999999999.AAAA", "x.y.z", "2.4102444800.{signature}"])
def test_a_link_that_is_not_ours_opens_nothing(opened: Runtime, forged: str):
    text = forged.format(signature=link(opened).rpartition(".")[2])

    assert ask(opened, "GET", f"/answer?t={text}").status_code == 404
    assert ask(opened, "POST", "/answer", data={"t": text, "do": "acknowledge"}).status_code == 404


def test_a_link_ends(tmp_path: Path):
    key, now = signing_key(tmp_path), datetime(2026, 3, 2, tzinfo=UTC)
    text = token(key, 7, now + HOUR)

    assert incident_of(key, text, now) == 7
    assert incident_of(key, text, now + HOUR) is None


def test_the_key_is_made_once_and_is_the_owners(tmp_path: Path):
    assert signing_key(tmp_path) == signing_key(tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0


def test_a_link_to_an_incident_that_is_gone_says_so(opened: Runtime):
    lost = opened.answer_link(99).partition("t=")[2]
    assert ask(opened, "GET", f"/answer?t={lost}").status_code == 404


def test_nonsense_is_refused(opened: Runtime):
    assert press(opened, "delete everything").status_code == 400
    assert ask(opened, "POST", "/answer", content=b"x" * 5000).status_code == 413


def test_a_foreign_page_cannot_press_the_button(opened: Runtime):
    sent = {"t": link(opened), "do": "acknowledge"}
    answer = ask(opened, "POST", "/answer", data=sent, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
