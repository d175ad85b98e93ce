"""A whole server in its own process, as a user runs it."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
READY_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """`leeway serve` on a database; can be stopped, killed and started again."""

    def __init__(self, folder: Path, *, settings: str = "", otlp: bool = False, database: Path | None = None) -> None:
        self.database = database or folder / "served.duckdb"
        self.port = free_port()
        self.otlp_port = free_port() if otlp else 0
        self.log = folder / "server.log"
        self.config = folder / "leeway.toml"
        self.config.write_text(settings)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "leeway", "serve", "--db", str(self.database), "--port", str(self.port),
                   "--otlp-port", str(self.otlp_port), "--grpc-port", "0", "--config", str(self.config)]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                if httpx.get(self.url + "/healthz", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-3000:]}")

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(self.url + "/healthz", timeout=10).json()
        return answer

    def settle(self, timeout_s: float = 60) -> None:
        """Wait until nothing waits in the journal."""
        deadline = time.monotonic() + timeout_s
        while self.health()["backlog_bytes"]:
            assert time.monotonic() < deadline, "the backlog does not empty"
            time.sleep(0.1)

    def calls(self) -> list[dict[str, Any]]:
        answer = httpx.get(self.url + "/api/export", params={"format": "jsonl"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.split("\n") if line]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Be gone: asked first, so that the process can write down what it has to, then made to."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)
