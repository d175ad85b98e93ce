"""Receivers on 127.0.0.1 that behave as receivers do: well, too busy, broken, silent, mad, dripping, gone.

Each takes one message per well-behaved answer and keeps it in `taken`; what it spoiled counts as not received.
"""

import contextlib
import json
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET, create_server
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller

MOODS = ("ok", "busy", "broken", "silent", "mad", "drip", "reset")
BUSY_S = 47  # what Retry-After says
GARBAGE = b"\x00\xff<html>hotel wifi</html>"
WELL = {
    "slack": (200, b"ok"),
    "slack_bot": (200, b'{"ok": true, "channel": "C1", "ts": "171.25"}'),
    "pagerduty": (202, b'{"status": "success"}'),
    "teams": (202, b"1"),
    "webhook": (200, b""),
}
CAN_TELL_GARBAGE = ("slack", "slack_bot", "pagerduty")  # the others' success has no words


@dataclass
class Fake:
    """`moods` is how it behaves, request by request; then it is well. `asked`: when it was asked, by `clock`."""

    kind: str
    clock: Callable[[], datetime]
    moods: list[str] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    asked: list[tuple[datetime, str]] = field(default_factory=list)
    host: str = ""

    def mood(self) -> str:
        now = self.moods.pop(0) if self.moods else "ok"
        now = "ok" if now == "mad" and self.kind not in (*CAN_TELL_GARBAGE, "email") else now
        self.asked.append((self.clock(), now))
        return now


class Handler(BaseHTTPRequestHandler):
    fake: Fake

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        mood = self.fake.mood()
        if mood == "ok":
            self.fake.taken.append({**body, "method": self.path.rpartition("/")[2]})
            self._answer(*WELL[self.fake.kind])
        elif mood == "busy":
            self._answer(429, b"", ("Retry-After", str(BUSY_S)))
        elif mood == "broken":
            self._answer(500, b"oops")
        elif mood == "mad":
            self._answer(200, GARBAGE)
        else:
            with contextlib.suppress(OSError):
                getattr(self, f"_{mood}")()

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _silent(self) -> None:
        time.sleep(1)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(20):
            self.wfile.write(b"o")
            self.wfile.flush()
            time.sleep(0.05)

    def _reset(self) -> None:
        self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A connection that was cut is what the test is about."""


@contextlib.contextmanager
def http(fake: Fake) -> Iterator[Fake]:
    server = Quiet(("127.0.0.1", 0), type("Mine", (Handler,), {"fake": fake}))
    fake.host = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Mailbox:
    """An SMTP server with moods: busy is 451, broken 421, mad another protocol; the rest breaks the connection."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        mood = self.fake.mood()
        if mood == "ok":
            self.fake.taken.append(message_from_bytes(envelope.content, policy=default))
            return "250 OK"
        if mood in ("reset", "silent", "drip"):
            server.transport.abort()
        return {"busy": "451 greylisted", "broken": "421 closing"}.get(mood, "999 ?? hotel wifi")


@contextlib.contextmanager
def smtp(fake: Fake) -> Iterator[Fake]:
    with create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    controller = Controller(Mailbox(fake), hostname="127.0.0.1", port=port)
    controller.start()
    fake.host = f"127.0.0.1:{port}"
    try:
        yield fake
    finally:
        controller.stop()
