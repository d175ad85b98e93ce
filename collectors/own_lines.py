"""Own lines: find the clean lines of a file in Leeway's own format, without making anything of them.

A line is clean when it decodes, with exactly our names and types, and its id was not met before in the file. The store
then reads the clean lines by itself; all others go the long way through `collectors/formats/leeway.py`.
"""

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec

from collectors.formats.leeway import HINTS
from collectors.reading import Piece
from collectors.usage import IMPLAUSIBLE
from store.calls import COLUMNS
from store.model import Json, TimeQuality
from store.own_lines import MAX_OBJECT_BYTES

CHUNK = 4 << 20
DISORDER = timedelta(hours=1)  # times that fall back by more than this are put in order when stored
MOST_ODD = 100_000  # lines that go the long way; with more, all do
MOST_LINES = 20_000_000  # ids that are remembered
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
BAD_LINE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError)


BESIDE: dict[str, Any] = {"cost_usd": float | None, "cost_status": str | None, "ingested_at": str | None}


def _kind(name: str) -> Any:
    hint = HINTS[name]
    if hint == Json:
        return msgspec.Raw
    if hint in (datetime, datetime | None):
        return Annotated[datetime, msgspec.Meta(tz=True)] | None
    if hint == int | None:
        return Annotated[int, _bounds(name)] | None
    if hint == float | None:
        return Annotated[float, msgspec.Meta(ge=0, le=1e18)] | None
    return hint | None


def _bounds(name: str) -> msgspec.Meta:
    if name == "seed":
        return msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)
    return msgspec.Meta(ge=0, le=IMPLAUSIBLE)


def _default(name: str) -> Any:
    return msgspec.Raw(b"null") if HINTS[name] == Json else None


Line = msgspec.defstruct(
    "Line",
    [
        ("call_id", str),
        *((name, _kind(name), _default(name)) for name in COLUMNS if name != "call_id"),
        *((name, kind, None) for name, kind in BESIDE.items()),
    ],
    forbid_unknown_fields=True,
    gc=False,
)


@dataclass(slots=True, kw_only=True)
class Survey:
    """What was found: `clean` lines, the `odd` ones (None: too many of them), the clean ones' times."""

    clean: int = 0
    odd: list[Piece] | None = None
    first: datetime | None = None
    last: datetime | None = None
    in_order: bool = True
    timeless: bool = False


def survey(path: Path) -> Survey:
    """Look at every line of a plain file once, in bounded memory. The loop is tight: it sees all of a big file."""
    found, odd, seen = Survey(odd=[]), list[Piece](), set[int]()
    decode = msgspec.json.Decoder(Line).decode
    offset, last = 0, EARLIEST
    with path.open("rb", buffering=CHUNK) as file:
        for line, raw in enumerate(file, 1):
            try:
                row: Any = decode(raw) if raw.isascii() or raw.decode() else None
                moment = row.event_time or row.started_at
                key = hash(row.call_id)
            except BAD_LINE:
                moment = None
            if moment is None or key in seen or len(raw) > MAX_OBJECT_BYTES:
                odd.append(Piece(line, offset, length=len(raw)))
                if len(odd) > MOST_ODD or line > MOST_LINES:
                    return Survey()
            else:
                seen.add(key)
                if moment < last or found.first is None or row.time_quality is TimeQuality.INGESTED:
                    _note(found, moment, last, row.time_quality)
                last = max(last, moment)
            offset += len(raw)
    found.clean, found.odd = len(seen), odd
    found.last = last if seen else None
    return found


def _note(found: Survey, moment: datetime, last: datetime, quality: TimeQuality | None) -> None:
    """A time that is the first, falls back, or is none of the call's own."""
    found.in_order = found.in_order and (last is EARLIEST or moment > last - DISORDER)
    found.first = min(found.first or moment, moment)
    found.timeless = found.timeless or quality is TimeQuality.INGESTED


def clean_copy(path: Path, odd: list[Piece], target: Path) -> None:
    """Put the file without its odd lines at `target`; a clean one is linked, not copied, where that can be."""
    if not odd:
        try:
            os.link(path, target)
        except OSError:  # another file system
            shutil.copyfile(path, target)
        return
    with path.open("rb") as file, target.open("wb") as out:
        for skipped in odd:
            _copy(file, out, skipped.offset - file.tell())
            file.seek(skipped.offset + skipped.length)
        shutil.copyfileobj(file, out, CHUNK)


def _copy(file: BinaryIO, out: BinaryIO, length: int) -> None:
    while length > 0 and (chunk := file.read(min(length, CHUNK))):
        out.write(chunk)
        length -= len(chunk)
