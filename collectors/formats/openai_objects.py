"""API objects as applications dump them: OpenAI chat completions, responses and embeddings, Anthropic messages, Gemini.

One object a line, without its request: no prompt, no latency, times in whole seconds.
"""

from collections.abc import Iterator

from collectors.apis.exchange import request_fields, response_fields
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.errors import FormatError

OBJECTS = ("chat.completion", "text_completion", "response", "list")


def detect(record: Record) -> bool:
    if record.get("object") in OBJECTS:
        return "data" not in record or _holds_embeddings(record["data"])
    return (record.get("type") == "message" and "content" in record and "usage" in record) or (
        "candidates" in record and ("usageMetadata" in record or "usage_metadata" in record)
    )


def _holds_embeddings(data: object) -> bool:
    return isinstance(data, list) and all(isinstance(item, dict) and "embedding" in item for item in data[:1])


def parse(record: Record, place: Place) -> Iterator[Item]:
    told = response_fields(record)
    if not told:
        raise FormatError("neither choices nor output")
    asked = request_fields({key: record[key] for key in ("messages", "instructions", "tools") if record.get(key)})
    metadata = record.get("metadata") if isinstance(record.get("metadata"), dict) else None
    yield complete({**asked, **told, "metadata": metadata or None}, source="openai_objects", place=place)


FORMAT = Format(
    name="openai_objects",
    help="OpenAI chat completions, responses and embeddings dumped one a line; Anthropic messages and Gemini likewise",
    detect=detect,
    reader=each(parse),
    real=True,
    order=60,
)
