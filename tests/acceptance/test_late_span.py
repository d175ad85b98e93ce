"""What comes late of a trace corrects its calls within two seconds, on a whole server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import Serving

pytestmark = pytest.mark.slow

WITHIN_S = 2.0
TRACE, PARENT, CALL = "4b" * 16, "a1" * 8, "c2" * 8
BASE = int(time.time()) * 10**9


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serving]:
    server = Serving(tmp_path, otlp=True)
    server.start()
    yield server
    server.end()


@pytest.fixture
def busy(served: Serving) -> Iterator[None]:
    """Others send without a pause, as from a second agent: the loader waits for what still comes."""
    over = threading.Event()

    def go() -> None:
        number = 0
        while not over.wait(0.02):
            number += 1
            send(served, "traces", span(f"{number:016x}", {"note": "no call"}, trace=f"{number:032x}"))

    sender = threading.Thread(target=go)
    sender.start()
    yield
    over.set()
    sender.join()


def attributes(told: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in told.items()]


def span(span_id: str, told: dict[str, str], parent: str = "", trace: str = TRACE) -> dict[str, Any]:
    one = {"traceId": trace, "spanId": span_id, "parentSpanId": parent, "name": "x", "startTimeUnixNano": str(BASE),
           "endTimeUnixNano": str(BASE + 10**9), "attributes": attributes(told)}  # fmt: skip
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "app"}, "spans": [one]}]}]}


def event(span_id: str, told: dict[str, str]) -> dict[str, Any]:
    one = {"traceId": TRACE, "spanId": span_id, "timeUnixNano": str(BASE), "attributes": attributes(told),
           "eventName": "gen_ai.client.inference.operation.details"}  # fmt: skip
    return {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "app"}, "logRecords": [one]}]}]}


def send(server: Serving, signal: str, body: dict[str, Any]) -> None:
    httpx.post(f"http://127.0.0.1:{server.otlp_port}/v1/{signal}", json=body).raise_for_status()


def waited(server: Serving, holds: Callable[[dict[str, Any]], bool]) -> float:
    """Return after how many seconds the one call that is stored is as it should be."""
    since = time.monotonic()
    while time.monotonic() < since + 30:
        calls = server.calls()
        assert len(calls) <= 1
        if calls and holds(calls[0]):
            return time.monotonic() - since
        time.sleep(0.05)
    raise AssertionError(f"not within 30 s:\n{server.log.read_text()[-2000:]}")


@pytest.mark.usefixtures("busy")
def test_a_late_span_and_a_late_event_correct_the_call_within_two_seconds(served: Serving):
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
    send(served, "traces", span(CALL, chat, PARENT))
    waited(served, lambda call: call["request_model"] == "gpt-4o-mini")
    send(served, "traces", span(PARENT, {"session.id": "s-1"}))
    by_span = waited(served, lambda call: call.get("session_id") == "s-1")
    said = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "When?"}]}])
    send(served, "logs", event(CALL, {**chat, "gen_ai.input.messages": said}))
    by_event = waited(served, lambda call: call.get("input_text") == "When?")
    assert max(by_span, by_event) <= WITHIN_S, f"late span {by_span:.2f} s, late event {by_event:.2f} s"
