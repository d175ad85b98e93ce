"""The process is killed wherever it happens to be: nothing is lost, and a crash repeats at most one message."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from store.connection import Store, StoreSettings

ROOT = Path(__file__).parents[2]
KILLS = 8
MINUTES = 44


@pytest.mark.slow
def test_killed_at_any_moment_it_loses_nothing_and_repeats_at_most_one_message_a_crash(
    receiver: Any, tmp_path: Path
) -> None:
    database, url = tmp_path / "crash.duckdb", tmp_path / "url"
    url.write_text(receiver.url)
    command = [sys.executable, str(Path(__file__).with_name("victim.py")), str(database), str(url), receiver.host]
    rng = random.Random(1)
    kills = 0
    for _ in range(KILLS):
        before = len(receiver.got)
        victim = subprocess.Popen([*command, str(MINUTES)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
        while victim.poll() is None and len(receiver.got) == before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        kills += victim.poll() is None
        victim.kill()
        victim.wait()
    subprocess.run([*command, str(MINUTES)], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True, timeout=120)

    told = [json.loads(got["body"]) for got in receiver.got]
    reasons = {(one["incident_id"], one["reason"]) for one in told}
    with Store(StoreSettings(path=database)) as store:
        fired = store.read("SELECT incident_id FROM data.incidents")["incident_id"].to_list()
        slices = store.one("SELECT count(DISTINCT slice) FROM data.incidents")
    assert slices == len(fired) == 20
    for incident in fired:
        whole = {(incident, "fired"), (incident, "resolved")}
        assert whole <= reasons or (incident, "fired_and_resolved") in reasons
    repeated = sum(n - 1 for n in Counter(got["headers"]["X-Leeway-Id"] for got in receiver.got).values())
    assert kills >= KILLS // 2
    assert repeated <= kills
