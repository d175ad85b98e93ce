"""OpenRouter generation records. Native token counts are the ones that are billed; reasoning is part of the output."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.counts import as_object, known
from collectors.apis.exchange import number, texts
from collectors.apis.named import Named
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.errors import FormatError
from store.model import Operation, Status

TOLD = Named({
    "started_at": ("created_at", "createdAt"),
    "latency_ms": ("latency", "generation_time", "generationTime"),
    "request_model": "model",
    "provider": ("provider_name", "providerName"),
    "stream": "streamed",
    "response_id": "id",
    "source_record_id": "id",
    "user_id": ("external_user", "externalUser"),
    "finish_reason": ("finish_reason", "finishReason"),
})  # fmt: skip
COUNTS = Named({
    "input": ("native_tokens_prompt", "nativeTokensPrompt", "tokens_prompt", "tokensPrompt"),
    "output": ("native_tokens_completion", "nativeTokensCompletion", "tokens_completion", "tokensCompletion"),
    "reasoning": ("native_tokens_reasoning", "nativeTokensReasoning"),
    "cache_read": ("native_tokens_cached", "nativeTokensCached"),
})  # fmt: skip
BESIDE = Named({
    "upstream_id": ("upstream_id", "upstreamId"), "origin": "origin",
    "native_finish_reason": ("native_finish_reason", "nativeFinishReason"),
})  # fmt: skip
COST = Named({
    "own": ("total_cost", "totalCost", "usage"), "byok": ("is_byok", "isByok"),
    "upstream": ("upstream_inference_cost", "upstreamInferenceCost"),
})  # fmt: skip


def _generation(record: Record) -> Record:
    return dict(as_object(record.get("data")) or record)


def detect(record: Record) -> bool:
    told = _generation(record)
    native = "native_tokens_prompt" in told or "nativeTokensPrompt" in told
    return native or {"model_permaslug", "requests"} <= told.keys()


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = _generation(record)
    if "requests" in told:
        raise FormatError("an activity export holds sums of days, no calls: export generations")
    kind = told.get("api_type") or told.get("apiType")
    fields = TOLD(told)
    fields |= {
        "latency_ms": number(fields.get("latency_ms")),
        "operation": Operation.COMPLETION if kind == "completions" else Operation.CHAT,
        "usage": COUNTS(told),
        "reported_cost_usd": _cost(COST(told)),
        "finish_reasons": texts([fields.get("finish_reason")]),
        "metadata": BESIDE(told),
    }
    if told.get("cancelled"):
        fields["status"] = Status.CANCELLED
    yield complete(known(fields), source="openrouter", place=place)


def _cost(told: Mapping[str, Any]) -> float | None:
    """With a key of one's own the provider's bill comes beside what OpenRouter takes."""
    own, upstream = number(told.get("own")), number(told.get("upstream"))
    return (own or 0) + upstream if told.get("byok") and upstream is not None else own


FORMAT = Format(
    name="openrouter",
    help="OpenRouter generation records",
    detect=detect,
    reader=each(parse),
    order=40,
)
