"""Rejected: the records of a file that could not be kept, as lines for whoever mends them and sends them again."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl

from collectors.files.reading import KEPT_OF_REJECT
from store.conflicts import REASON
from store.connection import Store
from store.sources import Source, rejects

MOST = 10_000  # of one file
MOST_BYTES = 16 << 20  # of its lines together
ENDING = ".rejects.jsonl"

# What to do about a reason, told by how it begins; first come, first served.
ADVICE = {
    REASON: "Give it an id of its own and send it again, or leave it: the call that stands is kept.",
    "no format recognises it": "Say where its fields stand (a mapping), or name its format, and send the file again.",
    "not JSON": "Mend the JSON at the place that is named, and send the record again.",
    "not a JSON object": "Make each record a JSON object of its own.",
    "not CSV": "Close the quotes of the row, and send it again under the file's header.",
    "longer than": "Split the record, or shorten what makes it long.",
    "not as ": "Mend the field that is named, or name another format, and send the record again.",
    "its end is not as ": "The file ends before its last record does: send it whole.",
    "cannot be stored": "Mend the value that no column can hold, and send the record again.",
    r"\d+ cells for": "Give the row as many cells as the header has, and send it again under that header.",
    r"\d+ spans or log records": "Give each a trace id and a span id; those that had them were read.",
    r"(bytes|row groups) .* ended their worker": "Send this stretch again in smaller pieces to find the record.",
}
OTHERWISE = "Mend what the reason names, and send the record again."


def advice(reason: str) -> str:
    """What to do about a record that was rejected for this reason."""
    return next((said for start, said in ADVICE.items() if re.match(start, reason)), OTHERWISE)


def line(row: Mapping[str, Any]) -> bytes:
    """One reject, a row of `store.sources.rejects`, as a line of JSON.

    `raw` is the record as it came, in `raw_base64` where it is no UTF-8; `cut` says that only its beginning was kept.
    """
    raw: bytes = row["raw"] or b""
    told = {
        "file": row["place"], "line": row["line"], "byte_offset": row["byte_offset"], "reason": row["reason"],
        "what_to_do": advice(row["reason"]), "cut": len(raw) >= KEPT_OF_REJECT, **_text(raw),
    }  # fmt: skip
    return orjson.dumps(told) + b"\n"


def _text(raw: bytes) -> dict[str, str]:
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}


def rejected_of(store: Store, source: Source) -> "Rejected":
    """What is kept of the rejects of a file that was read."""
    found = rejects(store, source_id=source.source_id, limit=MOST) if source.rejects else pl.DataFrame()
    told = Rejected().add(found.iter_rows(named=True))
    told.left_out = max(0, source.rejects - len(told.lines))
    return told


@dataclass(slots=True)
class Rejected:
    """Rejects as lines of a file: never more than `MOST` records and `MOST_BYTES`. `left_out`: how many did not fit."""

    lines: list[bytes] = field(default_factory=list)
    bytes: int = 0
    left_out: int = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> "Rejected":
        for row in rows:
            made = b"" if len(self.lines) >= MOST or self.bytes >= MOST_BYTES else line(row)
            if made and self.bytes + len(made) <= MOST_BYTES:
                self.lines.append(made)
                self.bytes += len(made)
            else:
                self.left_out += 1
        return self

    def as_json(self) -> list[dict[str, Any]]:
        return [orjson.loads(one) for one in self.lines]
