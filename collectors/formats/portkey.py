"""Portkey log exports. `cost` is in cents unless its currency says otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import exchange, number
from collectors.apis.messages import parsed
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Operation, Status


def detect(record: Record) -> bool:
    return "req_units" in record or ("ai_model" in record and "ai_org" in record)


def _body(side: Any) -> Mapping[str, Any]:
    told = as_object(parsed(side))
    return as_object(parsed(told.get("body"))) or told


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = exchange(_body(record.get("request")), _body(record.get("response")))
    counted = {"input": record.get("req_units"), "output": record.get("res_units"), "total": record.get("total_units")}
    status = number(record.get("response_status_code"))
    metadata = as_object(parsed(record.get("metadata")))
    told |= known({
        "started_at": record.get("created_at"),
        "latency_ms": number(record.get("response_time")),
        "request_model": record.get("ai_model"),
        "provider": record.get("ai_org"),
        "operation": told.get("operation") or Operation.CHAT,
        "usage": told.get("usage") or known(counted),
        "reported_cost_usd": _dollars(record),
        "http_status": int(status) if status else None,
        "source_record_id": record.get("id"),
        "user_id": metadata.get("_user"),
        "prompt_name": record.get("prompt_slug"),
        "metadata": {**metadata, **known({"portkey_trace_id": record.get("trace_id")})},
    })  # fmt: skip
    if record.get("is_success") in (False, 0, "false", "0"):
        told["status"] = Status.ERROR
    yield complete(told, source="portkey", place=place)


def _dollars(record: Record) -> float | None:
    cost = number(record.get("cost"))
    if cost is None:
        return None
    return cost if str(record.get("cost_currency")).upper() == "USD" else cost / 100


FORMAT = Format(
    name="portkey",
    help="Portkey log exports",
    detect=detect,
    reader=each(parse),
    order=40,
)
