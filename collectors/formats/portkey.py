"""Portkey log exports. `cost` is in cents unless its currency says otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import exchange, number
from collectors.apis.messages import parsed
from collectors.apis.named import Named
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Operation, Status

TOLD = Named({
    "started_at": "created_at", "request_model": "ai_model", "provider": "ai_org", "source_record_id": "id",
    "prompt_name": "prompt_slug",
})  # fmt: skip
COUNTS = Named({"input": "req_units", "output": "res_units", "total": "total_units"})


def detect(record: Record) -> bool:
    return "req_units" in record or ("ai_model" in record and "ai_org" in record)


def _body(side: Any) -> Mapping[str, Any]:
    told = as_object(parsed(side))
    return as_object(parsed(told.get("body"))) or told


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = {"operation": Operation.CHAT, **exchange(_body(record.get("request")), _body(record.get("response")))}
    told.setdefault("usage", COUNTS(record))
    told |= TOLD(record)
    metadata = as_object(parsed(record.get("metadata")))
    status = number(record.get("response_status_code"))
    told |= known({
        "latency_ms": number(record.get("response_time")),
        "reported_cost_usd": _dollars(record),
        "http_status": int(status) if status else None,
        "user_id": metadata.get("_user"),
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
