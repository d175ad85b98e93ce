"""Coding agents tell their calls in log records: the halves of a call find each other, whenever they come."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from collectors.load import load
from leeway.workers import Inline
from store.connection import Store
from store.journal import JSON, Frame, Journal, JournalSettings, Position, Signal
from store.model import Status
from tests.collectors.spans import MS, START

NOW = datetime.fromtimestamp(START / 1e9 + 3600, tz=UTC)
MINUTES = 60_000  # in ms


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(JournalSettings(folder=tmp_path / "journal"), Position(0, 0))
    yield opened
    opened.close()


def record(scope: str, name: str, at: float, **told: Any) -> Frame:
    """A request with one log record, written `at` ms after START."""
    attributes = [
        {"key": key.replace("__", "."), "value": {"stringValue": str(value)}}
        for key, value in {"event.name": name, **told}.items()
    ]
    one = {"observedTimeUnixNano": str(START + int(at * MS)), "attributes": attributes}
    body = {"resourceLogs": [{"scopeLogs": [{"scope": {"name": scope}, "logRecords": [one]}]}]}
    return Frame(signal=Signal.LOGS, encoding=JSON, received_at_ns=1, source="/v1/logs", body=orjson.dumps(body))


def codex(name: str, at: float, **told: Any) -> Frame:
    told = {"conversation__id": "c-1", "model": "gpt-5.1-codex", **told}
    return record("codex_otel.log_only", f"codex.{name}", at, **told)


def request(at: float, **told: Any) -> Frame:
    return codex("api_request", at, **{"duration_ms": 10, "attempt": 0, "http__response__status_code": 200, **told})


def answer(at: float, tokens: int = 7) -> Frame:
    counts = {"input_token_count": 20, "output_token_count": tokens, "cached_token_count": 5}
    return codex("sse_event", at, event__kind="response.completed", **counts)


def claude(name: str, at: float, **told: Any) -> Frame:
    told = {"session__id": "s-1", "prompt__id": "p-1", "model": "claude-sonnet-5", **told}
    return record("com.anthropic.claude_code.events", name, at, **told)


def calls(store: Store, journal: Journal, frames: Sequence[Frame]) -> list[dict[str, Any]]:
    """What is stored when each request is loaded before the next comes."""
    for frame in frames:
        journal.append(frame).result()
        load(store, journal, Inline(), now=NOW)
    return store.read("SELECT * FROM calls ORDER BY event_time, call_id").to_dicts()


LONG = [request(10), answer(8 * MINUTES), request(9 * MINUTES), answer(10 * MINUTES, 8)]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5], ids=str)
def test_an_answer_finds_its_request_minutes_later_in_any_order(store: Store, journal: Journal, order: Sequence[int]):
    found = calls(store, journal, [LONG[place] for place in order])
    assert [(c["output_tokens"], c["latency_ms"]) for c in found] == [(7, 8 * MINUTES), (8, MINUTES + 10)]


def test_a_request_without_an_answer_is_a_call_of_which_the_end_is_unknown(store: Store, journal: Journal):
    [cut, whole] = calls(store, journal, [request(10), request(5000), answer(6000)])
    assert (cut["status"], cut["latency_ms"], cut["output_tokens"]) == (Status.UNKNOWN, None, None)
    assert "no_end" in cut["problems"]
    assert (whole["status"], whole["output_tokens"]) == (Status.OK, 7)


def test_requests_sent_again_are_one_call(store: Store, journal: Journal):
    failed = request(10, http__response__status_code=500, error__message="http 500")
    [call] = calls(store, journal, [failed, request(300, attempt=1), answer(900)])
    assert (call["status"], call["attempts"], call["latency_ms"], call["output_tokens"]) == (Status.OK, 2, 900, 7)


def test_an_answer_is_not_given_to_a_request_that_failed(store: Store, journal: Journal):
    failed = request(10, http__response__status_code=500, error__message="http 500")
    found = calls(store, journal, [failed, answer(900)])
    assert [(c["status"], c["output_tokens"], c["latency_ms"]) for c in found] == [
        (Status.ERROR, None, 10),
        (Status.OK, 7, None),
    ]


def test_conversations_side_by_side_keep_their_own_answers(store: Store, journal: Journal):
    other = {"conversation__id": "c-2"}
    counts = {"event__kind": "response.completed", "input_token_count": 9, "output_token_count": 3}
    frames = [request(10), request(20, **other), codex("sse_event", 100, **other, **counts), answer(200)]
    found = {c["session_id"]: (c["output_tokens"], c["latency_ms"]) for c in calls(store, journal, frames)}
    assert found == {"c-1": (7, 200), "c-2": (3, 90)}


def test_a_prompt_belongs_to_the_call_it_led_to_not_to_the_clients_own(store: Store, journal: Journal):
    title = claude("api_request", 50, request_id="req_title0000000000", query_source="generate_session_title")
    main = claude("api_request", 90, request_id="req_main00000000000", query_source="repl_main_thread", duration_ms=80)
    frames = [title, main, claude("user_prompt", 5, prompt="Mend it")]
    assert [(c["response_id"], c["input_text"]) for c in calls(store, journal, frames)] == [
        ("req_main00000000000", "Mend it"),
        ("req_title0000000000", None),
    ]


def test_a_reply_goes_to_the_response_it_names(store: Store, journal: Journal):
    first = claude("api_request", 50, request_id="req_first0000000000", duration_ms=40)
    later = claude("api_request", 60, request_id="req_later0000000000", duration_ms=20)
    frames = [first, later, claude("assistant_response", 61, request_id="req_first0000000000", response="Done.")]
    assert [c["output_text"] for c in calls(store, journal, frames)] == ["Done.", None]


def test_a_call_that_failed_in_the_end_lasted_as_long_as_all_its_attempts(store: Store, journal: Journal):
    error = claude("api_error", 600, error="Overloaded", status_code=529, attempt=2, duration_ms=10)
    frames = [error, claude("api_retries_exhausted", 601, total_attempts=2, total_retry_duration_ms=561)]
    [call] = calls(store, journal, frames)
    assert (call["status"], call["http_status"], call["attempts"]) == (Status.ERROR, 529, 2)
    assert call["latency_ms"] == 560


def test_what_is_said_of_tools_and_settings_is_no_call(store: Store, journal: Journal):
    frames = [claude("tool_result", 50), codex("api_request", 60, endpoint="/models"), codex("startup_phase", 70)]
    assert calls(store, journal, frames) == []
    assert store.one("SELECT sum(ignored) FROM data.sources") == 3
