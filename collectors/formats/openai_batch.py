"""OpenAI's Batch API: output and error files, also as Azure, vLLM and other clones write them.

No prompt (it stands in the input file), no latency; the lines come in any order.
"""

from collections.abc import Iterator

from collectors.apis.exchange import error_fields, request_fields, response_fields
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.errors import FormatError
from store.model import Operation

OK_BELOW = 300


def detect(record: Record) -> bool:
    return "custom_id" in record and ("response" in record or "error" in record or "body" in record)


def parse(record: Record, place: Place) -> Iterator[Item]:
    if "body" in record:
        raise FormatError("a Batch input file holds requests, no calls: read the output file")
    response = record.get("response") or {}
    body = response.get("body")
    body = body if isinstance(body, dict) else {}
    status = response.get("status_code")
    failed = error_fields(record.get("error"))
    if status is not None and status >= OK_BELOW:
        failed = {**error_fields(body.get("error") or body or f"HTTP {status}"), **failed}
    yield complete(
        {
            **request_fields({"model": body.get("model")}),
            **response_fields(body),
            **failed,
            "operation": response_fields(body).get("operation", Operation.OTHER),
            "provider": "openai",
            "request_model": None,
            "stream": False,
            "http_status": status,
            "source_record_id": record["custom_id"],
            "metadata": {key: record[key] for key in ("id", "custom_id") if record.get(key)},
            "call_id": None if body.get("id") else _unanswered(record),
        },
        source="openai_batch",
        place=place,
    )


def _unanswered(record: Record) -> str | None:
    """A failed request has only its batch's own id; "request-1" alone would be another batch's too."""
    return f"src:openai_batch:{record['id']}:{record['custom_id']}" if record.get("id") else None


FORMAT = Format(
    name="openai_batch",
    help="OpenAI Batch API output and error files, also of its clones",
    detect=detect,
    reader=each(parse),
    real=True,
    order=20,
)
