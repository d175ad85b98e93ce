"""The HTTP interface beside OTLP."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from leeway import api, runtime
from leeway.config import load
from leeway.runtime import Runtime

CALL = {
    "call_id": "c1", "started_at": "2026-11-24T09:00:00Z", "request_model": "gpt-4o", "provider": "openai",
    "input_text": "Hi", "output_text": "Hello!", "input_tokens": 3, "output_tokens": 2, "status": "ok",
}  # fmt: skip
LINE = (json.dumps(CALL) + "\n").encode()
JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def opened(tmp_path: Path) -> Iterator[Runtime]:
    with runtime.opened(load(environ={}, store__path=tmp_path / "api.duckdb")) as one:
        yield one


def ask(method: str, path: str, **more: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=api.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://leeway.test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def test_a_file_sent_twice_is_stored_once_and_comes_out_again():
    first = ask("POST", "/api/ingest?name=a.jsonl", content=LINE + b"no json\n").json()
    again = ask("POST", "/api/ingest?name=b.jsonl", content=LINE + b"no json\n").json()
    assert (first["calls"], first["rejects"]) == (1, 1)
    assert again["files"][0]["status"] == "already imported"
    (call,) = [json.loads(line) for line in ask("GET", "/api/export").text.splitlines()]
    assert call["output_text"] == "Hello!"


@pytest.mark.parametrize("name", ["../../a.jsonl", "/etc/a.jsonl", "a%00b.jsonl", "x" * 300, "..", "%2e%2e%2fa"])
def test_a_name_is_a_word_in_the_ledger_and_no_path(name: str, tmp_path: Path):
    before = {path.name for path in tmp_path.parent.iterdir()}
    assert ask("POST", f"/api/ingest?name={name}", content=LINE).json()["calls"] == 1
    assert {path.name for path in tmp_path.parent.iterdir()} == before
    assert not list((tmp_path / "api.duckdb.spool" / "uploads").iterdir())


def test_rejects_come_with_the_report_when_they_are_asked_for():
    (file,) = ask("POST", "/api/ingest?name=a.jsonl&rejected=1&dry_run=1", content=LINE + b"no json\n").json()["files"]
    assert [(one["line"], one["raw"]) for one in file["rejected"]] == [(2, "no json")]
    (file,) = ask("POST", "/api/ingest?name=a.jsonl", content=LINE + b"no json\n").json()["files"]
    assert "rejected" not in file


def test_a_dry_run_stores_nothing():
    assert ask("POST", "/api/ingest?name=a.jsonl&dry_run=1", content=LINE).json()["calls"] == 1
    assert ask("GET", "/api/export").text == ""


def test_a_file_over_the_cap_is_refused(opened: Runtime):
    server = opened.settings.server.model_copy(update={"max_upload_bytes": 10})
    opened.settings = opened.settings.model_copy(update={"server": server})
    assert ask("POST", "/api/ingest", content=LINE).status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_what_a_foreign_page_could_send_is_refused(kind: str):
    assert ask("POST", "/api/ingest", content=LINE, headers={"content-type": kind}).status_code == 415


def test_an_unknown_format_is_answered_with_those_there_are():
    answer = ask("POST", "/api/ingest?format=nonsense", content=LINE)
    assert (answer.status_code, "leeway" in answer.json()["error"]) == (422, True)


NAMES = {"call_id": "c2", "response_id": "resp-2", "trace_id": "ab" * 16, "session_id": "s-2"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("word", [{"label": "down"}, {"value": 0.0}, {"value": 1, "label": "up", "comment": "thanks"}])
def test_feedback_may_name_its_call_in_each_way_it_is_known(opened: Runtime, name: str, word: dict[str, Any]):
    later = {**CALL, **NAMES, "started_at": "2026-11-24T10:00:00Z"}
    lines = LINE + json.dumps(later).encode() + b"\n"
    assert ask("POST", "/api/ingest?name=a.jsonl", content=lines).json()["calls"] == 2
    said = {name: NAMES[name], "name": "thumb", "user": "ana", **word}
    assert ask("POST", "/api/feedback", json=said).json() == {"call_id": "c2"}
    row = opened.store.read("SELECT evaluator, value, label, explanation FROM evaluations").row(0, named=True)
    assert row == {"evaluator": "human:ana", "value": word.get("value"), "label": word.get("label"),
                   "explanation": word.get("comment")}  # fmt: skip


def test_scores_are_made_again_through_the_server():
    ask("POST", "/api/ingest?name=a.jsonl", content=LINE)
    for again, scored in (([], 1), ([], 0), (["refusal"], 1)):
        (ran,) = ask("POST", "/api/analyze", json={"jobs": ["scores"], "again": again}).json()
        assert ran["counts"].get("refusal", 0) == scored
    wrong = ask("POST", "/api/analyze", json={"jobs": ["scores"], "again": ["refusals"]})
    assert wrong.status_code == 400
    assert "refusal" in wrong.json()["error"]


def test_feedback_finds_its_call(opened: Runtime):
    ask("POST", "/api/ingest?name=a.jsonl", content=LINE)
    said = {"call_id": "c1", "name": "thumbs", "label": "down", "comment": "wrong", "user": "ana"}
    assert ask("POST", "/api/feedback", json=said).json() == {"call_id": "c1"}
    assert ask("POST", "/api/feedback", json={**said, "call_id": "c9"}).status_code == 404
    stored = opened.store.read("SELECT evaluator, label FROM evaluations").rows()
    assert stored == [("human:ana", "down")]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {}, 415),
        (b"{", JSON, 400),
        (b'{"name": "thumbs", "value": 1}', JSON, 400),
        (b'{"name": "thumbs", "call_id": "c1"}', JSON, 400),
        (b'{"name": "thumbs", "call_id": "c1", "value": 1, "oops": 2}', JSON, 400),
        (b" " * 70_000, JSON, 413),
    ],
)
def test_feedback_that_says_nothing_of_nobody_is_refused(body: bytes, headers: Any, status: int):
    assert ask("POST", "/api/feedback", content=body, headers=headers).status_code == status


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_calls_come_out_in_every_format(kind: str):
    ask("POST", "/api/ingest?name=a.jsonl", content=LINE)
    assert (
        b"gpt-4o" in ask("GET", f"/api/export?format={kind}&from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z").content
    )


@pytest.mark.parametrize("query", ["format=xml", "from=yesterday", "from=2026-11-24T00:00:00"])
def test_a_wrong_export_is_explained(query: str):
    assert ask("GET", f"/api/export?{query}").status_code == 400


def test_jobs_run_when_asked_for():
    ask("POST", "/api/ingest?name=a.jsonl", content=LINE)
    (ran,) = ask("POST", "/api/analyze", json={"jobs": ["prices"]}).json()
    assert (ran["job"], ran["status"], ran["counts"]["priced"]) == ("prices", "ok", 1)
    assert ask("POST", "/api/analyze", json={"jobs": ["nonsense"]}).status_code == 400


def test_health_is_ok_and_says_what_there_is(opened: Runtime):
    opened.analyze(["prices"])
    answer = ask("GET", "/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["backlog_bytes"]) == (200, "ok", 0)
    assert answer.json()["jobs"]["prices"]["status"] == "ok"
    assert 'leeway_job_ok{job="prices"} 1' in ask("GET", "/metrics").text


def test_health_says_what_is_wrong(opened: Runtime):
    opened.load_error = "no such column"
    assert ask("GET", "/healthz").json()["status"] == "degraded"
    opened.journal.failed = OSError(28, "No space left on device")
    answer = ask("GET", "/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert any("No space left" in problem for problem in answer.json()["problems"])
    opened.journal.failed = None
