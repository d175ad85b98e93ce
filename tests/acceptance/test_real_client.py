"""A real client's calls arrive whole, and cause the alert they should."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from tests.acceptance.fake_model import ANSWER, fake_model
from tests.serving import free_port

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def run_client(otlp_url: str, calls: int, failures: int = 0) -> None:
    with fake_model() as model_url:
        command = [sys.executable, str(Path(__file__).with_name("client.py")), model_url, otlp_url]
        subprocess.run([*command, str(calls), str(failures)], cwd=ROOT, check=True, timeout=120)


def test_calls_of_a_real_instrumentation_are_read_right(serving):
    server = serving(otlp=True)
    run_client(f"http://127.0.0.1:{server.otlp_port}", calls=3, failures=1)
    until(lambda: len(server.calls()) == 4, "the calls did not arrive")
    calls = sorted(server.calls(), key=lambda call: call["started_at"])
    assert len(calls) == 4
    good = calls[0]
    assert good["output_text"] == ANSWER
    assert good["input_text"] == "What is the capital of France? (0)"
    assert (good["input_tokens"], good["output_tokens"]) == (120, 8)
    assert (good["cache_read_tokens"], good["reasoning_tokens"]) == (100, 2)
    assert (good["request_model"], good["response_model"]) == ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert (good["provider"], good["service"], good["environment"]) == ("openai", "travel-agent", "test")
    assert [call["status"] for call in calls] == ["ok", "ok", "ok", "error"]
    assert calls[3]["error_type"] == "RateLimitError"
    assert "input_tokens" not in calls[3]


SETTINGS = """
[alerts]
late_offset = "1s"
group_wait = "0s"

[channels.slack]
type = "slack"
webhook_url_env = "TEST_SLACK_URL"
allow = ["127.0.0.1:{slack}"]

[channels.mail]
type = "email"
host = "127.0.0.1"
port = {smtp}
sender = "leeway@example.org"
to = ["ops@example.org"]

[[rule]]
id = "failing"
title = "Calls fail"
metric = "error_rate"
group_by = "model"
threshold = 0.2
window = "5m"
every = "5s"
min_samples = 3
"""


@contextmanager
def slack_stand_in() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    received: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], received
    server.shutdown()
    server.server_close()


@contextmanager
def mail_stand_in() -> Iterator[tuple[int, list[Message]]]:
    received: list[Message] = []

    class Keep(MessageHandler):
        def handle_message(self, message: Message) -> None:
            received.append(message)

    controller = Controller(Keep(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port, received
    controller.stop()


def until(happened: Callable[[], Any], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_failing_calls_cause_an_alert_on_slack_and_by_mail(serving, monkeypatch: pytest.MonkeyPatch):
    with slack_stand_in() as (slack, posted), mail_stand_in() as (smtp, mailed):
        monkeypatch.setenv("TEST_SLACK_URL", f"http://127.0.0.1:{slack}/hook")
        server = serving(SETTINGS.format(slack=slack, smtp=smtp))
        run_client(server.url, calls=4, failures=4)

        def told() -> bool:
            httpx.post(server.url + "/api/analyze", json={"jobs": ["rules", "delivery"]}, timeout=30)
            return bool(posted and mailed)

        until(told, "no message came")
        message = json.dumps(posted[0], ensure_ascii=False)
        assert "Calls fail" in message
        assert "above the limit of 20 %" in message
        assert "gpt-4o-mini" in message
        assert re.search(r"/calls\?from=20\d\d-[^ ]+&(amp;)?to=20\d\d-", message), message
        assert "Calls fail" in mailed[0]["subject"]
        assert len(posted) == len(mailed) == 1
        answered_from_a_phone(server.url, message)


def answered_from_a_phone(url: str, message: str) -> None:
    """Follow the message's link, and say that somebody looks after it."""
    token = re.search(r"/answer\?t=([\w.-]+)", message)
    assert token is not None, message
    assert "I look after it" in httpx.get(f"{url}/answer", params={"t": token[1]}).text
    done = httpx.post(f"{url}/answer", data={"t": token[1], "do": "acknowledge", "by": "Ana"})
    assert "Acknowledged" in done.text
    assert "Ana looks after it" in done.text
