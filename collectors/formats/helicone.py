"""Helicone exports: its export tool and query API, as JSON lines or CSV (which flattens nested keys with dots)."""

from collections.abc import Iterator

from collectors.apis.counts import as_object, either, known
from collectors.apis.exchange import exchange, number
from collectors.apis.messages import parsed
from collectors.apis.named import at
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Operation, Status

SESSION = "Helicone-Session-Id"


def detect(record: Record) -> bool:
    return "helicone_user" in record or ("request_created_at" in record and "response_status" in record)


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = exchange(parsed(record.get("request_body")), parsed(record.get("response_body")))
    status = number(record.get("response_status"))
    counted = {
        "input": record.get("prompt_tokens"), "output": record.get("completion_tokens"),
        "total": record.get("total_tokens"), "cache_read": record.get("prompt_cache_read_tokens"),
        "cache_write": record.get("prompt_cache_write_tokens"), "reasoning": record.get("reasoning_tokens"),
        "input_audio": record.get("prompt_audio_tokens"), "output_audio": record.get("completion_audio_tokens"),
        "exclusive": str(record.get("provider")).upper() == "ANTHROPIC",
    }  # fmt: skip
    told |= known({
        "started_at": record.get("request_created_at"),
        "ended_at": record.get("response_created_at"),
        "latency_ms": number(record.get("delay_ms")),
        "ttft_ms": number(record.get("time_to_first_token")),
        "request_model": record.get("request_model") or told.get("request_model"),
        "response_model": record.get("response_model") or told.get("response_model"),
        "provider": record.get("provider"),
        "operation": told.get("operation") or Operation.CHAT,
        "usage": known(counted) if record.get("prompt_tokens") is not None else told.get("usage"),
        "reported_cost_usd": number(either(record, "costUSD", "cost_usd", "cost")),
        "source_record_id": record.get("request_id"),
        "user_id": record.get("request_user_id"),
        "session_id": at(record, f"request_properties.{SESSION}"),
        "metadata": as_object(parsed(record.get("request_properties"))),
        "cache_hit": bool(record.get("cache_reference_id")),
    })  # fmt: skip
    if status is not None and status > 0:
        told["http_status"] = int(status)
    elif status is not None:  # Helicone's own: pending, cancelled, blocked
        told |= {"status": Status.CANCELLED, "http_status": None}
    yield complete(told, source="helicone", place=place)


FORMAT = Format(
    name="helicone",
    help="Helicone exports, JSON lines or CSV",
    detect=detect,
    reader=each(parse),
    order=40,
)
