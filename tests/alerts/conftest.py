"""A world whose numbers are drawn: one letter a minute, and receivers that answer as they are told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from alerts.engine.numbers import Numbers, one_by_one
from alerts.evaluate import evaluate
from alerts.rule import Rule
from alerts.rules.rulebook import set_rules
from alerts.settings import AlertSettings
from store.connection import Store
from store.errors import QueryTimeout
from store.model import Filters, Sample, Slice, Window

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VALUES = {".": 1.0, "!": 10.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    title: str = "Latency"
    unit: str = "ms"
    worse: str | None = "up"
    kind: str = "level"
    evaluator: str | None = None


METRICS: dict[str, Info] = {
    "latency_p95": Info(),
    "calls": Info(title="Calls", unit="calls", worse=None, kind="total"),
    "cost_usd": Info(title="Cost", unit="USD", kind="total"),
    "error_rate": Info(title="Error rate", unit="share", kind="rate"),
}


@dataclass
class World:
    """`drawn[slice]`: a letter a minute: `.` fine, `!` breached, `?` no calls, `x` the query fails."""

    drawn: dict[Slice, str] = field(default_factory=dict)
    asked: int = 0

    def measure(self, name: str, window: Window, filters: Filters, by: Sequence[str]) -> list[Sample]:  # noqa: ARG002
        self.asked += 1
        found = []
        for labels, picture in self.drawn.items():
            letter = self._letter(picture, window.end)
            if letter == "x":
                raise QueryTimeout("stopped after 10 s")
            if letter in VALUES:
                found.append(Sample(slice=labels, value=VALUES[letter], n=100))
        return found

    @staticmethod
    def _letter(picture: str, end: datetime) -> str:
        index = round((end - START) / MINUTE)
        return picture[index] if 0 <= index < len(picture) else "?"


@pytest.fixture
def world() -> World:
    return World()


def rule(**changes: Any) -> Rule:
    table = {"id": "slow", "metric": "latency_p95", "threshold": 5, "window": "1m", "every": "1m"}
    return Rule.model_validate({**table, **changes})


QUIET = AlertSettings(late_offset=timedelta(0))


@dataclass
class Engine:
    """The engine over a store and a world, moved on by minutes."""

    store: Store
    world: World
    settings: AlertSettings = QUIET
    channels: tuple[str, ...] = ("ops",)
    metrics: Mapping[str, Info] = field(default_factory=lambda: METRICS)
    extra: dict[str, Any] = field(default_factory=dict)

    start: datetime = START
    rule = staticmethod(rule)

    def rules(self, *wanted: Rule, now: datetime = START) -> None:
        set_rules(self.store, wanted, origin="file", by="test", now=now)

    def at(self, minute: float) -> dict[str, int]:
        return evaluate(
            self.store, measure=self.world.measure, metrics=self.metrics, settings=self.settings,
            channels=self.channels, now=START + minute * MINUTE, **self.extra,
        )  # fmt: skip

    @property
    def numbers(self) -> Numbers:
        return Numbers(measure=self.world.measure, sliding=one_by_one(self.world.measure))

    def through(self, minutes: int, first: int = 0) -> None:
        for minute in range(first, minutes):
            self.at(minute)

    def states(self, labels: str = "{}") -> str:
        sql = "SELECT left(state, 1) AS s FROM data.alert_evaluations WHERE slice = $slice ORDER BY window_end"
        return "".join(self.store.read(sql, {"slice": labels})["s"])

    def told(self) -> list[str]:
        """Reason of each message that is not muted, in order."""
        sql = "SELECT reason FROM data.outbox WHERE status <> 'suppressed' ORDER BY notification_id"
        return self.store.read(sql)["reason"].to_list()

    def muted(self) -> list[tuple[str, str]]:
        sql = "SELECT reason, error FROM data.outbox WHERE status = 'suppressed' ORDER BY notification_id"
        return list(self.store.read(sql).iter_rows())


@pytest.fixture
def engine(store: Store, world: World) -> Engine:
    return Engine(store, world)


@dataclass
class Receiver:
    """An HTTP server on 127.0.0.1 that answers what `script` says, the last answer again and again."""

    url: str
    host: str
    script: list[tuple[int, dict[str, str], bytes]]
    got: list[dict[str, Any]] = field(default_factory=list)
    write: Callable[[Any, bytes], None] | None = None


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        receiver = self.receiver
        receiver.got.append({"headers": dict(self.headers), "body": body, "path": self.path, "method": self.command})
        status, headers, answer = receiver.script.pop(0) if len(receiver.script) > 1 else receiver.script[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if receiver.write:
            receiver.write(self.wfile, answer)
        else:
            self.wfile.write(answer)

    do_GET = do_POST  # noqa: N815 - what the library calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    host = f"127.0.0.1:{server.server_port}"
    handler.receiver = Receiver(url=f"http://{host}/services/T0/B0/secret", host=host, script=[(200, {}, b"ok")])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield handler.receiver
    server.shutdown()
    thread.join()
    server.server_close()
