"""A real client's calls arrive whole, and cause the alert they should."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fake_model import ANSWER, fake_model

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def run_client(otlp_url: str, calls: int, failures: int = 0) -> None:
    with fake_model() as model_url:
        command = [sys.executable, str(Path(__file__).with_name("client.py")), model_url, otlp_url]
        subprocess.run([*command, str(calls), str(failures)], cwd=ROOT, check=True, timeout=120)


def test_calls_of_a_real_instrumentation_are_read_right_and_seen_within_two_seconds(serving):
    server = serving(otlp=True)
    run_client(f"http://127.0.0.1:{server.otlp_port}", calls=3, failures=1)
    time.sleep(2)
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
    assert calls[3]["input_tokens"] is None


RULES = """
[server]
port = 8501

[channels.slack]
kind = "slack"
webhook_url = "http://127.0.0.1:{slack}/hook"
allow_private = true

[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {smtp}
sender = "leeway@example.org"
to = ["ops@example.org"]

[[rule]]
id = "failing"
title = "Calls fail"
metric = "error_rate"
comparison = ">"
threshold = 0.2
window = "5m"
for = "0m"
min_samples = 3
channels = ["slack", "mail"]
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
