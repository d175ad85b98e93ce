"""Chunks of streamed answers as applications dump them, one a line: of OpenAI chat and Responses, and of Anthropic.

Chat chunks name their answer; of events, which do not, an answer begins with its first and ends with its last.
"""

from collections.abc import Iterator

from collectors.apis.exchange import response_fields
from collectors.apis.stream import ENDS, assembled
from collectors.complete import complete
from collectors.files.reading import Place, Record
from collectors.format import Format, Item
from collectors.held import Held
from store.errors import FormatError

EVENTS = ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
          "message_stop", "ping")  # fmt: skip
FIRST, LAST = ("message_start", "response.created"), ("message_stop", *ENDS)
UNNAMED = ""


def detect(record: Record) -> bool:
    if record.get("object") == "chat.completion.chunk":
        return "id" in record
    kind = record.get("type")
    return kind in EVENTS or (isinstance(kind, str) and kind.startswith("response.") and "sequence_number" in record)


class Answers:
    """Holds the chunks of answers that are not whole yet, with the place of each one's first."""

    def __init__(self) -> None:
        self._open: Held[tuple[Place, list[Record]]] = Held()

    def read(self, record: Record, place: Place) -> Iterator[Item]:
        key = str(record.get("id") or UNNAMED)
        first, chunks = self._open.pop(key) or (place, [])
        if chunks and record.get("type") in FIRST:  # the one before broke off
            yield _call(first, chunks)
            first, chunks = place, []
        chunks.append(record)
        if record.get("type") in LAST or (record.get("usage") and not record.get("choices") and key):
            yield _call(first, chunks)
            return
        for gone in self._open.put(key, (first, chunks)):
            yield _call(*gone)

    def rest(self) -> Iterator[Item]:
        for first, chunks in self._open.values():
            yield _call(first, chunks)


def _call(place: Place, chunks: list[Record]) -> Item:
    told = response_fields(assembled(chunks))
    if not told:
        raise FormatError("no chunk of an answer that is known")
    told["stream"] = True
    if not told.get("finish_reasons"):
        told["problems"] = ["no_end"]
    return complete(told, source="stream_chunks", place=place)


FORMAT = Format(
    name="stream_chunks",
    help="Chunks of streamed answers dumped one a line: OpenAI chat and Responses events, Anthropic message events",
    detect=detect,
    reader=Answers,
    order=60,
    remembers=True,
)
