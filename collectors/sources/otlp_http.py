"""OTLP over HTTP: check the envelope, put the body as it came into the journal, answer once it is on disk.

Status codes and bodies are those of the OTLP specification and, where it is silent, of the reference Collector.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import time_ns
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from collectors.spans.envelope import Envelope, checked
from collectors.spans.otlp import TooLarge, suspicious, unpacked
from store.errors import BacklogFull, FormatError, LeewayError
from store.journal import GZIP, JSON, Frame, Journal, Signal

PROTOBUF_TYPE, JSON_TYPE = "application/x-protobuf", "application/json"
UNSUPPORTED_TYPE = f"415 unsupported media type, supported: [{JSON_TYPE}, {PROTOBUF_TYPE}]"
UNSUPPORTED_ENCODING = "415 unsupported content encoding, supported: [gzip, identity]"
RETRY_AFTER_S = 5
LARGE = 1 << 20  # bytes: checking more than this would hold up the other requests
INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE, UNAUTHENTICATED = 3, 5, 8, 14, 16  # google.rpc.Code


class OtlpSettings(BaseModel):
    """The largest body as it is sent, and unpacked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_body_bytes: int = Field(default=16 << 20, gt=0)
    max_decoded_bytes: int = Field(default=64 << 20, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - carries the answer
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def routes(journal: Callable[[], Journal], settings: OtlpSettings, token: SecretStr | None = None) -> list[BaseRoute]:
    """Return routes for any path that ends in /v1/traces, /v1/logs or /v1/metrics; other /v1/… are told so in JSON.

    `token`: what senders must show as `Authorization: Bearer …`, or as the password of basic auth.
    """
    checked(b"", Signal.TRACES, is_json=False)  # makes what reads them: the first client shall not wait for that
    found: list[BaseRoute] = []
    for signal in Signal:
        receiver = Receiver(signal, journal, settings, token)
        name = signal.name.lower()
        found += [Route(f"/v1/{name}", receiver), Route(f"/{{prefix:path}}/v1/{name}", receiver)]
    return [*found, Route("/v1/{rest:path}", _unknown)]


class _Unknown:
    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        known = "/v1/traces, /v1/logs and /v1/metrics"
        body = orjson.dumps({"code": NOT_FOUND, "message": f"{scope['path']} is not served here: send to {known}"})
        await _send(send, Answer(status=404, body=body, content_type=JSON_TYPE))


_unknown = _Unknown()


class Receiver:
    """An ASGI application that takes one signal in."""

    def __init__(
        self, signal: Signal, journal: Callable[[], Journal], settings: OtlpSettings, token: SecretStr | None
    ) -> None:
        self.signal = signal
        self._token = token
        self._journal = journal
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Refused as refused:
            answer = refused.answer
        except ConnectionError:
            return
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] != "POST":
            raise Refused(
                Answer(status=405, body=b"405 method not allowed, supported: [POST]", headers={"allow": "POST"})
            )
        encoding = _encoding(headers)
        is_json = bool(encoding & JSON)
        self._admit(headers, is_json)
        body = await self._body(headers, receive, is_json)
        envelope = await self._checked(body, encoding)
        if envelope.records:
            await self._kept(body, encoding, scope["path"], headers)
        return Answer(status=200, body=success(self.signal, envelope, is_json), content_type=_type(is_json))

    def _admit(self, headers: Mapping[str, str], is_json: bool) -> None:
        token = self._token
        if token is not None and not admitted(headers.get("authorization", ""), token.get_secret_value()):
            message = "show the ingest token: Authorization: Bearer …"
            raise Refused(_status(401, UNAUTHENTICATED, message, is_json, {"www-authenticate": "Bearer"}))

    async def _body(self, headers: Mapping[str, str], receive: Receive, is_json: bool) -> bytes:
        limit = self._settings.max_body_bytes
        told = headers.get("content-length", "")
        parts, size = [], int(told) if told.isdecimal() else 0
        if size <= limit:
            size = 0
            async for part in _parts(receive):
                parts.append(part)
                size += len(part)
                if size > limit:
                    break
        if size > limit:
            message = f"the body is larger than {limit:,} bytes: send smaller batches"
            raise Refused(_status(413, RESOURCE_EXHAUSTED, message, is_json, {"connection": "close"}))
        return b"".join(parts)

    async def _checked(self, body: bytes, encoding: int) -> Envelope:
        is_json = bool(encoding & JSON)
        try:
            if len(body) > LARGE:
                return await asyncio.to_thread(self._check, body, encoding)
            return self._check(body, encoding)
        except TooLarge as error:
            raise Refused(_status(413, RESOURCE_EXHAUSTED, str(error), is_json)) from error
        except FormatError as error:
            raise Refused(_status(400, INVALID_ARGUMENT, str(error), is_json)) from error

    def _check(self, body: bytes, encoding: int) -> Envelope:
        packed = len(body)
        if encoding & GZIP and body:
            body = unpacked(body, self._settings.max_decoded_bytes)
            if suspicious(packed, len(body)):
                raise TooLarge(f"{packed:,} bytes unpack to {len(body):,}: that is no telemetry")
        return checked(body, self.signal, is_json=bool(encoding & JSON))

    async def _kept(self, body: bytes, encoding: int, path: str, headers: Mapping[str, str]) -> None:
        source = f"{path} {headers.get('user-agent', '')}"[:200].rstrip()
        frame = Frame(signal=self.signal, encoding=encoding, received_at_ns=time_ns(), source=source, body=body)
        try:
            await asyncio.wrap_future(self._journal().append(frame))
        except (BacklogFull, LeewayError) as error:
            retry = {"retry-after": str(RETRY_AFTER_S)}
            raise Refused(_status(503, UNAVAILABLE, str(error), bool(encoding & JSON), retry)) from error


def _encoding(headers: Mapping[str, str]) -> int:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = headers.get("content-encoding", "").strip().lower()
    if kind not in (PROTOBUF_TYPE, JSON_TYPE):
        raise Refused(Answer(status=415, body=UNSUPPORTED_TYPE.encode()))
    if packed not in ("", "identity", "gzip"):
        raise Refused(Answer(status=415, body=UNSUPPORTED_ENCODING.encode()))
    return (JSON if kind == JSON_TYPE else 0) | (GZIP if packed == "gzip" else 0)


def admitted(authorization: str, token: str) -> bool:
    """Whether the header shows the token, as a bearer or as the password of basic auth; takes the same time always."""
    scheme, _, shown = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            shown = base64.b64decode(shown.strip(), validate=True).decode("utf-8", "replace").partition(":")[2]
        except binascii.Error:
            shown = ""
    return hmac.compare_digest(shown.strip().encode(), token.encode())


async def _parts(receive: Receive) -> Any:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _type(is_json: bool) -> str:
    return JSON_TYPE if is_json else PROTOBUF_TYPE


def success(signal: Signal, envelope: Envelope, is_json: bool) -> bytes:
    """Return the Export…ServiceResponse: empty on full success, with the number of bad records otherwise."""
    if not envelope.bad:
        return b"{}" if is_json else b""
    name = "rejectedSpans" if signal == Signal.TRACES else "rejectedLogRecords"
    message = f"{envelope.bad} of {envelope.records} records have no valid ids"
    if is_json:
        return orjson.dumps({"partialSuccess": {name: str(envelope.bad), "errorMessage": message}})
    if signal == Signal.TRACES:
        spans = ExportTracePartialSuccess(rejected_spans=envelope.bad, error_message=message)
        return bytes(ExportTraceServiceResponse(partial_success=spans).SerializeToString())
    logs = ExportLogsPartialSuccess(rejected_log_records=envelope.bad, error_message=message)
    return bytes(ExportLogsServiceResponse(partial_success=logs).SerializeToString())


def _status(status: int, code: int, message: str, is_json: bool, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a google.rpc.Status in the request's encoding."""
    body = orjson.dumps({"code": code, "message": message}) if is_json else rpc_status(code, message)
    return Answer(status=status, body=body, content_type=_type(is_json), headers=headers or {})


def rpc_status(code: int, message: str) -> bytes:
    """Write a google.rpc.Status by hand: field 1 the code, field 2 the message. It needs no package for two fields."""
    text = message.encode()
    length = bytearray()
    size = len(text)
    while size > 0x7F:  # noqa: PLR2004 - seven bits a byte
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((0x08, code, 0x12, *length, size)) + text


async def _send(send: Callable[[dict[str, Any]], Awaitable[None]] | Send, answer: Answer) -> None:
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body)), **answer.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})
