"""An end to an exchange: single reads have a time-out, a drip of bytes does not."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any


class Deadline:
    """Cuts the watched connection when `seconds` are over."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._connection: Callable[[], socket.socket | None] = lambda: None

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._ends

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connection: Callable[[], socket.socket | None]) -> None:
        """`connection` gives the socket as it is when the time is over: TLS wraps it on the way."""
        self._connection = connection

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Watch what httpx connects to, as its `trace` extension tells."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self.watch(partial(info["return_value"].get_extra_info, "socket"))

    def _cut(self) -> None:
        connection = self._connection()
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
