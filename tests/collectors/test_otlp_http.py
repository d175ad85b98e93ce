"""The OTLP/HTTP receiver: what a client is told, and that it is told the truth."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette

from collectors.sources.otlp_http import OtlpSettings, routes, rpc_status
from store.errors import ConfigError
from store.journal import GZIP, JSON, Journal, JournalSettings, Position, Signal

PROTOBUF = {"content-type": "application/x-protobuf"}
AS_JSON = {"content-type": "application/json; charset=utf-8"}
SPAN = {"traceId": "AB" * 16, "spanId": "cd" * 8, "name": "chat"}


def json_body(*spans: dict[str, Any]) -> bytes:
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]})


def protobuf_body(*ids: tuple[bytes, bytes]) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for trace_id, span_id in ids:
        spans.add(trace_id=trace_id, span_id=span_id, name="chat")
    return request.SerializeToString()


GOOD = protobuf_body((b"t" * 16, b"s" * 8))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(JournalSettings(folder=tmp_path), Position(0, 0))
    yield opened
    opened.close()


def ask(
    journal: Any, path: str, body: Any = b"", *, method: str = "POST", headers: Any = None, token: str | None = None,
    **settings: Any,
):  # fmt: skip
    shown = SecretStr(token) if token else None
    app = Starlette(routes=routes(lambda: journal, OtlpSettings(**settings), shown))

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(send())


def kept(journal: Journal) -> list[Any]:
    return journal.read(Position(0, 0), 1 << 30)[0]


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces"])
def test_a_good_request_is_in_the_journal_as_it_was_sent(journal, path):
    packed = gzip.compress(GOOD)
    answer = ask(journal, path, packed, headers={**PROTOBUF, "content-encoding": "gzip", "user-agent": "me/1"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    [frame] = kept(journal)
    assert (frame.body, frame.encoding, frame.signal) == (packed, GZIP, Signal.TRACES)
    assert frame.source == f"{path} me/1"


def test_json_is_answered_in_json(journal):
    answer = ask(journal, "/v1/traces", json_body(SPAN), headers=AS_JSON)
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert kept(journal)[0].encoding == JSON


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [("/v1/traces", PROTOBUF, b""), ("/v1/logs", AS_JSON, b"{}"), ("/v1/metrics", AS_JSON, b""),
     ("/v1/traces", {**PROTOBUF, "content-encoding": "gzip"}, b""), ("/v1/traces", AS_JSON, b'{"resourceSpans":[]}')],
)  # fmt: skip
def test_an_empty_request_is_a_success(journal, path, headers, body):
    assert ask(journal, path, body, headers=headers).status_code == 200
    assert kept(journal) == []


def test_metrics_and_logs_are_taken_in(journal):
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add()
    assert ask(journal, "/v1/logs", logs.SerializeToString(), headers=PROTOBUF).status_code == 200
    assert ask(journal, "/v1/metrics", b'{"resourceMetrics":[{}]}', headers=AS_JSON).status_code == 200
    assert ask(journal, "/v1/metrics", b"", headers=PROTOBUF).status_code == 200
    assert [frame.signal for frame in kept(journal)] == [Signal.LOGS, Signal.METRICS]


def test_bad_records_are_counted_in_the_answer(journal):
    body = protobuf_body((b"t" * 16, b"s" * 8), (b"short", b"s" * 8), (b"\0" * 16, b"s" * 8))
    answer = ask(journal, "/v1/traces", body, headers=PROTOBUF)
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, told.rejected_spans) == (200, 2)
    assert "2 of 3" in told.error_message
    answer = ask(journal, "/v1/traces", json_body(SPAN, {}, {**SPAN, "spanId": "xyz"}, 7), headers=AS_JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "3"
    assert len(kept(journal)) == 2


@pytest.mark.parametrize(
    ("headers", "body"),
    [(PROTOBUF, b"\xff\xff\xff"), (AS_JSON, b"{"), (AS_JSON, b"[]"), (AS_JSON, b'{"a":1}'),
     (AS_JSON, b'{"resourceSpans":{}}'), (AS_JSON, b'{"resourceSpans":[7]}'), (AS_JSON, b"[" * 100_000),
     ({**PROTOBUF, "content-encoding": "gzip"}, b"no gzip"),
     ({**PROTOBUF, "content-encoding": "gzip"}, gzip.compress(GOOD, mtime=0)[:-9])],
)  # fmt: skip
def test_what_cannot_be_decoded_is_refused_in_the_requests_encoding(journal, headers, body):
    answer = ask(journal, "/v1/traces", body, headers=headers)
    assert answer.status_code == 400
    if headers is AS_JSON:
        assert answer.json()["message"]
        assert answer.json()["code"] == 3
    else:
        assert answer.headers["content-type"] == "application/x-protobuf"
        assert answer.content[:2] == b"\x08\x03"
    assert kept(journal) == []


def test_other_methods_types_and_encodings_are_refused(journal):
    answer = ask(journal, "/v1/traces", method="GET")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = ask(journal, "/v1/traces", GOOD, headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "application/x-protobuf" in answer.text
    answer = ask(journal, "/v1/traces", GOOD, headers={**PROTOBUF, "content-encoding": "zstd"})
    assert answer.status_code == 415
    assert "gzip" in answer.text


def test_other_paths_below_v1_are_not_found_in_json(journal):
    answer = ask(journal, "/v1/profiles", method="POST")
    assert answer.status_code == 404
    assert "/v1/traces" in answer.json()["message"]


def test_a_body_over_the_cap_is_refused_packed_and_unpacked(journal):
    answer = ask(journal, "/v1/traces", GOOD * 50, headers=PROTOBUF, max_body_bytes=100)
    assert answer.status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        yield GOOD
        yield GOOD * 50

    answer = ask(journal, "/v1/traces", pieces(), headers=PROTOBUF, max_body_bytes=100)
    assert answer.status_code == 413
    packed = {**PROTOBUF, "content-encoding": "gzip"}
    body = gzip.compress(b"\0" * 5000)
    assert ask(journal, "/v1/traces", body, headers=packed, max_decoded_bytes=1000).status_code == 413
    bomb = gzip.compress(b"\0" * (20 << 20))
    assert ask(journal, "/v1/traces", bomb, headers=packed).status_code == 413
    assert kept(journal) == []


def test_a_large_body_is_taken_too(journal):
    padding = {"key": "k", "value": {"stringValue": "x" * (2 << 20)}}
    body = json_body({**SPAN, "attributes": [padding]})
    assert ask(journal, "/v1/traces", body, headers=AS_JSON).status_code == 200


def test_a_full_journal_says_come_back(tmp_path):
    full = Journal(JournalSettings(folder=tmp_path, max_backlog_bytes=0), Position(0, 0))
    answer = ask(full, "/v1/traces", json_body(SPAN), headers=AS_JSON)
    full.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "try again" in answer.json()["message"]


def test_before_the_product_is_open_clients_are_told_to_come_back():
    def closed() -> Journal:
        raise ConfigError("not open")

    app = Starlette(routes=routes(closed, OtlpSettings()))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            return await client.post("/v1/traces", content=GOOD, headers=PROTOBUF)

    assert asyncio.run(send()).status_code == 503


def test_nothing_is_answered_before_it_is_on_disk():
    """A journal whose disk is slow: the answer waits for it."""

    class Slow:
        future: Future[Position] = Future()

        def append(self, _frame: Any) -> Future[Position]:
            return self.future

    slow = Slow()
    app = Starlette(routes=routes(lambda: slow, OtlpSettings()))  # type: ignore[arg-type, return-value]

    async def send() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            task = asyncio.create_task(client.post("/v1/traces", content=GOOD, headers=PROTOBUF))
            await asyncio.sleep(0.05)
            assert not task.done()
            slow.future.set_result(Position(1, 1))
            return (await task).status_code

    assert asyncio.run(send()) == 200


@pytest.mark.parametrize(
    ("shown", "status"),
    [("Bearer s3cret", 200), ("bearer s3cret", 200), ("Basic cGs6czNjcmV0", 200), ("Bearer wrong", 401),
     ("Basic !!!", 401), ("", 401)],
)  # fmt: skip
def test_the_ingest_token_is_asked_for(journal, shown, status):
    headers = {**AS_JSON, "authorization": shown} if shown else AS_JSON
    answer = ask(journal, "/v1/traces", json_body(SPAN), headers=headers, token="s3cret")
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_a_client_that_goes_away_gets_nothing_and_leaves_nothing(journal):
    app = Starlette(routes=routes(lambda: journal, OtlpSettings()))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/traces", "query_string": b"", "root_path": "",
             "headers": [(b"content-type", b"application/json")]}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert sent == []
    assert kept(journal) == []


def test_a_long_status_message_is_a_valid_protobuf():
    message = ExportLogsServiceResponse.FromString(b"")  # any parser of the wire format will do
    message.ParseFromString(b"")
    status = rpc_status(3, "x" * 300)
    assert status[:5] == b"\x08\x03\x12\xac\x02"
    assert len(status) == 5 + 300


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        OtlpSettings(max_bytes=1)
