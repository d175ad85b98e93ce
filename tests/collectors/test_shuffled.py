"""One span per request, from several clients at once: however calls are cut up and mixed, they are the same calls."""

import gzip
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from store.journal import GZIP, JSON, Frame, Signal
from tests.collectors.test_captures import CASES, frames

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CLIENTS = 4
Request = tuple[str, str, bytes]  # signal, content type, body


def single(frame: Frame) -> Iterator[Request]:
    """Cut a request into one for each span or log record."""
    body = gzip.decompress(frame.body) if frame.encoding & GZIP else frame.body
    of_json = bool(frame.encoding & JSON)
    if frame.signal == Signal.TRACES:
        pieces = cut_json(body, "Spans", "spans") if of_json else cut_spans(body)
    else:
        pieces = cut_json(body, "Logs", "logRecords") if of_json else cut_logs(body)
    for piece in pieces:
        kind = "application/json" if of_json else "application/x-protobuf"
        yield frame.signal.name.lower(), kind, piece


def cut_spans(body: bytes) -> Iterator[bytes]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                alone = ExportTraceServiceRequest()
                under = alone.resource_spans.add(resource=resource.resource).scope_spans.add(scope=scope.scope)
                under.spans.append(span)
                yield alone.SerializeToString()


def cut_logs(body: bytes) -> Iterator[bytes]:
    for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                alone = ExportLogsServiceRequest()
                under = alone.resource_logs.add(resource=resource.resource).scope_logs.add(scope=scope.scope)
                under.log_records.append(record)
                yield alone.SerializeToString()


def cut_json(body: bytes, what: str, items: str) -> Iterator[bytes]:
    of_resource, of_scope = f"resource{what}", f"scope{what}"
    for resource in json.loads(body)[of_resource]:
        for scope in resource[of_scope]:
            for item in scope[items]:
                alone = {of_resource: [{**resource, of_scope: [{**scope, items: [item]}]}]}
                yield json.dumps(alone).encode()


def requests_of_all() -> list[Request]:
    made = [request for case in CASES for frame in frames(case) for request in single(frame)]
    random.Random(11).shuffle(made)
    return made


def send(url: str, requests: list[Request]) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        for signal, kind, body in requests:
            client.post(f"/v1/{signal}", content=body, headers={"content-type": kind}).raise_for_status()


def expected() -> dict[str, dict[str, Any]]:
    return {call["call_id"]: call for case in CASES for call in json.loads((case / "expected.json").read_text())}


def test_shuffled_spans_from_many_clients_give_the_calls_of_each_folder(serving):
    server = serving()
    requests = requests_of_all()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda i: send(server.url, requests[i::CLIENTS]), range(CLIENTS)))
    server.settle()
    found = {call["call_id"]: call for call in server.calls()}
    wanted = expected()
    assert found.keys() == wanted.keys()
    for call_id, call in wanted.items():
        assert {name: found[call_id].get(name) for name in call} == call
