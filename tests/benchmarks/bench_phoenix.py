"""Beside Arize Phoenix: the same spans to both, visible spans per second and disk per 100 k spans.

`PHOENIX=…/bin/phoenix python -m tests.benchmarks phoenix`, where `phoenix` comes from `pip install arize-phoenix` in an
environment of its own (its pins are not ours). Default settings and SQLite. Visible means that the store answers with
it: Phoenix's own table is counted, Leeway's journal is empty once all was committed. Targets: ≥ 25 times, ≤ 1/5.
Not alike: Phoenix keeps spans and works out costs; Leeway keeps spans, assembled calls and its journal.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.benchmarks.bench_otlp import SETTINGS, SPANS, body, cpu_s, send
from tests.serving import Serving, free_port

BODIES = 20
PATIENCE_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`megabytes`: what stands on disk once all is visible and the server has stopped."""

    visible_per_s: float
    per_cpu_s: float
    megabytes: float


def phoenix(binary: str, bodies: list[bytes], folder: Path) -> Result:
    port = free_port()
    told = {
        "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_HOST": "127.0.0.1", "PHOENIX_TELEMETRY_ENABLED": "false", "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }  # fmt: skip
    with (folder / "phoenix.log").open("wb") as log:
        process = subprocess.Popen([binary, "serve"], env={**os.environ, **told}, stdout=log, stderr=log)
    try:
        _ready(f"http://127.0.0.1:{port}/healthz", process)
        before, begun = cpu_s(process.pid), time.perf_counter()
        send(port, bodies, [])
        wanted = len(bodies) * SPANS
        while _rows(folder / "phoenix.db") < wanted:
            if time.perf_counter() - begun > PATIENCE_S:
                raise SystemExit(f"Phoenix shows {_rows(folder / 'phoenix.db')} of {wanted} spans after {PATIENCE_S} s")
            time.sleep(0.1)
        took, cpu = time.perf_counter() - begun, cpu_s(process.pid) - before
    finally:
        process.terminate()
        process.wait(30)
    size = sum(path.stat().st_size for path in folder.glob("phoenix.db*"))
    return Result(visible_per_s=wanted / took, per_cpu_s=wanted / cpu, megabytes=size / 1e6)


def _ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).status_code < 500:
                return
        time.sleep(0.5)
    raise SystemExit(f"Phoenix did not start; see {url}")


def _rows(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as store:
        return int(store.execute("SELECT count(*) FROM spans").fetchone()[0])


def leeway(bodies: list[bytes], folder: Path) -> Result:
    server = Serving(folder, settings=SETTINGS)
    server.start()
    assert server.process is not None
    before, begun = cpu_s(server.process.pid), time.perf_counter()
    send(server.port, bodies, [])
    server.settle(PATIENCE_S)
    took, cpu = time.perf_counter() - begun, cpu_s(server.process.pid) - before
    server.stop()
    spans = len(bodies) * SPANS
    return Result(visible_per_s=spans / took, per_cpu_s=spans / cpu, megabytes=server.database.stat().st_size / 1e6)


def main() -> None:
    binary = os.environ.get("PHOENIX") or shutil.which("phoenix")
    if not binary:
        print("skipped: no `phoenix` (pip install arize-phoenix in an environment of its own, then PHOENIX=…)")
        return
    bodies = [body(seed) for seed in range(BODIES)]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        ours, theirs = leeway(bodies, Path(one)), phoenix(binary, bodies, Path(other))
    spans = BODIES * SPANS
    for name, result in (("leeway", ours), ("phoenix", theirs)):
        print(f"{name:8} {result.visible_per_s:9,.0f} visible spans/s  {result.per_cpu_s:9,.0f} spans per CPU-second  "
              f"{result.megabytes / spans * 100_000:7.1f} MB per 100 k spans")  # fmt: skip
    print(f"visible: {ours.visible_per_s / theirs.visible_per_s:.1f}x (≥ 25); "
          f"disk: {ours.megabytes / theirs.megabytes:.2f}x (≤ 0.20)")  # fmt: skip


if __name__ == "__main__":
    main()
