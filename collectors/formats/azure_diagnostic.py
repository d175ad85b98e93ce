"""Azure OpenAI diagnostic logs: category RequestResponse tells of calls without text or tokens.

Times in `properties` are .NET ticks; the outer `time` may be another day. API Management's gateway log has the bodies.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors import folding
from collectors.apis.counts import as_object, known
from collectors.apis.exchange import Fields, exchange, number
from collectors.apis.messages import parsed
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from collectors.moments import from_ticks
from store.errors import FormatError
from store.model import Operation

CALLS = ("RequestResponse", "ApiManagementGatewayLogs", "GatewayLogs")


def detect(record: Record) -> bool:
    inner = record.get("records")
    if isinstance(inner, list) and inner and isinstance(inner[0], dict):
        return detect(inner[0])
    return "category" in record and "operationName" in record and "properties" in record


def parse(record: Record, place: Place) -> Iterator[Item]:
    for number_, entry in enumerate(record.get("records") or [record]):
        if entry.get("category") not in CALLS:
            raise FormatError(f"category {entry.get('category')!r} holds no calls")
        told = _told(entry, as_object(parsed(entry.get("properties"))))
        spot = place if entry is record else _numbered(place, number_)
        yield complete(told, source="azure_diagnostic", place=spot)


def _numbered(place: Place, number_: int) -> Place:
    return Place(
        file=place.file, line=place.line, byte_offset=place.byte_offset, raw=place.raw + b"#%d" % number_,
        read_at=place.read_at, head=place.head,
    )  # fmt: skip


def _told(entry: Mapping[str, Any], properties: Mapping[str, Any]) -> Fields:
    told = exchange(properties.get("backendRequestBody"), properties.get("backendResponseBody"))
    named = [properties.get("modelName"), properties.get("modelVersion")]
    start = from_ticks(properties.get("requestTime")) or entry.get("time")
    code = entry.get("resultSignature") or properties.get("responseCode")
    streamed = properties.get("streamType")
    return known({
        **told,
        "provider": "azure.ai.openai",
        "request_model": properties.get("modelDeploymentName") or told.get("request_model"),
        "response_model": told.get("response_model") or "-".join(n for n in named if n),
        "operation": folding.operation(entry.get("operationName")) or told.get("operation") or Operation.OTHER,
        "started_at": start,
        "latency_ms": number(entry.get("durationMs")),
        "stream": None if streamed is None else streamed == "Streaming",
        "http_status": int(str(code)) if str(code).isdigit() else None,
        "source_record_id": f"{entry.get('correlationId')}@{start}" if entry.get("correlationId") else None,
        "user_id": properties.get("objectId"),
        "service": str(entry.get("resourceId") or "").rsplit("/", 1)[-1],
        "metadata": known({
            "correlation_id": entry.get("correlationId"), "location": entry.get("location"),
            "request_length": properties.get("requestLength"), "response_length": properties.get("responseLength"),
            "api": properties.get("apiName"),
        }),
    })  # fmt: skip


FORMAT = Format(
    name="azure_diagnostic",
    help="Azure OpenAI diagnostic log (RequestResponse) and API Management gateway log, also as Event Hub batches",
    detect=detect,
    reader=each(parse),
    real=True,
    order=15,
)
