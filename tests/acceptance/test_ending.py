"""A server that is told to end is gone soon, whatever it is at, and says nothing alarming."""

import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.serving import Serving

pytestmark = pytest.mark.slow
SAMPLE = Path(__file__).parents[2] / "sample_logs" / "openai_chat_completions.jsonl"
SOON_S = 10


def test_a_request_that_waits_for_scoring_does_not_keep_the_server_from_ending(tmp_path: Path):
    server = Serving(tmp_path)
    server.start()
    try:
        answer = httpx.post(f"{server.url}/api/ingest?name=sample.jsonl", content=SAMPLE.read_bytes(), timeout=60)
        assert answer.status_code == 200, answer.text
        asking = threading.Thread(target=analyse, args=[server.url])
        asking.start()
        time.sleep(2)  # its worker loads the models
        begun = time.monotonic()
        assert server.stop() in (0, -signal.SIGTERM)
        assert time.monotonic() - begun < SOON_S
        asking.join(SOON_S)
        log = server.log.read_text()
        assert "broken off; its window is due again" in log
        assert "Traceback" not in log
    finally:
        server.end()


def analyse(url: str) -> None:
    try:
        httpx.post(f"{url}/api/analyze", json={"jobs": ["scores"]}, timeout=60)
    except httpx.HTTPError:
        return
