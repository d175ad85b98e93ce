"""The process is killed wherever it happens to be: nothing is lost, and a crash repeats at most one message.

`LEEWAY_TOLD_KILLS=100 pytest tests/acceptance/test_told_crash.py` kills it a hundred times.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from store.connection import Store, StoreSettings
from tests.acceptance.receivers import Fake, http

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("LEEWAY_TOLD_KILLS", "6"))
ALIVE_S = 0.5  # after its first message of a life


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * KILLS)
def test_killed_at_any_moment_it_loses_nothing_and_repeats_at_most_one_message_a_crash(tmp_path: Path) -> None:
    fake = Fake(kind="webhook", clock=lambda: None)
    with http(fake):
        database = tmp_path / "crash.duckdb"
        kills = _killed(fake, database, tmp_path / "url")
    with Store(StoreSettings(path=database)) as store:
        fired = store.read("SELECT incident_id FROM data.incidents")["incident_id"].to_list()
        slices = store.one("SELECT count(DISTINCT slice) FROM data.incidents")
    assert slices == len(fired) == 4 * KILLS
    first = list({one["id"]: one for one in fake.taken}.values())
    for incident in fired:
        told = [one["reason"] for one in first if one["incident_id"] == incident]
        assert told in (["fired", "resolved"], ["fired_and_resolved"]), incident
    repeated = sum(n - 1 for n in Counter(one["id"] for one in fake.taken).values())
    print(f"{kills} kills, {len(first)} messages, {repeated} repeated, 0 lost")  # noqa: T201 - what the run is for
    assert kills == KILLS
    assert repeated <= kills


def _killed(fake: Fake, database: Path, url: Path) -> int:
    """Let it live a little past its next message and kill it, again and again; then let it come to its end."""
    url.write_text(f"http://{fake.host}/hook")
    script = str(Path(__file__).with_name("victim.py"))
    command: list[Any] = [sys.executable, script, database, url, fake.host, str(4 * KILLS)]
    rng, kills = random.Random(1), 0
    for _ in range(KILLS):
        before = len(fake.taken)
        victim = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
        while victim.poll() is None and len(fake.taken) == before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, ALIVE_S))
        kills += victim.poll() is None
        victim.kill()
        victim.wait()
    subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True, timeout=600)
    return kills
