"""Anthropic message batches: results, one request a line. No times at all; input tokens leave out cached ones."""

from collections.abc import Iterator

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import error_fields, response_fields
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Operation, Status

ENDED = {"canceled": Status.CANCELLED, "cancelled": Status.CANCELLED, "expired": Status.ERROR, "errored": Status.ERROR}


def detect(record: Record) -> bool:
    return "custom_id" in record and isinstance(record.get("result"), dict)


def parse(record: Record, place: Place) -> Iterator[Item]:
    result = record["result"]
    kind = str(result.get("type"))
    told = response_fields({"type": "message", "content": [], **as_object(result.get("message"))})
    if kind != "succeeded":
        told = {"operation": Operation.OTHER, "error_type": kind, **error_fields(result.get("error"))}
        told["status"] = ENDED.get(kind, Status.ERROR)
    tier = as_object(as_object(result.get("message")).get("usage")).get("service_tier")
    told |= {"provider": "anthropic", "source_record_id": record["custom_id"], "stream": False}
    told |= {"metadata": known({"custom_id": record["custom_id"], "service_tier": tier})}
    told["call_id"] = None if told.get("response_id") else f"hash:{place.key}"
    yield complete(known(told), source="anthropic_batch", place=place)


FORMAT = Format(
    name="anthropic_batch",
    help="Anthropic message batch results",
    detect=detect,
    reader=each(parse),
    order=20,
)
