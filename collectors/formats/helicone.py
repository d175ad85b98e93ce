"""Helicone exports: its export tool and query API, as JSON lines or CSV (which flattens nested keys with dots)."""

from collections.abc import Iterator

from collectors.apis.counts import as_object
from collectors.apis.exchange import exchange, number
from collectors.apis.messages import parsed
from collectors.apis.named import Named
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from collectors.moments import moment
from store.model import Evaluation, LLMCall, Operation, Status

TOLD = Named({
    "started_at": "request_created_at",
    "ended_at": "response_created_at",
    "request_model": ("request_model", "model_override"),
    "response_model": "response_model",
    "provider": "provider",
    "source_record_id": "request_id",
    "user_id": "request_user_id",
    "session_id": "request_properties.Helicone-Session-Id",
    "metadata": "request_properties",
    "latency_ms": "delay_ms",
    "ttft_ms": "time_to_first_token",
    "reported_cost_usd": ("costUSD", "cost_usd", "cost"),
})  # fmt: skip
COUNTS = Named({
    "input": "prompt_tokens", "output": "completion_tokens", "total": "total_tokens",
    "cache_read": "prompt_cache_read_tokens", "cache_write": "prompt_cache_write_tokens",
    "reasoning": "reasoning_tokens", "input_audio": "prompt_audio_tokens", "output_audio": "completion_audio_tokens",
})  # fmt: skip
NUMBERS = ("latency_ms", "ttft_ms", "reported_cost_usd")


def detect(record: Record) -> bool:
    return "helicone_user" in record or ("request_created_at" in record and "response_status" in record)


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = {"operation": Operation.CHAT, **exchange(record.get("request_body"), record.get("response_body"))}
    told |= TOLD(record)
    told |= {name: number(told[name]) for name in NUMBERS if name in told}
    if "metadata" in told:
        told["metadata"] = as_object(parsed(told["metadata"]))
    if "input" in (counts := COUNTS(record)):
        told["usage"] = {**counts, "exclusive": str(record.get("provider")).upper() == "ANTHROPIC"}
    told["cache_hit"] = bool(record.get("cache_reference_id"))
    status = number(record.get("response_status"))
    if status is not None and status > 0:
        told["http_status"] = int(status)
    elif status is not None:  # Helicone's own: pending, cancelled, blocked
        told |= {"status": Status.CANCELLED, "http_status": None}
    call = complete(told, source="helicone", place=place)
    yield call
    yield from _judged(record, call)


def _judged(record: Record, call: LLMCall) -> Iterator[Item]:
    """Scores are kept by name, feedback as a thumb up or down."""
    said = {**as_object(parsed(record.get("scores"))), "feedback": record.get("feedback_rating")}
    at = moment(record.get("feedback_created_at")) or call.ended_at or call.event_time
    for name, value in said.items():
        if isinstance(value, int | float):
            yield Evaluation(
                call_id=call.call_id, event_time=call.event_time, name=name, evaluator="helicone",
                value=float(value), created_at=at,
            )  # fmt: skip


FORMAT = Format(
    name="helicone",
    help="Helicone exports, JSON lines or CSV",
    detect=detect,
    reader=each(parse),
    order=40,
)
