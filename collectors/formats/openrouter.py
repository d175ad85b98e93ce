"""OpenRouter generation records. Native token counts are the ones that are billed; reasoning is part of the output."""

from collections.abc import Iterator

from collectors.apis.counts import as_object, either, known
from collectors.apis.exchange import number
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.errors import FormatError
from store.model import Operation, Status


def _generation(record: Record) -> Record:
    return dict(as_object(record.get("data")) or record)


def detect(record: Record) -> bool:
    told = _generation(record)
    return "native_tokens_prompt" in told or {"model_permaslug", "requests"} <= told.keys()


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = _generation(record)
    if "requests" in told:
        raise FormatError("an activity export holds sums of days, no calls: export generations")
    counted = {
        "input": either(told, "native_tokens_prompt", "tokens_prompt"),
        "output": either(told, "native_tokens_completion", "tokens_completion"),
        "reasoning": told.get("native_tokens_reasoning"),
        "cache_read": told.get("native_tokens_cached"),
    }
    fields = known({
        "started_at": told.get("created_at"),
        "latency_ms": number(either(told, "latency", "generation_time")),
        "request_model": told.get("model"),
        "provider": told.get("provider_name"),
        "operation": Operation.COMPLETION if told.get("api_type") == "completions" else Operation.CHAT,
        "stream": told.get("streamed"),
        "usage": known(counted),
        "reported_cost_usd": number(either(told, "total_cost", "usage")),
        "finish_reasons": [told["finish_reason"]] if told.get("finish_reason") else None,
        "response_id": told.get("id"),
        "source_record_id": told.get("id"),
        "user_id": told.get("external_user"),
        "metadata": known({"upstream_id": told.get("upstream_id"), "origin": told.get("origin"),
                           "native_finish_reason": told.get("native_finish_reason")}),
    })  # fmt: skip
    if told.get("cancelled"):
        fields["status"] = Status.CANCELLED
    yield complete(fields, source="openrouter", place=place)


FORMAT = Format(
    name="openrouter",
    help="OpenRouter generation records",
    detect=detect,
    reader=each(parse),
    order=40,
)
