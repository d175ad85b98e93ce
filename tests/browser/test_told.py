"""From a new rule to the post-mortem: what a person on call goes through, with a stand-in for Slack."""

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.acceptance.test_real_client import slack_stand_in, until
from tests.browser.conftest import Visit
from tests.browser.test_journeys import TABLE, click_first_row
from tests.serving import Serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SETTINGS = """
[alerts]
base_url = "http://127.0.0.1:{port}"
late_offset = "1s"
group_wait = "0s"
default_rules = false

[channels.ops]
type = "slack"
webhook_url_env = "TEST_SLACK_URL"
allow = ["127.0.0.1:{slack}"]
"""


class Shift:
    """A server whose calls the test sends, what Slack was told, and a visitor."""

    def __init__(self, server: Serving, posted: list[dict[str, Any]], browser: Browser) -> None:
        self.server, self.posted, self.browser = server, posted, browser
        self.visits: list[Visit] = []
        self.sent = 0

    def visit(self, theme: str = "light") -> Visit:
        context = self.browser.new_context(color_scheme=theme, viewport={"width": 1440, "height": 1000})  # type: ignore[arg-type]
        self.visits.append(Visit(context.new_page(), self.server.url))
        return self.visits[-1]

    def send(self, good: int, bad: int, ago: timedelta) -> None:
        at = (datetime.now(UTC) - ago).isoformat()
        lines = [json.dumps(self._call(number, at, failed=number < bad)) for number in range(good + bad)]
        self.sent += len(lines)
        asked = {"name": f"sent-{self.sent}.jsonl", "format": "auto"}
        httpx.post(
            self.server.url + "/api/ingest", params=asked, content="\n".join(lines), timeout=60
        ).raise_for_status()

    def _call(self, number: int, at: str, *, failed: bool) -> dict[str, Any]:
        outcome = (
            {"status": "error", "error_type": "RateLimitError"} if failed else {"status": "ok", "output_text": "Paris"}
        )
        return {
            "call_id": f"sent-{self.sent + number}", "started_at": at, "provider": "openai", "request_model": "gpt-4o",
            "input_text": "Where is Paris?", "latency_ms": 800, "user_id": f"user-{number % 9}", **outcome,
        }  # fmt: skip

    def until_told(self, reason: str) -> dict[str, Any]:
        def told() -> bool:
            httpx.post(self.server.url + "/api/analyze", json={"jobs": ["rules", "delivery"]}, timeout=60)
            return any(reason in one["text"] for one in self.posted)

        until(told, f"Slack was not told: {reason}", 120)
        return next(one for one in self.posted if reason in one["text"])


@pytest.fixture
def shift(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shift]:
    with slack_stand_in() as (slack, posted):
        monkeypatch.setenv("TEST_SLACK_URL", f"http://127.0.0.1:{slack}/hook")
        server = Serving(tmp_path)
        server.config.write_text(SETTINGS.format(port=server.port, slack=slack))
        server.start()
        yield Shift(server, posted, browser)
        server.end()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("dialog").get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def readable_by_everybody(page: Page) -> None:
    """No violation of WCAG that axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")
    ] == []


def links(message: dict[str, Any]) -> dict[str, str]:
    """The places that a Slack message leads to, by name."""
    texts = [part["text"] for block in message["blocks"] for part in block.get("elements", []) if "text" in part]
    return {name: html.unescape(url) for text in texts for url, name in re.findall(r"<([^|>]+)\|([^>]+)>", text)}


def test_a_rule_is_made_fires_is_followed_answered_and_read_afterwards(shift: Shift, tmp_path: Path):
    shift.send(good=30, bad=0, ago=timedelta(minutes=40))
    visitor = shift.visit()
    _a_rule_is_made(visitor)
    shift.send(good=10, bad=30, ago=timedelta(minutes=2))
    fired = links(shift.until_told("FIRING"))
    _the_message_is_followed_to_a_call(visitor, fired)
    _the_incident_is_answered(visitor, fired)
    shift.send(good=300, bad=0, ago=timedelta(0))
    _it_ends_and_is_read(shift, visitor, fired, tmp_path)
    _the_dark_pages_are_readable(shift, fired)
    assert [visit.errors for visit in shift.visits] == [[], []]


def _a_rule_is_made(visitor: Visit) -> None:
    page = visitor.open("/alerts?section=Rules")
    page.get_by_role("button", name="New rule").click()
    page.get_by_role("dialog").wait_for()
    page.get_by_label("Name").fill("Calls fail")
    page.get_by_label("Name").press("Tab")
    visitor.quiet()
    choose(page, "Kind", "threshold")
    visitor.quiet()
    choose(page, "Over the last", "5m")
    choose(page, "Looks every", "1m")
    visitor.quiet()
    limit = page.get_by_role("dialog").get_by_label(re.compile("^Limit"))
    limit.fill("0.2")
    limit.press("Tab")
    visitor.quiet()
    page.get_by_role("button", name="Preview on the last 28 days").click()
    page.get_by_text("Would not have fired").wait_for(timeout=60_000)
    readable_by_everybody(page)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    visitor.quiet()


def _the_message_is_followed_to_a_call(visitor: Visit, fired: dict[str, str]) -> None:
    page = visitor.page
    page.goto(fired["Calls"])
    visitor.quiet()
    page.locator(TABLE).first.wait_for()
    readable_by_everybody(page)
    click_first_row(page)
    page.wait_for_url(re.compile(r"/trace\?.*call="))
    visitor.quiet()
    assert "RateLimitError" in visitor.text()
    readable_by_everybody(page)


def _the_incident_is_answered(visitor: Visit, fired: dict[str, str]) -> None:
    page = visitor.page
    page.goto(fired["Incident"])
    visitor.quiet()
    page.get_by_role("button", name="Acknowledge").first.click()
    page.get_by_text("Acknowledged by").first.wait_for()
    page.get_by_role("button", name="Silence").first.click()
    page.get_by_role("button", name="1 hour").click()
    visitor.quiet()
    readable_by_everybody(page)


def _it_ends_and_is_read(shift: Shift, visitor: Visit, fired: dict[str, str], folder: Path) -> None:
    page = visitor.page

    def over() -> bool:
        httpx.post(shift.server.url + "/api/analyze", json={"jobs": ["rules"]}, timeout=60)
        page.goto(fired["Incident"])
        visitor.quiet()
        return "ended " in visitor.text()

    until(over, "the incident did not end", 150)
    assert [one["text"] for one in shift.posted if "RESOLVED" in one["text"]] == []  # it was silenced
    page.get_by_role("button", name="Post-mortem").first.click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save it").click()
    file = folder / "post-mortem.html"
    saved.value.save_as(file)
    page.goto(f"file://{file}")
    story = page.inner_text("body")
    assert all(word in story for word in ("Calls fail", "acknowledged", "Example calls", "Timeline"))
    readable_by_everybody(page)


def _the_dark_pages_are_readable(shift: Shift, fired: dict[str, str]) -> None:
    dark = shift.visit("dark")
    for url in (fired["Incident"], fired["Calls"], f"{shift.server.url}/alerts?section=Silences"):
        dark.page.goto(url)
        dark.quiet()
        readable_by_everybody(dark.page)
