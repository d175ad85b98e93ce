"""Vertex AI request-response log: BigQuery rows, exported as JSON lines, CSV or Parquet.

`full_request` and `full_response` (Gemini, Claude), or payload lists of texts; rows may be a sample of the traffic.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import exchange, number
from collectors.apis.messages import parsed
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from collectors.moments import moment
from store.model import Operation, Status


def detect(record: Record) -> bool:
    return "logging_time" in record and ("full_request" in record or "request_payload" in record)


def parse(record: Record, place: Place) -> Iterator[Item]:
    request = _side(record, "full_request", "request_payload")
    response = _side(record, "full_response", "response_payload")
    told = exchange(request, response)
    latency = number(as_object(parsed(record.get("metadata"))).get("request_latency"))
    end = moment(record.get("logging_time"))
    told |= known({
        "provider": "gcp.vertex_ai",
        "request_model": str(record.get("model") or record.get("deployed_model_id") or "").rsplit("/", 1)[-1],
        "response_model": told.get("response_model") or record.get("model_version"),
        "operation": told.get("operation") or Operation.CHAT,
        "stream": str(record.get("api_method", "")).lower().startswith("stream"),
        "started_at": end - timedelta(milliseconds=latency) if end and latency is not None else None,
        "ended_at": end,
        "latency_ms": latency,
        "source_record_id": record.get("request_id"),
        "metadata": known({"endpoint": record.get("endpoint"), "api_method": record.get("api_method")}),
    })  # fmt: skip
    if not response:
        told |= {"status": Status.ERROR, "error_type": "no_response"}
    yield complete(told, source="vertex", place=place)


def _side(record: Record, whole: str, payload: str) -> Any:
    told = parsed(record.get(whole))
    if told:
        return told
    texts = parsed(record.get(payload))
    first = parsed(texts[0]) if isinstance(texts, list) and texts else parsed(texts)
    return as_object(first)


FORMAT = Format(
    name="vertex",
    help="Vertex AI request-response log (BigQuery rows exported as JSON lines, CSV or Parquet)",
    detect=detect,
    reader=each(parse),
    order=25,
)
