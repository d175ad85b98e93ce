"""Files killed on their way in, mappings and replays through a running server: as a user meets them."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.collectors.spans import chat
from tests.collectors.test_load import traces
from tests.serving import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROUNDS = int(os.environ.get("LEEWAY_CRASH_ROUNDS", "5"))
LINES = 150_000  # three parts, so that a kill can fall between two


def leeway(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "leeway", *map(str, words)]


def told(*words: str | Path) -> Any:
    done = subprocess.run(leeway(*words), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_half_way_the_same_file_ends_with_each_call_once(tmp_path: Path):
    path, database = tmp_path / "pairs.jsonl", tmp_path / "k.duckdb"
    lines = [b'{"ts": %d, "prompt": "a", "answer": "b"}' % (1772362800 + n) for n in range(LINES)]
    path.write_bytes(b"\n".join([*lines, b"x"]))
    chance = random.Random(11)
    for _ in range(ROUNDS):
        importing = subprocess.Popen(leeway("ingest", path, "--db", database), cwd=ROOT, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(2, 14))
        importing.send_signal(signal.SIGKILL)
        importing.wait()
    report = told("ingest", path, "--db", database, "--json")
    out = tmp_path / "out.jsonl"
    subprocess.run(leeway("export", "calls", "--db", database, "--out", out), cwd=ROOT, check=True, timeout=300)
    ids = [json.loads(line)["call_id"] for line in out.read_bytes().split(b"\n") if line]
    assert (len(ids), len(set(ids))) == (LINES, LINES)
    assert (report["calls"] + report["duplicates"], report["rejects"]) == (LINES, 1)


def test_files_in_a_watched_folder_are_each_read_once_whatever_kills_the_server(serving, tmp_path: Path):
    folder = tmp_path / "watched"
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    server = serving(f'[watch]\nfolder = "{folder}"\nsettle_s = 0.2\n')
    chance, expected = random.Random(5), set()
    for number in range(ROUNDS):
        for nth in range(4):
            ids = [f"w{number}-{nth}-{n}" for n in range(2000)]
            expected |= set(ids)
            call = {"started_at": "2026-11-01T00:00:00Z", "request_model": "m", "status": "ok"}
            body = "\n".join(json.dumps({**call, "call_id": one}) for one in ids)
            (inbox / f"{number}-{nth}.jsonl").write_text(body)
        time.sleep(chance.uniform(0.2, 3))
        server.kill()
        server.start()
    deadline = time.monotonic() + 60
    while (any(inbox.iterdir()) or any((folder / "processing").iterdir())) and time.monotonic() < deadline:
        time.sleep(0.2)
    stored = Counter(call["call_id"] for call in server.calls())
    assert expected == set(stored)
    assert max(stored.values()) == 1
    done = {path.name for path in (folder / "done").iterdir() if not path.name.endswith(".report.json")}
    assert len(done) == 4 * ROUNDS
    assert list((folder / "processing").iterdir()) == list((folder / "failed").iterdir()) == []


def test_mappings_and_replays_go_through_the_server_that_holds_the_database(serving, tmp_path: Path):
    server = serving('[mappings.shop]\nstarted_at = "when"\noutput_text = "reply.text"\n')
    line = {"when": 1772362800, "reply": {"text": "Yes."}, "n": 7}
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(line))
    where = ("--db", server.database, "--config", server.config, "--json")
    assert told("ingest", path, "--mapping", "shop", "--map", "input_tokens=n", *where)["calls"] == 1
    assert [(c["output_text"], c["input_tokens"]) for c in server.calls()] == [("Yes.", 7)]
    params = {"mapping": "shop", "name": "b.jsonl"}
    body = json.dumps({**line, "when": 1772362999})
    sent = httpx.post(server.url + "/api/ingest", params=params, content=body)
    assert sent.json()["calls"] == 1
    wrong = httpx.post(server.url + "/api/ingest", params={"map": "colour=x"}, content=body)
    assert (wrong.status_code, "a call has no 'colour'" in wrong.text) == (422, True)

    span = traces(chat()).body
    headers = {"content-type": "application/json"}
    assert httpx.post(server.url + "/v1/traces", content=span, headers=headers).status_code == 200
    server.settle()
    window = ("--from", "2020-01-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z")
    done = told("replay", *window, "--apply", *where)
    assert (done["frames"], done["same"], done["applied"]) == (1, 1, True)
    assert len(server.calls()) == 3
    asked = {"from": "2020-01-01T00:00:00", "to": "2099-01-01T00:00:00Z"}
    assert httpx.post(server.url + "/api/replay", json=asked).status_code == 400
