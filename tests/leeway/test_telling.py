"""Reports and post-mortems by hand: the commands and what the server answers."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from alerts.notification import Example, Notification, dumps
from leeway import api, runtime, telling
from leeway.cli import main
from leeway.config import load
from leeway.runtime import Runtime
from store import incidents
from store.alerting import Severity
from store.errors import ConfigError
from tests.leeway.test_api import LINE
from tests.serving import ROOT

CONFIG = """
[channels.file]
type = "webhook"
url_env = "NO_SUCH_VARIABLE"
[[report]]
name = "team"
every = "week"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leeway.toml").write_text(CONFIG)
    (tmp_path / "calls.jsonl").write_bytes(LINE)
    return tmp_path


@pytest.fixture
def opened(folder: Path) -> Iterator[Runtime]:
    with runtime.opened(load(folder / "leeway.toml", environ={}, store__path=folder / "a.duckdb")) as one:
        one.ingest(folder / "calls.jsonl")
        _incident(one)
        yield one


def _incident(one: Runtime) -> None:
    now = one.now()
    (call_id,) = one.store.read("SELECT call_id FROM calls")["call_id"]
    told = Notification(
        reason="fired", rule_id="slow", title="Slow", severity="critical", at=now, incident_id=1,
        examples=(Example(call_id=call_id), Example(call_id="gone")),
    )  # fmt: skip
    incident = incidents.Incident(
        incident_id=1, rule_id="slow", slice="{}", severity=Severity.CRITICAL, title="Slow", opened_at=now,
        fired_at=now, peak_value=9.0, last_value=9.0, threshold=5.0, baseline=None, unit="ms", reason="",
        evidence=dumps(told),
    )  # fmt: skip
    with one.store.transaction() as tx:
        incidents.open_incident(tx, incident)


def ask(method: str, path: str, **more: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=api.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://leeway.test") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def test_a_report_can_be_read_and_sent_at_once(opened: Runtime):
    told = ask("POST", "/api/report", json={"name": "team", "send": True}).json()["text"]

    assert told.startswith("[REPORT] Team report\n")
    assert re.search(r"^Period: +\w{3} \d\d \w{3} 08:00 – ", told, re.MULTILINE)
    errors = opened.store.read("SELECT error FROM data.deliveries")["error"].to_list()
    assert errors == ["channel 'file': the environment variable NO_SUCH_VARIABLE is not set"]


def test_a_report_that_nobody_wrote_is_refused_with_the_nearest(opened: Runtime):
    answer = ask("POST", "/api/report", json={"name": "teem"})
    assert answer.status_code == 400
    assert "did you mean 'team'?" in answer.json()["error"]
    assert ask("POST", "/api/report", json={"nam": "x"}).status_code == 400
    assert opened.store.one("SELECT count(*) FROM data.outbox") == 0


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(("asked", "text"), [("incident=1", False), ("incident=1&with_text=1", True)])
def test_a_postmortem_is_a_file_with_texts_only_when_asked(asked: str, text: bool):
    answer = ask("GET", f"/api/postmortem?{asked}")

    assert answer.headers["content-disposition"] == 'attachment; filename="incident-1.html"'
    assert ("Hello!" in answer.text) is text


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(("asked", "status"), [("", 400), ("?incident=x", 400), ("?incident=7", 404)])
def test_a_postmortem_of_nothing_is_refused(asked: str, status: int):
    assert ask("GET", f"/api/postmortem{asked}").status_code == status


def test_the_commands_do_the_same_without_a_server(folder: Path, opened: Runtime, capsys: pytest.CaptureFixture[str]):
    opened.close()
    given = ["--config", str(folder / "leeway.toml"), "--db", str(folder / "a.duckdb")]

    assert main(["alerts", "report", *given]) == 0
    assert "[REPORT] Daily report" in capsys.readouterr().out
    assert main(["alerts", "postmortem", "1", "--out", str(folder / "i.html"), *given]) == 0
    assert "Incident 1: Slow" in (folder / "i.html").read_text()
    assert main(["alerts", "postmortem", "9", *given]) == 1


def test_sending_to_nobody_is_refused(tmp_path: Path):
    with (
        runtime.opened(load(environ={}, store__path=tmp_path / "b.duckdb")) as one,
        pytest.raises(ConfigError, match="nobody is told yet"),
    ):
        telling.told_now(one, "daily", send=True)


@pytest.mark.slow
def test_the_commands_go_through_the_server_that_runs(serving: Any):
    server = serving()

    def leeway(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "leeway", "alerts", *words, "--db", str(server.database)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert "[REPORT] Weekly report" in leeway("report", "weekly").stdout
    lost = leeway("postmortem", "1")
    assert (lost.returncode, "no incident 1" in lost.stderr) == (1, True)
