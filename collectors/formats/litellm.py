"""LiteLLM: the payload its logging callbacks write, and the proxy's spend-log rows.

Cached and reasoning tokens stand only in the usage object. LiteLLM of 2025 counts what was read from a cache as input,
but not what was written to it; newer ones count both.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors import folding
from collectors.apis.counts import as_object, known, openai_usage
from collectors.apis.exchange import error_fields, exchange, number, request_fields
from collectors.apis.messages import messages, parsed
from collectors.apis.named import Named
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Operation, Status

TOLD = Named({
    "started_at": "startTime", "ended_at": "endTime", "first_token_at": "completionStartTime",
    "request_model": ("model_group", "model"), "provider": "custom_llm_provider", "user_id": ("end_user", "user"),
    "tags": "request_tags", "source_record_id": ("litellm_call_id", "request_id"),
})  # fmt: skip
NOTHING: tuple[Any, ...] = (None, "", "None", "none", {}, [], "{}", "[]")


def detect_payload(record: Record) -> bool:
    return (
        "call_type" in record and ("litellm_call_id" in record or "hidden_params" in record) and "spend" not in record
    )


def detect_spend(record: Record) -> bool:
    return "request_id" in record and "spend" in record and "call_type" in record


def _some(value: Any) -> Any:
    return None if value in NOTHING else value


def payload(record: Record, place: Place) -> Iterator[Item]:
    response = parsed(record.get("response"))
    metadata = record.get("metadata") or {}
    told = {
        **exchange(record.get("model_parameters"), response if isinstance(response, dict) else None),
        **_common(record, metadata),
        "response_id": response.get("id") if isinstance(response, dict) else None,
        "latency_ms": _milliseconds(record.get("response_time")),
        "stream": record.get("stream") or False,
        "reported_cost_usd": number(record.get("response_cost")),
        "session_id": _some(record.get("session_id")) or _some(record.get("trace_id")),
        "tenant": _first(metadata, "user_api_key_team_alias", "user_api_key_team_id", "user_api_key_alias"),
        "usage": _usage(record, metadata, response),
    }
    if record.get("messages") and not told.get("asked"):
        told["asked"] = messages(record["messages"])
    if isinstance(response, str) and response:
        told["answered"] = messages(response, "assistant")
    if record.get("status") == "failure":
        told |= _failed(record)
    yield complete(_settled(told), source="litellm", place=place)


def _common(record: Record, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What both kinds of rows tell alike."""
    told = TOLD(record)
    if told.get("first_token_at") == told.get("ended_at"):
        told.pop("first_token_at", None)
    told["provider"] = folding.provider(told.get("provider"))
    told["operation"] = _operation(record.get("call_type"))
    told["tags"] = parsed(told.get("tags"))
    told["cache_hit"] = str(record.get("cache_hit")) == "True"
    if prompt := as_object(metadata.get("prompt_management_metadata")):
        told["prompt_name"] = prompt.get("prompt_id")
    return known({name: value for name, value in told.items() if value not in NOTHING})


def _operation(call_type: Any) -> Operation:
    """LiteLLM calls chat `completion`, and completion `text_completion`."""
    word = str(call_type or "")
    return Operation.CHAT if word in ("completion", "acompletion") else folding.operation(word) or Operation.OTHER


def _usage(record: Record, metadata: Mapping[str, Any], response: Any) -> dict[str, Any]:
    """The record's own sums, with the details of the usage object; 0 and 0 of a stream mean that nobody counted."""
    told = metadata.get("usage_object") or (response.get("usage") if isinstance(response, Mapping) else None) or {}
    return openai_usage({**told, **_sums(record)})


def _sums(record: Record) -> dict[str, Any]:
    return {name: record[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens") if name in record}


def _failed(record: Record) -> dict[str, Any]:
    told = record.get("error_information") or {}
    code = told.get("error_code")
    return {
        **error_fields(
            {"type": told.get("error_class") or "error", "message": told.get("error_message"), "code": code}
        ),
        **({"error_message": record["error_str"]} if record.get("error_str") else {}),
        "status": Status.ERROR,
        "usage": {},
        "reported_cost_usd": None,
    }


def _settled(told: dict[str, Any]) -> dict[str, Any]:
    """A price of 0 for a call whose tokens nobody counted is no price."""
    usage = told.get("usage") or {}
    if not usage.get("input") and not usage.get("output") and not told.get("reported_cost_usd"):
        told["reported_cost_usd"] = None
    return told


def _milliseconds(seconds: Any) -> float | None:
    value = number(seconds)
    return value * 1000 if value else None


def _first(place: Mapping[str, Any], *names: str) -> Any:
    return next((place[name] for name in names if _some(place.get(name)) is not None), None)


def spend(record: Record, place: Place) -> Iterator[Item]:
    metadata = parsed(record.get("metadata"))
    metadata = metadata if isinstance(metadata, dict) else {}
    request = parsed(record.get("proxy_server_request"))
    told = {
        **request_fields(request if isinstance(request, dict) else {}),
        **exchange(None, record.get("response")),
        **_common(record, metadata),
        "response_id": record["request_id"],
        "latency_ms": number(record.get("request_duration_ms")),
        "reported_cost_usd": number(record.get("spend")),
        "session_id": _some(record.get("session_id")),
        "tenant": _some(record.get("team_id")) or _some(record.get("organization_id")),
        "usage": _usage(record, metadata, None),
    }
    if asked := messages(_some(record.get("messages"))):
        told["asked"] = asked
    if record.get("status") == "failure" or metadata.get("status") == "failure":
        told |= _failed({**record, "error_information": metadata.get("error_information")})
    yield complete(_settled(told), source="litellm_spend", place=place)


PAYLOAD = Format(
    name="litellm",
    help="LiteLLM's logging payload (JSON, generic API and file callbacks)",
    detect=detect_payload,
    reader=each(payload),
    real=True,
    order=30,
)
SPEND = Format(
    name="litellm_spend",
    help="LiteLLM proxy spend logs (rows of LiteLLM_SpendLogs as JSON or CSV)",
    detect=detect_spend,
    reader=each(spend),
    real=True,
    order=30,
)
