"""AWS Bedrock model invocation log: Converse and InvokeModel, streamed or not, as delivered to S3 or CloudWatch.

The timestamp is near the end of the call; latency stands only in Converse outputs. Bodies over 100 KB lie elsewhere.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis import bedrock_guardrail
from collectors.apis.counts import as_object, bedrock_usage, either, known
from collectors.apis.exchange import Fields, exchange, number
from collectors.apis.messages import parsed
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.model import Evaluation, Operation, Status


def detect(record: Record) -> bool:
    return record.get("schemaType") == "ModelInvocationLog" or (
        "modelId" in record and "requestId" in record and ("input" in record or "operation" in record)
    )


def parse(record: Record, place: Place) -> Iterator[Item]:
    given, got = as_object(record.get("input")), as_object(record.get("output"))
    request, response = parsed(given.get("inputBodyJson")), parsed(got.get("outputBodyJson"))
    told = exchange(request, response)
    model = str(record.get("modelId") or "").rsplit("/", 1)[-1] or None
    told |= {
        "provider": "aws.bedrock",
        "request_model": model,
        "operation": Operation.EMBEDDING if model and "embed" in model else Operation.CHAT,
        "stream": str(record.get("operation", "")).endswith("Stream"),
        "source_record_id": record.get("requestId"),
        "response_id": told.get("response_id") or record.get("requestId"),
        "usage": _usage(given, got, told.get("usage")),
        "user_id": as_object(record.get("identity")).get("arn"),
        "metadata": known({**as_object(record.get("requestMetadata")), "region": record.get("region"),
                           "account_id": record.get("accountId")}),
        "latency_ms": told.get("latency_ms") or _invocation_latency(response),
        "ended_at": record.get("timestamp"),
    }  # fmt: skip
    if record.get("errorCode"):
        told |= {"error_type": record["errorCode"], "status": Status.ERROR}
    call = complete(known(told), source="bedrock", place=place)
    yield call
    if guarded := bedrock_guardrail.outcome(response):
        yield Evaluation(
            call_id=call.call_id, event_time=call.event_time, evaluator="trace/bedrock",
            created_at=call.ended_at or call.event_time, **guarded,
        )  # fmt: skip


def _usage(given: Mapping[str, Any], got: Mapping[str, Any], in_body: Any) -> Fields:
    """The log's own counts; the body's where the log has none."""
    logged = bedrock_usage({
        "inputTokens": given.get("inputTokenCount"), "outputTokens": got.get("outputTokenCount"),
        "cacheReadInputTokens": either(given, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        "cacheWriteInputTokens": either(given, "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
    })  # fmt: skip
    return {**as_object(in_body), **logged} if logged.get("input") is not None else dict(as_object(in_body))


def _invocation_latency(response: Any) -> float | None:
    """InvokeModel streams end with metrics of the invocation."""
    for chunk in reversed(response) if isinstance(response, list) else ():
        metrics = as_object(as_object(chunk).get("amazon-bedrock-invocationMetrics"))
        if metrics:
            return number(metrics.get("invocationLatency"))
    return None


FORMAT = Format(
    name="bedrock",
    help="AWS Bedrock model invocation log",
    detect=detect,
    reader=each(parse),
    real=True,
    order=15,
)
